// WebSocket handlers for the functional tests: an echo, and a room whose members say what the server shall do.
#include <unistd.h>

#include <mutex>
#include <optional>
#include <roost/plugin.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

std::mutex events_mutex;
std::vector<std::string> events;  // guarded by events_mutex; of this worker
std::optional<roost::WebSocket> paused;

void note(std::string line) {
  const std::lock_guard lock(events_mutex);
  events.push_back(std::move(line));
}

std::string_view word(std::string_view& rest) {
  const size_t end = rest.find(' ');
  const std::string_view first = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return first;
}

// Sends messages of that size until it is told to wait or that the connection is gone, `wait` of the former at most.
struct Flood {
  size_t size = 0, waits = 0, sent = 0, most = 0;
  void run(const roost::WebSocket& socket) {
    const std::string piece(size, 'f');
    for (; sent < 100'000; ++sent) {
      const roost::Sent result = socket.send_bytes(piece);
      most = std::max(most, socket.buffered());
      if (result == roost::Sent::gone) {
        note("flood gone after " + std::to_string(sent) + " most " + std::to_string(most));
        return;
      }
      if (result == roost::Sent::wait && waits > 0 && --waits == 0) {
        ++sent;
        note("flood waits");
        return;
      }
    }
  }
};

class Member {
 public:
  Member(const roost::Request& request, roost::Handshake& handshake) {
    about_ = "room " + std::string(request.path("room")) + " query " + std::string(request.query()) + " header " +
             std::string(request.header("x-test")) + " ip " + std::string(request.client_ip());
    if (request.query_param("refuse")) handshake.refuse(roost::Response::status(403, "not you"));
    if (const auto protocol = request.query_param("protocol")) handshake.protocol(*protocol);
    if (request.query_param("throw")) throw std::runtime_error("no handshake today");
    handshake.header("X-Room", request.path("room"));
    group_ = "room " + std::string(request.path("room"));
    handshake.group(group_);
  }

  void on_open(const roost::WebSocket& socket) {
    note("open " + std::string(socket.id()));
    socket.send("id " + std::string(socket.id()) + " pid " + std::to_string(getpid()));
  }
  void on_message(const roost::WebSocket& socket, roost::Message message) {
    std::string_view rest = message.data;
    const std::string_view command = word(rest);
    if (command == "about") {
      socket.send(about_);
    } else if (command == "sub") {
      socket.subscribe(rest);
      socket.send("ok");
    } else if (command == "unsub") {
      socket.unsubscribe(rest);
      socket.send("ok");
    } else if (command == "pub") {
      const std::string_view topic = word(rest);
      roost::publish(topic, rest);
    } else if (command == "pub-others") {
      const std::string_view topic = word(rest);
      roost::publish(topic, rest, socket.id());
    } else if (command == "all") {
      roost::broadcast(group_, rest);
    } else if (command == "others") {
      roost::broadcast(group_, rest, socket.id());
    } else if (command == "large") {
      roost::broadcast(group_, roost::Message{std::string(std::stoul(std::string(rest)), 'L'), true});
    } else if (command == "list") {
      std::string ids = "ids";
      for (const std::string& id : roost::connections(group_)) ids += " " + id;
      socket.send(ids);
    } else if (command == "to") {
      const std::string_view id = word(rest);
      socket.send(roost::send_to(id, rest) ? "sent" : "gone");
    } else if (command == "close") {
      const int code = std::stoi(std::string(word(rest)));
      socket.close(static_cast<uint16_t>(code), rest);
      note("close asked");
    } else if (command == "later") {
      std::thread([socket, text = std::string(rest)] {
        for (int i = 0; i < 100; ++i) socket.send(text + " " + std::to_string(i));
      }).detach();
    } else if (command == "burst") {
      for (int i = std::stoi(std::string(rest)), n = 0; n < i; ++n) roost::publish("burst", std::to_string(n));
    } else if (command == "flood") {
      flood_.size = std::stoul(std::string(rest));
      flood_.waits = 0;
      flood_.run(socket);
    } else if (command == "pour") {
      flood_ = Flood{std::stoul(std::string(rest)), 1, 0, 0};
      flood_.run(socket);
    } else if (command == "pause") {
      // Another member resumes it.
      const std::lock_guard lock(events_mutex);
      paused.emplace(socket);
      socket.pause();
    } else if (command == "resume") {
      const std::lock_guard lock(events_mutex);
      paused->resume();
      paused.reset();
    } else if (command == "count") {
      note("counted " + std::string(rest));
    } else if (command == "throw") {
      throw std::runtime_error("a handler that throws");
    } else if (command == "crash") {
      std::abort();
    }
  }
  void on_writable(const roost::WebSocket& socket) {
    note("writable");
    socket.send("writable after " + std::to_string(flood_.sent));
  }
  void on_close(const roost::WebSocket& socket, uint16_t code, std::string_view reason) {
    note("close " + std::to_string(code) + " " + std::string(reason));
    if (socket.send("late") != roost::Sent::gone) note("sent after the end");
  }

 private:
  std::string about_, group_;
  Flood flood_;
};

}  // namespace

ROOST_PLUGIN(ws_test) {
  auto& echo = plugin.websocket("echo");
  echo.on_message([](const roost::WebSocket& socket, roost::Message message) { socket.send(message); });
  echo.on_close([](const roost::WebSocket&, uint16_t code, std::string_view reason) {
    note("echo close " + std::to_string(code) + " " + std::string(reason));
  });
  plugin.websocket<Member>("room");
  plugin.handler("events", [](const roost::Request&) {
    std::string text;
    const std::lock_guard lock(events_mutex);
    for (const std::string& line : events) text += line + "\n";
    return roost::Response::text(text);
  });
}
