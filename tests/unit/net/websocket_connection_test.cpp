#include "net/websocket_connection.hpp"

#include <catch2/catch.hpp>

#include "websocket_worker.hpp"

namespace roost::net::test {
namespace {

using Lines = std::vector<std::string>;

std::string code(uint16_t value, const std::string& reason = "") {
  return std::string{static_cast<char>(value >> 8), static_cast<char>(value & 0xff)} + reason;
}

}  // namespace

TEST_CASE("WebSocketConnection.EchoesAndClosesWhenThePeerDoes") {
  Recorder recorder;
  recorder.echo = true;
  Worker worker;
  Client client = worker.connect(recorder);
  client.text("one");
  CHECK(client.next() == "1 one");
  client.send(Client::frame(1, "t", false) + Client::frame(9, "ping") + Client::frame(0, "wo") + Client::frame(2, "3"));
  CHECK(client.next() == "10 ping");
  CHECK(client.next() == "1 two");
  CHECK(client.next() == "2 3");
  client.send(Client::frame(8, code(1000, "bye")));
  CHECK(client.next() == "8 " + code(1000));
  CHECK(client.next() == "end");
  recorder.wait_for("close 1000 bye");
  CHECK(recorder.lines() == Lines{"open", "text one", "text two", "binary 3", "close 1000 bye"});
}

TEST_CASE("WebSocketConnection.TakesWhatCameWithTheHandshake") {
  Recorder recorder;
  recorder.echo = true;
  Worker worker;
  Client client =
      worker.connect(recorder, 0, "g", nullptr, Client::frame(1, "early") + Client::frame(1, "half").substr(0, 3));
  CHECK(client.next() == "1 early");
  client.send(Client::frame(1, "half").substr(3));
  CHECK(client.next() == "1 half");
}

TEST_CASE("WebSocketConnection.LargeEcho") {
  Recorder recorder;
  recorder.echo = true;
  Worker worker;
  Client client = worker.connect(recorder);
  const std::string payload(worker.settings.message_bytes, 'x');
  std::thread sender([&] { client.send(Client::frame(2, payload)); });
  CHECK(client.next() == "2 " + payload);
  sender.join();
  std::thread bigger([&] { client.send(Client::frame(2, payload + "x")); });
  CHECK(client.next() == "8 " + code(1009, "message too big"));
  CHECK(client.next() == "end");
  bigger.join();
  recorder.wait_for("close 1009 message too big");
}

TEST_CASE("WebSocketConnection.TheHandlerCloses") {
  Recorder recorder;
  Worker worker;
  websocket::Connection* socket = nullptr;
  Client client = worker.connect(recorder, 0, "g", &socket);
  CHECK(socket->close(1002, "") == ROOST_INVALID);
  CHECK(socket->close(1000, std::string(124, 'r')) == ROOST_INVALID);
  CHECK(socket->close(4000, "why") == ROOST_OK);
  CHECK(socket->close(4000, "why") == ROOST_GONE);
  CHECK(socket->send(ROOST_WS_TEXT, "late") == ROOST_GONE);
  CHECK(client.next() == "8 " + code(4000, "why"));
  client.text("dropped");
  client.send(Client::frame(8, code(4000)));
  CHECK(client.next() == "end");
  client.close();
  recorder.wait_for("close 4000 ");
  CHECK(recorder.lines() == Lines{"open", "close 4000 "});
  socket->release();
}

TEST_CASE("WebSocketConnection.APeerThatVanishes") {
  Recorder recorder;
  Worker worker;
  websocket::Connection* socket = nullptr;
  Client client = worker.connect(recorder, 0, "g", &socket);
  client.close();
  recorder.wait_for("close 1006 ");
  CHECK(socket->send(ROOST_WS_TEXT, "x") == ROOST_GONE);
  CHECK(!socket->id().empty());
  worker.on_thread(0, [] {});
  CHECK(worker.sockets[0]->open() == 0);
  socket->release();
}

TEST_CASE("WebSocketConnection.ABrokenProtocol") {
  Recorder recorder;
  Worker worker;
  Client client = worker.connect(recorder);
  client.send(std::string("\x81\x05Hello"));
  CHECK(client.next() == "8 " + code(1002, "frame without mask"));
  CHECK(client.next() == "end");
  recorder.wait_for("close 1002 frame without mask");
}

TEST_CASE("WebSocketConnection.SendsFromOtherThreadsKeepTheirOrder") {
  Recorder recorder;
  Worker worker;
  websocket::Connection* socket = nullptr;
  Client client = worker.connect(recorder, 0, "g", &socket);
  constexpr int kEach = 2000;
  std::vector<std::thread> senders;
  for (int t = 0; t < 3; ++t) {
    senders.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) socket->send(ROOST_WS_TEXT, std::to_string(t) + ":" + std::to_string(i));
    });
  }
  int next[3] = {};
  bool ordered = true;
  for (int i = 0; i < 3 * kEach; ++i) {
    const std::string frame = client.next();
    const int t = frame[2] - '0';
    ordered = ordered && frame == "1 " + std::to_string(t) + ":" + std::to_string(next[t]++);
  }
  CHECK(ordered);
  for (auto& sender : senders) sender.join();
  socket->release();
}

TEST_CASE("WebSocketConnection.ASlowReceiver") {
  config::Websocket settings;
  settings.send_buffer = 100'000;
  Recorder recorder;
  Worker worker({}, 0, 1, settings);
  websocket::Connection* socket = nullptr;
  Client client = worker.connect(recorder, 0, "g", &socket, {}, 4096);
  const std::string piece(10'000, 'p');
  int sent = 0, blocked = 0;
  const bool here = GENERATE(false, true);
  const auto fill = [&] {
    for (;; ++sent) {
      const roost_status status = socket->send(ROOST_WS_BINARY, piece);
      if (status == ROOST_WOULD_BLOCK) ++blocked;
      if (status == ROOST_GONE || sent > 100) break;
    }
  };
  if (here) {
    worker.on_thread(0, fill);
  } else {
    fill();
  }
  CHECK(sent >= 9);
  CHECK(sent <= 20);
  CHECK(blocked >= 3);
  CHECK(socket->buffered() <= settings.send_buffer + 200);
  for (int i = 0; i < sent; ++i) CHECK(client.next().size() == piece.size() + 2);
  CHECK(client.next() == "8 " + code(1013, "too slow"));
  client.send(Client::frame(8, code(1013)));
  CHECK(client.next() == "end");
  recorder.wait_for("close 1013 ");
  socket->release();
}

TEST_CASE("WebSocketConnection.PingsBehindAFullSocketLeaveOnePong") {
  Recorder recorder;
  Worker worker;
  websocket::Connection* socket = nullptr;
  Client client = worker.connect(recorder, 0, "g", &socket, {}, 4096);
  const std::string piece(100'000, 'p');
  CHECK(socket->send(ROOST_WS_BINARY, piece) != ROOST_GONE);
  worker.on_thread(0, [&] { worker.sockets[0]->end_of_batch(); });  // as much of it as the socket takes is sent
  const size_t waiting = socket->buffered();
  CHECK(waiting > 0);
  for (int i = 0; i < 5000; ++i) client.send(Client::frame(9, "ping " + std::to_string(i)));
  client.text("last");
  recorder.wait_for("text last");
  CHECK(socket->buffered() == waiting + 11);
  CHECK(client.next() == "2 " + piece);
  CHECK(client.next() == "10 ping 4999");
  socket->release();
}

TEST_CASE("WebSocketConnection.ToldWhenItIsWritableAgain") {
  config::Websocket settings;
  settings.send_buffer = 100'000;
  Recorder recorder;
  Worker worker({}, 0, 1, settings);
  websocket::Connection* socket = nullptr;
  Client client = worker.connect(recorder, 0, "g", &socket, {}, 4096);
  const std::string piece(10'000, 'p');
  int sent = 0;
  while (++sent && socket->send(ROOST_WS_BINARY, piece) == ROOST_OK) {
  }
  for (int i = 0; i < sent; ++i) client.next();
  recorder.wait_for("writable");
  worker.on_thread(0, [] {});
  CHECK(socket->buffered() == 0);
  CHECK(recorder.lines() == Lines{"open", "writable"});
  socket->release();
}

TEST_CASE("WebSocketConnection.PingsAgainAfterAnAnswer") {
  config::Websocket settings;
  settings.ping = std::chrono::milliseconds(30);
  settings.ping_timeout = std::chrono::hours(24);  // what an answer is waited for, not what lies between two pings
  Recorder recorder;
  Worker worker({}, 0, 1, settings);
  Client client = worker.connect(recorder);
  for (int i = 0; i < 3; ++i) {
    CHECK(client.next() == "9 ");
    client.send(Client::frame(10, ""));
  }
}

TEST_CASE("WebSocketConnection.CutsWhoDoesNotAnswerThePing") {
  config::Websocket settings;
  settings.ping = settings.ping_timeout = std::chrono::milliseconds(30);
  Recorder recorder;
  Worker worker({}, 0, 1, settings);
  Client client = worker.connect(recorder);
  CHECK(client.next() == "9 ");
  recorder.wait_for("close 1006 ");
  CHECK(client.next() == "end");
}

TEST_CASE("WebSocketConnection.DrainSaysGoingAway") {
  Recorder recorder;
  Worker worker;
  Client client = worker.connect(recorder);
  worker.on_thread(0, [&] { worker.sockets[0]->begin_drain(); });
  CHECK(client.next() == "8 " + code(1001));
  client.send(Client::frame(8, code(1001)));
  CHECK(client.next() == "end");
  recorder.wait_for("close 1001 ");
  Client late = worker.connect(recorder);
  CHECK(late.next() == "8 " + code(1001));
}

TEST_CASE("WebSocketConnection.AbandonedBeforeItBegan") {
  Recorder recorder;
  Worker worker;
  roost_ws_accept accept{};
  accept.struct_size = sizeof accept;
  accept.callbacks = &recorder.callbacks;
  accept.arg = &recorder;
  WebSocketConnection* connection = WebSocketConnection::create(*worker.sockets[0], accept, "g");
  CHECK(connection->send(ROOST_WS_TEXT, "x") == ROOST_OK);
  worker.on_thread(0, [&] { connection->abandon(); });
  CHECK(recorder.lines() == Lines{"close 1006 "});
}

}  // namespace roost::net::test
