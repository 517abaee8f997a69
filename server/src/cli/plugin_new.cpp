#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include "cli/commands.hpp"
#include "cli/plugin_template.hpp"

namespace roost::cli {

namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestName = 64;

std::string replaced(std::string_view text, std::string_view mark, std::string_view value) {
  std::string result;
  for (size_t at; (at = text.find(mark)) != std::string_view::npos; text.remove_prefix(at + mark.size())) {
    result.append(text.substr(0, at)).append(value);
  }
  return result.append(text);
}

// What holds bin/roost: an installed tree or a build.
fs::path own_prefix() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().parent_path();
}

// Empty, or what is wrong with it. The name becomes that of a file, of a CMake target and of a key.
std::string complaint_about(const std::string& name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (name.empty() || name.size() > kLongestName || !(name[0] >= 'a' && name[0] <= 'z') ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    return "\"" + name + "\" is no name for a plugin: small letters, digits and _, beginning with a letter, at most " +
           std::to_string(kLongestName);
  }
  return {};
}

int write_plugin(const std::string& name) {
  const fs::path folder = name;
  // Made here and now, or not at all: what is in an existing folder is somebody's.
  if (!fs::create_directory(folder)) throw std::runtime_error(name + " exists already");
  const std::string prefix = own_prefix().string();
  for (const TemplateFile& file : plugin_template()) {
    const fs::path path = folder / replaced(file.path, "@NAME@", name);
    std::ofstream stream(path, std::ios::binary);
    stream << replaced(replaced(file.text, "@NAME@", name), "@ROOST@", prefix);
    stream.close();
    if (!stream) throw std::runtime_error("cannot write " + path.string());
    if (file.executable) {
      fs::permissions(path, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                      fs::perm_options::add);
    }
    std::cout << "wrote " << path.string() << "\n";
  }
  std::cout << "\ncd " << name << " && cmake -B build && cmake --build build && ctest --test-dir build" << std::endl;
  return 0;
}

}  // namespace

void add_plugin_new(CLI::App& plugin, Run& run) {
  CLI::App* command =
      plugin.add_subcommand("new", "Write a new plugin, with its build and its test, into a folder of its name");
  const auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "Its name: small letters, digits and _")->required();
  command->callback([&run, name] {
    if (const std::string complaint = complaint_about(*name); !complaint.empty()) {
      throw CLI::ValidationError("NAME", complaint);
    }
    run = [name] { return write_plugin(*name); };
  });
}

}  // namespace roost::cli
