// The plugins of one process: loaded, version-checked, configured, and what each registered. Owned by the prototype
// (inherited by its workers through fork). Nothing is unloaded in a serving process; handlers go before libraries.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "roost/abi.h"

namespace roost::handlers {

struct Scheme {
  std::string name;
  void* self = nullptr;
  roost_status (*mount)(void*, const roost_mount*, const roost_mount_sink*, roost_error*) = nullptr;
  roost_status (*middleware)(void*, roost_str, const roost_value*, roost_middleware*, roost_error*) = nullptr;
};

struct WorkerHooks {
  void* self = nullptr;
  roost_status (*start)(void*, roost_worker*, roost_error*) = nullptr;
  void (*stop)(void*, roost_worker*) = nullptr;
  void (*prepare_fork)(void*) = nullptr;
  void (*after_fork)(void*, int child) = nullptr;
};

struct BatchEnd {
  void* self = nullptr;
  void (*batch_end)(void*, uint32_t thread) = nullptr;
};

class PluginSet {
 public:
  PluginSet();
  ~PluginSet();
  PluginSet(const PluginSet&) = delete;
  PluginSet& operator=(const PluginSet&) = delete;

  // Loads and configures every plugin of the configuration, and the Python bridge when a route or middleware asks for
  // `python:`. Throws config::ConfigError with the place that named the plugin: file missing, no plugin, wrong ABI
  // version (both named), configure() failed (its message).
  void load(const config::Configuration& configuration, const roost_host& host);
  // A plugin that lives in this very process: `python app.py` registers the bridge so, tests use it too.
  void adopt(const roost_plugin& plugin, const roost_value* config, const roost_host& host);

  // nullptr when there is none.
  const roost_handler* handler(std::string_view plugin, std::string_view name) const;
  const roost_middleware* middleware(std::string_view plugin, std::string_view name) const;
  const Scheme* scheme(std::string_view name) const;
  // For did-you-mean.
  std::vector<std::string> handler_names(std::string_view plugin) const;
  std::vector<std::string> middleware_names(std::string_view plugin) const;
  std::vector<std::string> scheme_names() const;

  const std::vector<WorkerHooks>& worker_hooks() const;
  const std::vector<BatchEnd>& batch_ends() const;

  struct Loaded {
    std::string name, file, version, compiler;
    uint32_t abi_version = 0;
  };
  const std::vector<Loaded>& loaded() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roost::handlers
