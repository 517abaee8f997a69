// A worker's server in this process, on a loopback port, with a site from YAML text and handlers given as functions;
// and a raw client. For tests of net/ and dispatch/.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/unique_fd.hpp"
#include "base/worker_slot.hpp"
#include "config/reader.hpp"
#include "dispatch/site.hpp"
#include "dispatch/worker_services.hpp"
#include "handlers/plugin_set.hpp"
#include "net/worker_server.hpp"

namespace roost::test {

struct NamedHandler {
  std::string name;
  uint32_t flags;
  roost_handle_fn handle;
  void* self = nullptr;
};

struct NamedMiddleware {
  std::string name;
  roost_middleware middleware;
};

// The plugin "test", made of what a test lists.
class TestPlugin {
 public:
  std::vector<NamedHandler> handlers;
  std::vector<NamedMiddleware> middleware;

  void adopt_into(handlers::PluginSet& plugins) {
    current() = this;
    static roost_plugin plugin = [] {
      roost_plugin made{};
      made.struct_size = sizeof made;
      made.abi_version = ROOST_ABI_VERSION;
      made.name = {"test", 4};
      made.version = {"1", 1};
      made.compiler = {"none", 4};
      made.configure = [](const roost_host*, const roost_registry* registry, const roost_value*, void**,
                          roost_error*) -> roost_status {
        for (const NamedHandler& it : current()->handlers) {
          roost_handler handler{};
          handler.struct_size = sizeof handler;
          handler.flags = it.flags;
          handler.name = {it.name.data(), it.name.size()};
          handler.handle = it.handle;
          handler.self = it.self;
          registry->add_handler(registry->impl, &handler);
        }
        for (NamedMiddleware& it : current()->middleware) {
          it.middleware.struct_size = sizeof it.middleware;
          it.middleware.name = {it.name.data(), it.name.size()};
          registry->add_middleware(registry->impl, &it.middleware);
        }
        return ROOST_OK;
      };
      return made;
    }();
    plugins.adopt(plugin, nullptr, dispatch::host());
  }

 private:
  static TestPlugin*& current() {
    static TestPlugin* plugin = nullptr;
    return plugin;
  }
};

class HttpWorker {
 public:
  // routes: the YAML below `routes:`; server: keys of `server:` in flow style, "limits: { ... }".
  explicit HttpWorker(const std::string& routes, const std::string& server = "", TestPlugin plugin = {},
                      const std::string& rest = "")
      : plugin_(std::move(plugin)) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_.get(), 128) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::system_error(errno, std::generic_category(), "listener");
    }
    address_ = address;
    configuration_ =
        config::read_text("server:\n  listen: 127.0.0.1:0\n  access_log: { format: none }\n" + server +
                              "\nplugins: { test: { library: adopted } }\n" + rest + "\nroutes:\n" + routes,
                          "test.yaml", "/tmp");
    plugin_.adopt_into(plugins_);
    site_ = dispatch::Site::build(configuration_, plugins_);
    slots_[0].state = base::WorkerState::serving;
    net::WorkerSetup setup;
    setup.site = site_.get();
    setup.plugins = &plugins_;
    setup.listeners = {listener_.get()};
    setup.links.slots = slots_;
    this->server = std::make_unique<net::WorkerServer>(std::move(setup));
    this->server->start();
  }

  const sockaddr_in& address() const { return address_; }
  base::WorkerSlot& slot() { return slots_[0]; }

 private:
  TestPlugin plugin_;
  base::UniqueFd listener_;
  sockaddr_in address_{};
  config::Configuration configuration_;
  handlers::PluginSet plugins_;
  std::unique_ptr<dispatch::Site> site_;
  std::array<base::WorkerSlot, 1> slots_;

 public:
  std::unique_ptr<net::WorkerServer> server;  // ends first
};

class RawClient {
 public:
  explicit RawClient(const HttpWorker& worker) : RawClient(worker.address()) {}
  explicit RawClient(const sockaddr_in& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::system_error(errno, std::generic_category(), "connect");
    }
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  void shut() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

  // One response with Content-Length or chunked (left as it came), or without body.
  std::string response(bool to_head = false) {
    size_t head = std::string::npos;
    while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return std::exchange(buffer_, {});
    }
    head += 4;
    size_t total = head;
    const std::string lines = buffer_.substr(0, head);
    const size_t length = lines.find("Content-Length: ");
    if (to_head) {
    } else if (length != std::string::npos) {
      total += std::stoul(lines.substr(length + 16));
      while (buffer_.size() < total) {
        if (!more()) return std::exchange(buffer_, {});
      }
    } else if (lines.find("Transfer-Encoding: chunked") != std::string::npos) {
      size_t end = 0;
      while ((end = buffer_.find("\r\n0\r\n", head - 2)) == std::string::npos ||
             (end = buffer_.find("\r\n\r\n", end + 3)) == std::string::npos) {
        if (!more()) return std::exchange(buffer_, {});
      }
      total = end + 4;
    }
    std::string one = buffer_.substr(0, total);
    buffer_.erase(0, total);
    return one;
  }
  // Everything until the server closes.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(buffer_, {});
  }

 private:
  bool more() {
    char bytes[16 * 1024];
    const ssize_t n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  base::UniqueFd fd_;
  std::string buffer_;
};

inline std::string body_of(const std::string& response) {
  const size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

inline int status_of(const std::string& response) {
  return response.size() < 12 ? 0 : std::stoi(response.substr(9, 3));
}

}  // namespace roost::test
