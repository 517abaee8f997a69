#include "cli/plugin_template.hpp"

namespace roost::cli {

namespace {

constexpr std::string_view kCMake = R"cmake(cmake_minimum_required(VERSION 3.20)
project(@NAME@ VERSION 0.1.0 LANGUAGES C CXX)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# Where Roost is: -Droost_DIR=PREFIX/lib/cmake/roost says otherwise.
find_package(roost CONFIG REQUIRED HINTS "@ROOST@")

# build/libroost_@NAME@.so
roost_add_plugin(@NAME@ SOURCES @NAME@.cpp)

enable_testing()
add_test(NAME serves
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/test.sh $<TARGET_FILE:roost::roost> $<TARGET_FILE:@NAME@_plugin>)
)cmake";

// The delimiter is none that clang-format takes for code of its own.
constexpr std::string_view kSource = R"plugin(#include <roost/plugin.hpp>

ROOST_PLUGIN(@NAME@, "0.1.0") {  // runs once, before the workers are forked: start no threads here
  const auto greeting = plugin.config().text("greeting", "Hello");

  plugin.handler("greet", [greeting](const roost::Request& request) {
    return roost::Response::text(greeting, ", ", request.path("name"), "!");
  });
}
)plugin";

constexpr std::string_view kYaml = R"yaml(server:
  listen: "127.0.0.1:${PORT:-8080}"
plugins:
  @NAME@: { library: "${PLUGIN:-build/libroost_@NAME@.so}", config: { greeting: Hello } }
routes:
  - { path: /hello/:name, plugin: @NAME@.greet }
)yaml";

constexpr std::string_view kTest = R"bash(#!/usr/bin/env bash
# test.sh ROOST PLUGIN: serves roost.yaml on a free port and asks the plugin something.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export PLUGIN=$2 PORT=0

"$1" check roost.yaml

coproc SERVER { exec "$1" serve roost.yaml; }
server=$SERVER_PID output=${SERVER[0]}
trap 'kill "$server" && wait "$server"' EXIT
port=
until [[ ${line-} == ready ]]; do
  read -r line <&"$output" || { echo "the server ended before it was ready"; trap - EXIT; exit 1; }
  [[ $line == "listening http://"* ]] && port=${line##*:}
done

# get PATH: the whole response.
get() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n' "$1" >&3
  cat <&3
  exec 3>&-
}

# expect PATH TEXT: the response has the text in it.
expect() {
  local response
  response=$(get "$1")
  [[ $response == *"$2"* ]] || { printf 'GET %s: no "%s" in\n%s\n' "$1" "$2" "$response"; exit 1; }
}

expect /hello/world "Hello, world!"
expect /hello/a%20b "Hello, a b!"
echo passed
)bash";

constexpr std::string_view kReadme = R"md(# @NAME@
A plugin for Roost.

```
cmake -B build && cmake --build build
ctest --test-dir build --output-on-failure
roost serve roost.yaml          # http://127.0.0.1:8080/hello/world
```

`roost plugin inspect build/libroost_@NAME@.so` tells what is in it. What a plugin can do is told in the headers, beginning
with `roost/plugin.hpp`: handlers that answer later or block, streamed bodies, WebSockets, middleware, hooks in each worker,
typed configuration. Give `roost_add_plugin` more SOURCES, and LIBRARIES to link. Without CMake:

```
export PKG_CONFIG_PATH=@ROOST@/lib/pkgconfig
c++ -std=c++17 -O2 -fPIC -shared $(pkg-config --cflags roost) -o build/libroost_@NAME@.so @NAME@.cpp
```
)md";

}  // namespace

const std::vector<TemplateFile>& plugin_template() {
  static const std::vector<TemplateFile> files{
      {"CMakeLists.txt", kCMake}, {"@NAME@.cpp", kSource}, {"roost.yaml", kYaml},
      {"test.sh", kTest, true},   {"README.md", kReadme},  {".gitignore", "/build/\n"},
  };
  return files;
}

}  // namespace roost::cli
