// The part of the builder that asks plugins: their handlers and middleware by name, and what their schemes mount.
#include <cstring>
#include <sstream>

#include "config/suggestion.hpp"
#include "dispatch/site_builder.hpp"
#include "handlers/directory_handler.hpp"
#include "handlers/plugin_handler.hpp"
#include "middleware/plugin_middleware.hpp"
#include "middleware/response_fields.hpp"

namespace roost::dispatch {

namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::istringstream stream{std::string(text)};
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

void say(roost_error* error, std::string_view message) {
  if (error == nullptr) return;
  const size_t size = std::min(message.size(), sizeof error->message - 1);
  std::memcpy(error->message, message.data(), size);
  error->message[size] = '\0';
}

}  // namespace

// What mount() contributes to. Nothing may be thrown through a plugin: what goes wrong in the builder waits here.
struct MountSink {
  SiteBuilder& builder;
  const config::Route& config;
  std::exception_ptr problem;

  // -1 when `work` threw.
  template <class Work>
  int64_t guarded(roost_error* error, Work work) {
    try {
      return work();
    } catch (const std::exception& thrown) {
      if (!problem) problem = std::current_exception();
      say(error, thrown.what());
      return ROOST_ERROR;
    }
  }

  int64_t add_route(const roost_route& route) {
    SiteBuilder::Entry entry;
    const std::string pattern(http::view(route.pattern));
    entry.path = join_paths(config.path, pattern);
    entry.methods = words_of(http::view(route.methods));
    if (entry.methods.empty() && (route.flags & ROOST_ROUTE_FALLBACK) == 0) entry.methods = config.methods;
    entry.name = http::view(route.name);
    entry.user = route.user;
    entry.slash = (route.flags & ROOST_ROUTE_SLASH) != 0;
    entry.fallback = (route.flags & ROOST_ROUTE_FALLBACK) != 0;
    roost_handler handler{};
    handler.struct_size = sizeof handler;
    handler.flags = route.flags & ~(ROOST_ROUTE_SLASH | ROOST_ROUTE_FALLBACK);
    handler.name = route.name;
    handler.handle = route.handle;
    handler.self = route.self;
    if (handler.handle == nullptr)
      builder.fail(config.place, config.node, config.scheme.c_str(), "a route without a function");
    return builder.add(config, std::move(entry), std::make_unique<handlers::PluginHandler>(handler, entry.name));
  }

  int64_t add_directory(const roost_directory& directory) {
    handlers::DirectoryOptions options;
    options.mount = join_paths(config.path, std::string(http::view(directory.path)));
    options.directory =
        (builder.configuration_.directory / std::string(http::view(directory.directory))).lexically_normal();
    options.index = http::view(directory.index);
    options.fallback = http::view(directory.fallback);
    options.listing = directory.listing != 0;
    options.cache_control = http::view(directory.cache_control);
    SiteBuilder::Entry entry;
    entry.path = options.mount == "/" ? "/*" : options.mount + "/*";
    entry.methods = {"GET"};
    entry.directory = true;
    const uint32_t number =
        builder.add(config, std::move(entry), std::make_unique<handlers::DirectoryHandler>(std::move(options)));
    if (ROOST_HAS(&directory, excluded_count) && directory.header_count + directory.default_header_count != 0) {
      std::vector<std::string> excluded;
      for (size_t i = 0; i < directory.excluded_count; ++i) {
        excluded.push_back(join_paths(config.path, std::string(http::view(directory.excluded[i]))));
      }
      auto fields = std::make_unique<middleware::ResponseFields>(
          fields_of(directory.headers, directory.header_count),
          fields_of(directory.default_headers, directory.default_header_count), excluded);
      builder.parts_.routes.at(number).chain.push_back(fields.get());
      builder.parts_.middleware.push_back(std::move(fields));
    }
    return number;
  }

  static middleware::ResponseFields::Fields fields_of(const roost_field* fields, size_t count) {
    middleware::ResponseFields::Fields made;
    for (size_t i = 0; i < count; ++i) made.emplace_back(http::view(fields[i].name), http::view(fields[i].value));
    return made;
  }
};

std::unique_ptr<middleware::Middleware> SiteBuilder::plugin_middleware(const config::Middleware& config,
                                                                       const std::string&) {
  const roost_middleware* found = plugins_.middleware(config.plugin, config.handler);
  if (found == nullptr) {
    fail(config.place, config.node, "plugin",
         "the plugin \"" + config.plugin + "\" has no middleware \"" + config.handler + "\"" +
             config::suggestion(config.handler, plugins_.middleware_names(config.plugin)));
  }
  return std::make_unique<middleware::PluginMiddleware>(config.name, *found);
}

std::unique_ptr<middleware::Middleware> SiteBuilder::scheme_middleware(const config::Middleware& config,
                                                                       const std::string&) {
  const char* name = config.scheme.c_str();
  const handlers::Scheme* scheme = plugins_.scheme(config.scheme);
  if (scheme == nullptr) fail(config.place, config.node, name, "no plugin is there for \"" + config.scheme + ":\"");
  if (scheme->middleware == nullptr) fail(config.place, config.node, name, "this kind makes no middleware");
  roost_middleware made{};
  made.struct_size = sizeof made;
  roost_error error{};
  error.struct_size = sizeof error;
  if (scheme->middleware(scheme->self, http::str(config.value), config.node, &made, &error) != ROOST_OK) {
    fail(config.place, config.node, name, "\"" + config.value + "\": " + error.message);
  }
  return std::make_unique<middleware::PluginMiddleware>(config.name, made);
}

void SiteBuilder::add_plugin_route(const config::Route& config) {
  const roost_handler* found = plugins_.handler(config.plugin, config.handler);
  if (found == nullptr) {
    fail(config.place, config.node, "plugin",
         "the plugin \"" + config.plugin + "\" has no handler \"" + config.handler + "\"" +
             config::suggestion(config.handler, plugins_.handler_names(config.plugin)));
  }
  Entry entry;
  entry.path = config.path;
  entry.methods = config.methods;
  if (entry.methods.empty()) entry.methods = {"GET"};
  add(config, std::move(entry),
      std::make_unique<handlers::PluginHandler>(*found, "plugin " + config.plugin + "." + config.handler));
}

void SiteBuilder::mount_scheme(const config::Route& config) {
  const char* name = config.scheme.c_str();
  const handlers::Scheme* scheme = plugins_.scheme(config.scheme);
  if (scheme == nullptr) fail(config.place, config.node, name, "no plugin is there for \"" + config.scheme + ":\"");

  std::string methods;
  for (const std::string& method : config.methods) methods += (methods.empty() ? "" : " ") + method;
  roost_mount mount{};
  mount.struct_size = sizeof mount;
  mount.scheme = http::str(config.scheme);
  mount.value = http::str(config.value);
  mount.host = http::str(config.host);
  mount.path = http::str(config.path);
  mount.options = config.node;
  mount.methods = http::str(methods);

  MountSink state{*this, config, nullptr};
  roost_mount_sink sink{};
  sink.struct_size = sizeof sink;
  sink.impl = reinterpret_cast<roost_sink*>(&state);
  sink.add_route = [](roost_sink* impl, const roost_route* route, roost_error* error) -> int64_t {
    auto& self = *reinterpret_cast<MountSink*>(impl);
    return self.guarded(error, [&] { return self.add_route(*route); });
  };
  sink.add_directory = [](roost_sink* impl, const roost_directory* directory, roost_error* error) {
    auto& self = *reinterpret_cast<MountSink*>(impl);
    const int64_t number = self.guarded(error, [&] { return self.add_directory(*directory); });
    return number < 0 ? ROOST_ERROR : ROOST_OK;
  };
  roost_error error{};
  error.struct_size = sizeof error;
  const size_t before = parts_.routes.size();
  const roost_status status = scheme->mount(scheme->self, &mount, &sink, &error);
  if (state.problem) {
    try {
      std::rethrow_exception(state.problem);
    } catch (const config::ConfigError&) {
      throw;
    } catch (const std::exception& problem) {
      fail(config.place, config.node, name, "\"" + config.value + "\": " + problem.what());
    }
  }
  if (status != ROOST_OK) fail(config.place, config.node, name, "\"" + config.value + "\": " + error.message);
  if (parts_.routes.size() == before) fail(config.place, config.node, name, "\"" + config.value + "\" has no routes");
}

}  // namespace roost::dispatch
