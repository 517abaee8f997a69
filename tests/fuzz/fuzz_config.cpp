// The YAML reader: any text is either a configuration or one ConfigError that names its place; a configuration keeps to
// the bounds that the rest of the server relies on.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace roost::config;
  if (size > 16 * 1024) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const Configuration configuration = read_text(text, "fuzz.yaml", "/");
    const Server& server = configuration.server;
    if (configuration.routes.empty() || server.listen.empty() || server.processes == 0 || server.threads == 0)
      std::abort();
    if (server.limits.headers == 0 || server.limits.connections == 0 || server.limits.header_bytes < 256) std::abort();
    for (const Route& route : configuration.routes) {
      if (route.path.empty() || route.path.front() != '/') std::abort();
      if (route.kind == RouteKind::respond && (route.status < 200 || route.status > 599)) std::abort();
    }
  } catch (const ConfigError& error) {
    if (std::string(error.what()).rfind("fuzz.yaml", 0) != 0) std::abort();
  }
  return 0;
}
