// The configuration as plain values: what a YAML file says, defaults filled in, units converted, variables
// replaced. Built by the reader (reader.hpp) in the master, immutable afterwards, copied into every process by fork.
// Keys, units and defaults are documented for operators in conf/full.yaml; the names here are the same.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/form_limits.hpp"
#include "roost/abi.h"

namespace roost::config {

using std::chrono::milliseconds;

// Where something was written. line and column count from 1; 0 is "not from a file".
struct Place {
  std::shared_ptr<const std::string> file;
  uint32_t line = 0;
  uint32_t column = 0;
};

struct Tls {
  std::vector<std::pair<std::string, std::string>> certificates;  // certificate file, key file
};

struct Listen {
  std::string address;  // "127.0.0.1:8080", "[::1]:0", "unix:/run/roost.sock", ":8080" for every interface
  Place place;
};

struct Limits {
  size_t header_bytes = 32 * 1024;  // request line and header section together: 431
  size_t headers = 100;             // number of field lines: 431
  size_t target_bytes = 8 * 1024;   // 414
  size_t body_bytes = 10 << 20;     // 413
  size_t spill = 256 * 1024;        // bodies above this are kept in a temporary file
  size_t connections = 10000;       // for each worker; further ones wait in the backlog
  Place connections_place{};        // where the file says so; line 0: the default
  size_t per_address = 0;           // connections from one client address in each worker; 0: no limit
  FormLimits form{};
};

struct Timeouts {
  milliseconds header{10'000};      // from a request's first byte to the end of its header section: 408
  milliseconds body{30'000};        // between two pieces of a request body: 408
  milliseconds keep_alive{75'000};  // idle between requests
  milliseconds write{30'000};       // without progress while a response is sent: the connection is cut
  milliseconds handler{60'000};     // until the response's head: 504
  bool handler_said = false;        // the file names it
  milliseconds drain{30'000};       // for running requests when a worker ends
};

// permessage-deflate, with clients that offer it. Numbers are zlib's.
struct WebsocketCompress {
  bool enabled = false;
  int level = 1;             // 1 to 9
  uint8_t window_bits = 15;  // 9 to 15
  int memory_level = 8;      // 1 to 9
  bool context_takeover = false;
  size_t minimum = 64;  // shorter messages are sent as they are
};

enum class SlowClient : uint8_t { close, drop };

struct Websocket {
  size_t message_bytes = 1 << 20;              // 1009
  size_t send_buffer = 1 << 20;                // for each connection
  SlowClient slow_client = SlowClient::close;  // past send_buffer: closed with 1013, or the oldest messages dropped
  milliseconds ping{30'000};                   // 0: never
  milliseconds ping_timeout{30'000};           // without an answer: cut
  milliseconds close_timeout{10'000};          // for the answer to a close frame: cut
  std::vector<std::string> origins;            // allowed Origin values; empty: all
  WebsocketCompress compress;
};

// What carries topics between machines.
struct Redis {
  bool enabled = false;
  std::string host, unix_path;  // one of them
  uint16_t port = 6379;
  std::string user, password;  // empty: none
  uint32_t database = 0;
  std::string channel = "roost";  // servers with the same one share their topics
  size_t queue = 8 << 20;         // bytes that wait while Redis is away; past it the oldest message is dropped
};

enum class LogFormat : uint8_t { json, combined, none };

struct AccessLog {
  std::string path = "-";  // "-": standard output
  Place place{};           // of the path
  LogFormat format = LogFormat::json;
};

// An address range in CIDR form, IPv4 mapped into IPv6.
struct Network {
  std::array<uint8_t, 16> address{};
  uint8_t prefix = 128;
};

struct Server {
  std::vector<Listen> listen;
  uint32_t processes = 1;  // `auto` is resolved to the number of usable cores
  uint32_t threads = 1;
  std::string user;  // empty: stay as started
  Place user_place{};
  std::string control;  // path of the control socket
  Limits limits;
  Timeouts timeouts;
  Websocket websocket;
  Redis redis;
  AccessLog access_log;
  roost_log_level log_level = ROOST_LOG_INFO;
  bool development = false;
  bool half_close_cancels = true;  // a client that sends no more is taken to be gone: what runs for it is cancelled
  std::vector<Network> trusted_proxies;

  // Development mode. A handler may stand still in the debugger: for a day, unless the file says otherwise.
  void develop() {
    development = true;
    if (!timeouts.handler_said) timeouts.handler = std::chrono::hours(24);
  }
};

struct Python {
  std::filesystem::path venv;               // absolute; empty: $VIRTUAL_ENV, .venv beside the file, python3 on PATH
  std::vector<std::filesystem::path> path;  // put in front of sys.path
  uint32_t threads = 32;                    // of the pool for plain `def` handlers, in each worker
  bool preload = true;                      // import in the prototype
  Place place;
};

struct Plugin {
  std::string name;
  std::string library;                  // as written; looked for beside the file, then in the plugin directories
  const roost_value* config = nullptr;  // owned by Configuration::values
  Place place;
};

enum class MiddlewareKind : uint8_t { cors, plugin, scheme };

struct Cors {
  std::vector<std::string> origins;  // "*" alone allows all
  bool credentials = false;
  std::vector<std::string> methods;  // empty: those of the route
  std::vector<std::string> headers;  // empty: what the client asks for
  std::vector<std::string> expose_headers;
  std::chrono::seconds max_age{600};
};

struct Middleware {
  MiddlewareKind kind{};
  std::string name;  // `name:`, else the kind and value; routes refer to it
  Cors cors;
  std::string plugin, handler;       // "hello.stamp"
  std::string scheme, value;         // "python", "hooks:authenticate"
  std::vector<std::string> paths;    // empty: everywhere. "/api/*" includes /api itself
  std::vector<std::string> methods;  // empty: every method
  const roost_value* node = nullptr;
  Place place;
};

enum class RouteKind : uint8_t { plugin, scheme, directory, redirect, respond };

struct Route {
  RouteKind kind{};
  std::string host;  // empty: any; lower case, without port
  std::string path;
  std::vector<std::string> methods;  // empty: the kind's own
  // plugin
  std::string plugin, handler;
  // a scheme that a plugin claims: python, ...
  std::string scheme, value;
  // directory
  std::filesystem::path directory;  // absolute
  std::string index = "index.html";
  std::string fallback;
  bool listing = false, hidden = false;
  std::string cache_control;
  // redirect, respond
  std::string target;
  uint16_t status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  // overrides
  std::optional<size_t> body_bytes;
  FormLimits form;  // the server's, with what the route says
  std::optional<milliseconds> timeout;
  std::vector<std::string> middleware;  // names of middleware to run in addition, in the global order
  const roost_value* node = nullptr;    // the whole map, for schemes
  Place place;
};

struct Configuration {
  std::filesystem::path file;       // absolute; empty for `python app.py`
  std::filesystem::path directory;  // what relative paths are relative to
  Server server;
  Python python;
  std::vector<Plugin> plugins;
  std::vector<Middleware> middleware;
  std::vector<Route> routes;
  std::shared_ptr<const void> values;  // owns every roost_value that this configuration points to
};

}  // namespace roost::config
