// A worker's WebSockets without HTTP: threads with their loops, a hub, and clients over socket pairs. What handlers are
// told is written down, one line for each callback.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "net/event_loop.hpp"
#include "net/websocket_connection.hpp"
#include "net/websocket_hub.hpp"
#include "net/websocket_loop.hpp"
#include "websocket/frame.hpp"

namespace roost::net::test {

// Inboxes for a number of workers, as the master makes them.
class Host {
 public:
  explicit Host(size_t count) : slots(std::make_unique<base::WorkerSlot[]>(count)), count_(count) {
    for (size_t i = 0; i < count; ++i) {
      int pair[2];
      if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) std::abort();
      fds_.emplace_back(pair[0]);
      fds_.emplace_back(pair[1]);
      outboxes_.push_back(pair[0]);
      inboxes_.push_back(pair[1]);
    }
  }
  HostLinks links(uint32_t slot) { return {{slots.get(), count_}, outboxes_, inboxes_[slot]}; }

  std::unique_ptr<base::WorkerSlot[]> slots;

 private:
  size_t count_;
  std::vector<base::UniqueFd> fds_;
  std::vector<int> outboxes_, inboxes_;
};

// A handler that writes down what it is told, and echoes when asked to.
class Recorder {
 public:
  Recorder() {
    callbacks.struct_size = sizeof callbacks;
    callbacks.on_open = [](void* arg, roost_websocket* socket) {
      static_cast<Recorder*>(arg)->add("open", &websocket::connection_of(socket));
    };
    callbacks.on_message = [](void* arg, roost_websocket* socket, roost_ws_kind kind, const char* data, size_t size) {
      auto& self = *static_cast<Recorder*>(arg);
      auto& connection = websocket::connection_of(socket);
      const std::string text(data, size);
      if (self.echo) self.last_status = connection.send(kind, {data, size});
      if (self.on_text) self.on_text(connection, text);
      self.add((kind == ROOST_WS_TEXT ? "text " : "binary ") + (size > 40 ? std::to_string(size) : text), &connection);
    };
    callbacks.on_writable = [](void* arg, roost_websocket* socket) {
      static_cast<Recorder*>(arg)->add("writable", &websocket::connection_of(socket));
    };
    callbacks.on_close = [](void* arg, roost_websocket* socket, uint16_t code, roost_str reason) {
      static_cast<Recorder*>(arg)->add("close " + std::to_string(code) + " " + std::string(reason.data, reason.size),
                                       &websocket::connection_of(socket));
    };
  }

  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  size_t count(const std::string& line) {
    const std::lock_guard lock(mutex_);
    size_t n = 0;
    for (const auto& each : lines_) n += each == line;
    return n;
  }
  void wait_for(const std::string& line, size_t times = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      size_t n = 0;
      for (const auto& each : lines_) n += each == line;
      return n >= times;
    });
  }

  roost_ws_callbacks callbacks{};
  bool echo = false;
  std::function<void(websocket::Connection&, const std::string&)> on_text;
  std::atomic<int> last_status{0};

 private:
  void add(std::string line, websocket::Connection*) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class Client {
 public:
  explicit Client(int fd) : fd_(fd) {}

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  // A masked frame.
  static std::string frame(int opcode, std::string payload, bool fin = true) {
    std::string out(1, static_cast<char>((fin ? 0x80 : 0) | opcode));
    const size_t size = payload.size();
    const int extended = size < 126 ? 0 : size < 65536 ? 2 : 8;
    out.push_back(static_cast<char>(0x80 | (extended == 0 ? size : extended == 2 ? 126u : 127u)));
    for (int i = extended - 1; i >= 0; --i) out.push_back(static_cast<char>(size >> (8 * i)));
    const uint8_t mask[4] = {1, 2, 3, 4};
    out.append(reinterpret_cast<const char*>(mask), 4);
    websocket::unmask(payload.data(), payload.size(), mask);
    return out + payload;
  }
  void text(const std::string& payload) { send(frame(1, payload)); }

  std::string read(size_t count) {
    std::string out(count, '\0');
    size_t have = 0;
    while (have < count) {
      const ssize_t n = ::recv(fd_.get(), out.data() + have, count - have, 0);
      if (n <= 0) break;
      have += static_cast<size_t>(n);
    }
    out.resize(have);
    return out;
  }
  // The next frame as "OPCODE PAYLOAD"; "end" when the server closed, "reset" when it cut.
  std::string next() {
    const std::string head = read(2);
    if (head.size() < 2) return "end";
    size_t size = static_cast<uint8_t>(head[1]);
    if (size > 125) {
      const std::string more = read(size == 126 ? 2 : 8);
      size = 0;
      for (const char c : more) size = size << 8 | static_cast<uint8_t>(c);
    }
    return std::to_string(head[0] & 15) + " " + read(size);
  }
  void shut() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

 private:
  base::UniqueFd fd_;
};

class Worker {
 public:
  explicit Worker(HostLinks links = {}, uint32_t slot = 0, uint32_t threads = 1, config::Websocket settings_ = {})
      : settings(std::move(settings_)), hub(settings, links, slot) {
    for (uint32_t i = 0; i < threads; ++i) {
      loops.push_back(std::make_unique<EventLoop>());
      sockets.push_back(std::make_unique<WebSocketLoop>(*loops[i], hub, i));
    }
    hub.start();
    for (uint32_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this, i] { loops[i]->run([this, i] { sockets[i]->end_of_batch(); }); });
    }
  }
  ~Worker() { stop(); }

  void stop() {
    for (size_t i = 0; i < threads_.size(); ++i) {
      on_thread(i, [this, i] { sockets[i]->cut_all(); });
      loops[i]->stop();
      threads_[i].join();
    }
    threads_.clear();
  }

  // Runs it on that I/O thread and waits.
  void on_thread(size_t thread, std::function<void()> work) {
    struct Task : PostedTask {
      std::function<void()> work;
      std::promise<void> done;
      void run_posted() noexcept override {
        work();
        done.set_value();
      }
    } task;
    task.work = std::move(work);
    loops[thread]->post(task);
    task.done.get_future().wait();
  }

  // socket: gets a reference, when wanted.
  Client connect(Recorder& recorder, size_t thread = 0, const char* group = "g",
                 websocket::Connection** socket = nullptr, std::string leftover = {}, int send_room = 0) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) std::abort();
    if (send_room > 0) setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &send_room, sizeof send_room);
    roost_ws_accept accept{};
    accept.struct_size = sizeof accept;
    accept.callbacks = &recorder.callbacks;
    accept.arg = &recorder;
    accept.group = {group, std::string_view(group).size()};
    WebSocketConnection* connection = WebSocketConnection::create(*sockets[thread], accept, "");
    if (socket != nullptr) {
      connection->retain();
      *socket = connection;
    }
    on_thread(thread, [&] { connection->start(base::UniqueFd(pair[0]), "HEAD", std::move(leftover), nullptr); });
    Client client(pair[1]);
    if (client.read(4) != "HEAD") std::abort();
    return client;
  }

  std::set<std::string> list(const std::string& group) {
    std::set<std::string> ids;
    hub.list(
        group, [](void* arg, roost_str id) { static_cast<std::set<std::string>*>(arg)->emplace(id.data, id.size); },
        &ids);
    return ids;
  }

  const config::Websocket settings;
  WebSocketHub hub;
  std::vector<std::unique_ptr<EventLoop>> loops;
  std::vector<std::unique_ptr<WebSocketLoop>> sockets;

 private:
  std::vector<std::thread> threads_;
};

}  // namespace roost::net::test
