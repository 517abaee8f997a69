#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/error.hpp"
#include "handlers/plugin_library.hpp"
#include "handlers/plugin_set.hpp"
#include "http/exchange.hpp"

using namespace roost;
using handlers::PluginSet;

namespace {

const roost_host kHost{};

roost_plugin plugin_named(const char* name, decltype(roost_plugin::configure) configure) {
  roost_plugin plugin{};
  plugin.struct_size = sizeof plugin;
  plugin.abi_version = ROOST_ABI_VERSION;
  plugin.name = http::str(name);
  plugin.version = http::str("1");
  plugin.configure = configure;
  return plugin;
}

roost_handler handler_named(const char* name) {
  roost_handler handler{};
  handler.struct_size = sizeof handler;
  handler.name = http::str(name);
  handler.handle = [](void*, const roost_request*, roost_responder*) { return ROOST_OK; };
  return handler;
}

roost_status mounts_nothing(void*, const roost_mount*, const roost_mount_sink*, roost_error*) {
  return ROOST_OK;
}

std::string error_of(const roost_plugin& plugin) {
  PluginSet plugins;
  try {
    plugins.adopt(plugin, nullptr, kHost);
  } catch (const config::ConfigError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("PluginSet.KeepsWhatAPluginRegisters") {
  PluginSet plugins;
  plugins.adopt(
      plugin_named(
          "p",
          [](const roost_host*, const roost_registry* registry, const roost_value* config, void** self, roost_error*) {
            CHECK(config->kind == ROOST_VALUE_NULL);
            *self = nullptr;
            {
              const std::string name = "gone after the call";
              const roost_handler handler = handler_named(name.c_str());
              CHECK(registry->add_handler(registry->impl, &handler) == ROOST_OK);
            }
            roost_middleware middleware{};
            middleware.struct_size = sizeof middleware;
            middleware.name = http::str("m");
            CHECK(registry->add_middleware(registry->impl, &middleware) == ROOST_OK);
            CHECK(registry->add_scheme(registry->impl, http::str("lua"), nullptr, mounts_nothing, nullptr) == ROOST_OK);
            CHECK(registry->add_worker_hooks(registry->impl, nullptr, nullptr, nullptr, nullptr, nullptr) == ROOST_OK);
            CHECK(registry->add_batch_end(registry->impl, nullptr, [](void*, uint32_t) {}) == ROOST_OK);
            return ROOST_OK;
          }),
      nullptr, kHost);
  REQUIRE(plugins.handler("p", "gone after the call") != nullptr);
  CHECK(http::view(plugins.handler("p", "gone after the call")->name) == "gone after the call");
  CHECK(plugins.handler("p", "m") == nullptr);
  CHECK(plugins.handler("q", "m") == nullptr);
  CHECK(plugins.middleware("p", "m") != nullptr);
  CHECK(plugins.scheme("lua") != nullptr);
  CHECK(plugins.scheme("python") == nullptr);
  CHECK(plugins.scheme_names() == std::vector<std::string>{"lua"});
  CHECK(plugins.worker_hooks().size() == 1);
  CHECK(plugins.batch_ends().size() == 1);
  REQUIRE(plugins.loaded().size() == 1);
  CHECK(plugins.loaded()[0].name == "p");
}

TEST_CASE("PluginSet.FailureToConfigureSaysWhy") {
  CHECK(error_of(plugin_named(
            "p", [](const roost_host*, const roost_registry*, const roost_value*, void**, roost_error* error) {
              std::string("no database").copy(error->message, sizeof error->message - 1);
              return ROOST_ERROR;
            })) == "plugins.p: no database");
  CHECK(error_of(plugin_named("p", [](const roost_host*, const roost_registry*, const roost_value*, void**,
                                      roost_error*) { return ROOST_ERROR; })) ==
        "plugins.p: it could not be configured and does not say why");
  CHECK(error_of(plugin_named(
            "p", [](const roost_host*, const roost_registry* registry, const roost_value*, void**, roost_error*) {
              const roost_handler handler = handler_named("twin");
              registry->add_handler(registry->impl, &handler);
              return registry->add_handler(registry->impl, &handler);
            })) == "plugins.p: two times the handler \"twin\"");
}

TEST_CASE("PluginSet.LastConfiguredIsDestroyedFirst") {
  static std::string order;
  order.clear();
  roost_plugin first =
      plugin_named("a", [](const roost_host*, const roost_registry*, const roost_value*, void** self, roost_error*) {
        static char letter = 'a';
        *self = &letter;
        return ROOST_OK;
      });
  first.destroy = [](void* self) { order += *static_cast<char*>(self); };
  roost_plugin second =
      plugin_named("b", [](const roost_host*, const roost_registry*, const roost_value*, void** self, roost_error*) {
        static char letter = 'b';
        *self = &letter;
        return ROOST_OK;
      });
  second.destroy = first.destroy;
  {
    PluginSet plugins;
    plugins.adopt(first, nullptr, kHost);
    plugins.adopt(second, nullptr, kHost);
  }
  CHECK(order == "ba");
}

TEST_CASE("FindPluginLibrary.LooksBesideTheFileThenInThePath") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("roost-plugins-" + std::to_string(::getpid()));
  fs::create_directories(folder / "beside");
  fs::create_directories(folder / "path");
  std::ofstream(folder / "path" / "libone.so") << "x";
  ::setenv("ROOST_PLUGIN_PATH", (folder / "path").c_str(), 1);
  CHECK(handlers::find_plugin_library("libone.so", folder / "beside") == folder / "path" / "libone.so");
  std::ofstream(folder / "beside" / "libone.so") << "x";
  CHECK(handlers::find_plugin_library("libone.so", folder / "beside") == folder / "beside" / "libone.so");
  CHECK_THROWS_WITH(handlers::find_plugin_library("libon.so", folder / "beside"),
                    Catch::Contains((folder / "path").string()) && Catch::Contains("did you mean \"libone.so\"?"));
  CHECK_THROWS_WITH(handlers::PluginLibrary(folder / "path" / "libone.so"), Catch::Contains("cannot load"));
  ::unsetenv("ROOST_PLUGIN_PATH");
  fs::remove_all(folder);
}
