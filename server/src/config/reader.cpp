#include "config/reader.hpp"

#include <unistd.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "config/section_readers.hpp"

namespace roost::config {

namespace {

Configuration read(const YAML::Node& yaml, std::shared_ptr<const std::string> name, const std::filesystem::path& file,
                   const std::filesystem::path& directory) {
  Configuration configuration;
  configuration.file = file;
  configuration.directory = directory;
  auto values = std::make_shared<ValueTree>();

  Node root(yaml, "", name);
  if (!root.is_map()) root.fail("a map with the keys server, plugins, middleware and routes is expected");
  root.entries();  // keys written twice
  if (auto node = root.get("server")) {
    read_server(*node, directory, configuration.server);
  } else {
    read_server(Node(YAML::Node(YAML::NodeType::Map), "server", name), directory, configuration.server);
  }
  if (auto node = root.get("redis")) read_redis(*node, configuration.server.redis);
  if (auto node = root.get("python")) read_python(*node, directory, configuration.python);
  if (auto node = root.get("plugins")) {
    for (auto& [key, plugin] : node->entries()) configuration.plugins.push_back(read_plugin(key, plugin, *values));
  }
  if (auto node = root.get("middleware")) {
    for (const Node& item : node->items()) configuration.middleware.push_back(read_middleware(item, *values));
  }
  Node routes = root.require("routes");
  root.refuse({"admin"});
  root.no_others();
  for (const Node& item : routes.items()) configuration.routes.push_back(read_route(item, configuration, *values));
  if (configuration.routes.empty()) routes.fail("a server without routes answers nothing; add at least one");

  if (configuration.server.control.empty() && !file.empty()) configuration.server.control = default_control_path(file);
  configuration.values = values;
  return configuration;
}

// What people mostly did where the parser only says that it is at a loss; empty: nothing more to say.
std::string likely_cause(const std::string& text, int line) {
  std::istringstream stream(text);
  std::string found;
  while (line-- >= 0 && std::getline(stream, found)) {
  }
  const size_t first = found.find_first_not_of(" \t");
  if (found.substr(0, first).find('\t') != std::string::npos) return "; a tab stands here: indent with spaces";
  return "";
}

YAML::Node parse(const std::string& text, const std::shared_ptr<const std::string>& name) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    Place place{name, 0, 0};
    if (!error.mark.is_null()) {
      place.line = static_cast<uint32_t>(error.mark.line + 1);
      place.column = static_cast<uint32_t>(error.mark.column + 1);
    }
    std::string cause = likely_cause(text, error.mark.line);
    if (cause.empty() && error.msg == YAML::ErrorMsg::MAP_VALUE) {
      cause = "; a key stands deeper than its neighbours, or a value with \": \" in it needs quotes";
    }
    throw ConfigError(place, "", "this is not YAML: " + error.msg + cause);
  }
}

}  // namespace

Configuration read_file(const std::filesystem::path& file) {
  const auto name = std::make_shared<const std::string>(file.string());
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  // Of an empty file operator<< would complain.
  if (!stream || std::filesystem::is_directory(file) ||
      (stream.peek() != std::ifstream::traits_type::eof() && !(text << stream.rdbuf())) || stream.bad()) {
    throw ConfigError({name, 0, 0}, "",
                      "the file cannot be read: " + std::generic_category().message(errno ? errno : EIO));
  }
  const auto absolute = std::filesystem::absolute(file).lexically_normal();
  return read(parse(text.str(), name), name, absolute, absolute.parent_path());
}

Configuration read_text(std::string_view yaml, const std::string& name, const std::filesystem::path& directory) {
  const auto shown = std::make_shared<const std::string>(name);
  return read(parse(std::string(yaml), shown), shown, {}, directory);
}

std::string default_control_path(const std::filesystem::path& file) {
  // FNV-1a, 64 bits: short enough for sun_path, the same in every process.
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : file.string()) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  char name[40];
  std::snprintf(name, sizeof name, "%016llx.sock", static_cast<unsigned long long>(hash));
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime && *runtime == '/') {
    return std::string(runtime) + "/roost/" + name;
  }
  if (geteuid() == 0) return std::string("/run/roost/") + name;
  return "/tmp/roost-" + std::to_string(geteuid()) + "/" + name;
}

}  // namespace roost::config
