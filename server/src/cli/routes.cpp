#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/configuration_argument.hpp"
#include "config/reader.hpp"

namespace roost::cli {

namespace {

// In columns as wide as their widest cell; the last one ragged.
template <size_t N>
void print_table(const std::vector<std::array<std::string, N>>& rows) {
  std::array<size_t, N> widths{};
  for (const auto& row : rows) {
    for (size_t i = 0; i < N; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < N; ++i) line += row[i] + (i + 1 < N ? std::string(widths[i] - row[i].size() + 2, ' ') : "");
    std::cout << line << "\n";
  }
}

}  // namespace

void add_routes(CLI::App& parent, Run& run) {
  CLI::App* command = parent.add_subcommand("routes", "List every route: methods, path, handler, middleware, place");
  const auto file = add_file_argument(*command);
  command->callback([&run, file] {
    run = [file = *file] {
      const config::Configuration configuration = config::read_file(file);
      return in_child([&] {
        const LoadedSite loaded(configuration, true);
        std::vector<std::array<std::string, 5>> rows{{"METHODS", "PATH", "HANDLER", "MIDDLEWARE", "PLACE"}};
        for (const dispatch::Route& route : loaded.site->routes()) {
          std::string chain;
          for (const auto* link : route.chain) chain += (chain.empty() ? "" : ", ") + link->name();
          std::string place = route.place.file ? *route.place.file : std::string();
          place += ":" + std::to_string(route.place.line) + ":" + std::to_string(route.place.column);
          rows.push_back({route.methods.empty() ? "any" : route.methods, route.host + route.path, route.name,
                          chain.empty() ? "-" : chain, place});
        }
        print_table(rows);
        return 0;
      });
    };
  });
}

}  // namespace roost::cli
