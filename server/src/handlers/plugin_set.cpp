#include "handlers/plugin_set.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include "config/error.hpp"
#include "handlers/plugin_library.hpp"
#include "handlers/python_bridge.hpp"
#include "http/exchange.hpp"

namespace roost::handlers {

namespace {

constexpr const char* kPython = "python";

// Copies of what a plugin registered: its names live as long as this, nodes of a map never move.
struct Registered {
  std::map<std::string, roost_handler, std::less<>> handlers;
  std::map<std::string, roost_middleware, std::less<>> middleware;
};

// A plugin's message may name a place of its own in the file ("roost.yaml:4:20: config.limit: expected a number"):
// then that place is the error's, not the one where the plugin is named.
[[noreturn]] void throw_configure_error(const config::Place& place, const std::string& key,
                                        const std::string& message) {
  const std::string file = place.file ? *place.file : std::string();
  if (!file.empty() && message.rfind(file + ":", 0) == 0) {
    config::Place exact = place;
    size_t at = file.size();
    for (uint32_t* number : {&exact.line, &exact.column}) {
      size_t digits = 0;
      const size_t begin = at + 1;
      while (begin + digits < message.size() && std::isdigit(static_cast<unsigned char>(message[begin + digits]))) {
        ++digits;
      }
      if (message[at] != ':' || digits == 0 || digits > 9) throw config::ConfigError(place, key, message);
      *number = static_cast<uint32_t>(std::stoul(message.substr(begin, digits)));
      at = begin + digits;
    }
    if (message.compare(at, 2, ": ") == 0) {
      const size_t begin = at + 2;
      const size_t colon = message.find(": ", begin);
      if (colon != std::string::npos) {
        throw config::ConfigError(exact, key + "." + message.substr(begin, colon - begin), message.substr(colon + 2));
      }
    }
  }
  throw config::ConfigError(place, key, message.empty() ? "it could not be configured and does not say why" : message);
}

bool asks_for_python(const config::Configuration& configuration) {
  const auto is_python = [](const auto& entry) { return entry.scheme == kPython; };
  return std::any_of(configuration.routes.begin(), configuration.routes.end(), is_python) ||
         std::any_of(configuration.middleware.begin(), configuration.middleware.end(), is_python);
}

roost_value null_value(const config::Place& place) {
  roost_value value{};
  value.struct_size = sizeof value;
  value.kind = ROOST_VALUE_NULL;
  if (place.file) value.file = http::str(*place.file);
  value.line = place.line;
  value.column = place.column;
  return value;
}

}  // namespace

struct PluginSet::Impl {
  ~Impl() {
    // The last configured goes first.
    for (auto self = configured.rbegin(); self != configured.rend(); ++self) {
      if (self->destroy != nullptr) self->destroy(self->self);
    }
  }

  struct Configured {
    void (*destroy)(void*);
    void* self;
  };

  std::vector<std::unique_ptr<PluginLibrary>> libraries;
  std::vector<Configured> configured;
  std::map<std::string, Registered, std::less<>> plugins;
  std::map<std::string, Scheme, std::less<>> schemes;
  std::vector<WorkerHooks> worker_hooks;
  std::vector<BatchEnd> batch_ends;
  std::vector<Loaded> loaded;
  std::shared_ptr<const void> python_values;

  // Throws ConfigError. name: how the configuration refers to it.
  void configure(const std::string& name, const std::string& file, const roost_plugin& plugin,
                 const roost_value* config, const roost_host& host, const config::Place& place, const std::string& key);
};

namespace {

// What roost_registry.impl points to while one plugin is configured.
struct Registering {
  Registered& mine;
  std::map<std::string, Scheme, std::less<>>& schemes;
  std::vector<WorkerHooks>& worker_hooks;
  std::vector<BatchEnd>& batch_ends;
  std::string problem{};  // what was refused, for a plugin that says no more than that it failed

  static Registering& of(void* impl) { return *static_cast<Registering*>(impl); }

  roost_status refuse(std::string why) {
    if (problem.empty()) problem = std::move(why);
    return ROOST_INVALID;
  }
};

template <class Entry>
roost_status add_named(Registering& registering, std::map<std::string, Entry, std::less<>>& entries, const char* what,
                       const Entry& entry, size_t known_size) {
  if (entry.struct_size < known_size) return registering.refuse(std::string("a ") + what + " is incomplete");
  const std::string name(http::view(entry.name));
  if (name.empty()) return registering.refuse(std::string("a ") + what + " has no name");
  const auto [place, inserted] = entries.emplace(name, Entry{});
  if (!inserted) return registering.refuse(std::string("two times the ") + what + " \"" + name + "\"");
  std::copy_n(reinterpret_cast<const char*>(&entry), std::min<size_t>(entry.struct_size, sizeof(Entry)),
              reinterpret_cast<char*>(&place->second));
  place->second.struct_size = sizeof(Entry);
  place->second.name = http::str(place->first);
  return ROOST_OK;
}

roost_registry registry_for(Registering& registering) {
  roost_registry registry{};
  registry.struct_size = sizeof registry;
  registry.impl = &registering;
  registry.add_handler = [](void* impl, const roost_handler* handler) {
    Registering& self = Registering::of(impl);
    if (handler->handle == nullptr) return self.refuse("a handler without a function");
    return add_named(self, self.mine.handlers, "handler", *handler, sizeof(roost_handler));
  };
  registry.add_middleware = [](void* impl, const roost_middleware* middleware) {
    Registering& self = Registering::of(impl);
    return add_named(self, self.mine.middleware, "middleware", *middleware, sizeof(roost_middleware));
  };
  registry.add_scheme = [](void* impl, roost_str scheme, void* self, auto mount, auto middleware) {
    Registering& registering = Registering::of(impl);
    const std::string name(http::view(scheme));
    if (name.empty() || mount == nullptr) return registering.refuse("a scheme without a name or without mount()");
    if (!registering.schemes.emplace(name, Scheme{name, self, mount, middleware}).second) {
      return registering.refuse("the scheme \"" + name + "\" is another plugin's already");
    }
    return ROOST_OK;
  };
  registry.add_worker_hooks = [](void* impl, void* self, auto start, auto stop, auto prepare_fork, auto after_fork) {
    Registering::of(impl).worker_hooks.push_back({self, start, stop, prepare_fork, after_fork});
    return ROOST_OK;
  };
  registry.add_batch_end = [](void* impl, void* self, auto batch_end) {
    if (batch_end == nullptr) return Registering::of(impl).refuse("a batch end without a function");
    Registering::of(impl).batch_ends.push_back({self, batch_end});
    return ROOST_OK;
  };
  return registry;
}

}  // namespace

void PluginSet::Impl::configure(const std::string& name, const std::string& file, const roost_plugin& plugin,
                                const roost_value* config, const roost_host& host, const config::Place& place,
                                const std::string& key) {
  const auto [mine, inserted] = plugins.emplace(name, Registered{});
  if (!inserted) throw config::ConfigError(place, key, "there are two plugins of this name");
  Registering registering{mine->second, schemes, worker_hooks, batch_ends};
  const roost_registry registry = registry_for(registering);
  const roost_value nothing = null_value(place);
  void* self = nullptr;
  roost_error error{};
  error.struct_size = sizeof error;
  const roost_status status = plugin.configure(&host, &registry, config != nullptr ? config : &nothing, &self, &error);
  if (status != ROOST_OK) {
    throw_configure_error(place, key, error.message[0] != '\0' ? error.message : registering.problem);
  }
  configured.push_back({plugin.destroy, self});
  loaded.push_back({name, file, std::string(http::view(plugin.version)), std::string(http::view(plugin.compiler)),
                    plugin.abi_version});
}

PluginSet::PluginSet() : impl_(std::make_unique<Impl>()) {}

PluginSet::~PluginSet() = default;

void PluginSet::load(const config::Configuration& configuration, const roost_host& host) {
  for (const config::Plugin& plugin : configuration.plugins) {
    const std::string key = "plugins." + plugin.name;
    try {
      const std::filesystem::path file = find_plugin_library(plugin.library, configuration.directory);
      impl_->libraries.push_back(std::make_unique<PluginLibrary>(file));
    } catch (const PluginLibraryError& error) {
      throw config::ConfigError(plugin.place, key + ".library", error.what());
    }
    const PluginLibrary& library = *impl_->libraries.back();
    impl_->configure(plugin.name, library.file().string(), library.plugin(), plugin.config, host, plugin.place, key);
  }
  // `python app.py` brings the bridge itself.
  if (!asks_for_python(configuration) || scheme(kPython) != nullptr) return;
  const LocatedBridge bridge = locate_python_bridge(configuration);
  impl_->python_values = bridge.values;
  try {
    impl_->libraries.push_back(std::make_unique<PluginLibrary>(bridge.library));
  } catch (const PluginLibraryError& error) {
    throw config::ConfigError(configuration.python.place, "python", error.what());
  }
  impl_->configure(kPython, bridge.python, impl_->libraries.back()->plugin(), bridge.config, host,
                   configuration.python.place, "python");
}

void PluginSet::adopt(const roost_plugin& plugin, const roost_value* config, const roost_host& host) {
  const std::string name(http::view(plugin.name));
  impl_->configure(name, "", plugin, config, host, {}, "plugins." + name);
}

const roost_handler* PluginSet::handler(std::string_view plugin, std::string_view name) const {
  const auto owner = impl_->plugins.find(plugin);
  if (owner == impl_->plugins.end()) return nullptr;
  const auto found = owner->second.handlers.find(name);
  return found == owner->second.handlers.end() ? nullptr : &found->second;
}

const roost_middleware* PluginSet::middleware(std::string_view plugin, std::string_view name) const {
  const auto owner = impl_->plugins.find(plugin);
  if (owner == impl_->plugins.end()) return nullptr;
  const auto found = owner->second.middleware.find(name);
  return found == owner->second.middleware.end() ? nullptr : &found->second;
}

const Scheme* PluginSet::scheme(std::string_view name) const {
  const auto found = impl_->schemes.find(name);
  return found == impl_->schemes.end() ? nullptr : &found->second;
}

namespace {

template <class Entries>
std::vector<std::string> names_of(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries) names.push_back(name);
  return names;
}

}  // namespace

std::vector<std::string> PluginSet::handler_names(std::string_view plugin) const {
  const auto owner = impl_->plugins.find(plugin);
  return owner == impl_->plugins.end() ? std::vector<std::string>() : names_of(owner->second.handlers);
}

std::vector<std::string> PluginSet::middleware_names(std::string_view plugin) const {
  const auto owner = impl_->plugins.find(plugin);
  return owner == impl_->plugins.end() ? std::vector<std::string>() : names_of(owner->second.middleware);
}

std::vector<std::string> PluginSet::scheme_names() const {
  return names_of(impl_->schemes);
}

const std::vector<WorkerHooks>& PluginSet::worker_hooks() const {
  return impl_->worker_hooks;
}

const std::vector<BatchEnd>& PluginSet::batch_ends() const {
  return impl_->batch_ends;
}

const std::vector<PluginSet::Loaded>& PluginSet::loaded() const {
  return impl_->loaded;
}

}  // namespace roost::handlers
