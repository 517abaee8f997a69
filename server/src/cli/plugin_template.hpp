// The files of a new plugin, as `roost plugin new` writes them.
#pragma once

#include <string_view>
#include <vector>

namespace roost::cli {

struct TemplateFile {
  std::string_view path;  // @NAME@ stands for the plugin's name
  std::string_view text;  // and @ROOST@ for the tree that this server belongs to
  bool executable = false;
};

const std::vector<TemplateFile>& plugin_template();

}  // namespace roost::cli
