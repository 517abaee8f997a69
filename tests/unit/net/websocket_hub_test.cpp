#include "net/websocket_hub.hpp"

#include <catch2/catch.hpp>

#include "websocket_worker.hpp"

namespace roost::net::test {
namespace {

std::string id_of(websocket::Connection* socket) {
  return std::string(socket->id());
}

// A client that holds its connection's reference.
struct Member {
  Member(Worker& worker, Recorder& recorder, size_t thread = 0, const char* group = "g")
      : client(worker.connect(recorder, thread, group, &socket)) {}
  ~Member() { socket->release(); }
  websocket::Connection* socket = nullptr;
  Client client;
};

}  // namespace

TEST_CASE("WebSocketHub.OneWorkerTwoThreads") {
  Recorder recorder;
  Worker worker({}, 0, 2);
  Member a(worker, recorder, 0), b(worker, recorder, 1), c(worker, recorder, 1, "other");
  CHECK(worker.list("g") == std::set<std::string>{id_of(a.socket), id_of(b.socket)});
  CHECK(worker.list("none").empty());

  worker.hub.broadcast("g", ROOST_WS_TEXT, "all", {});
  CHECK(a.client.next() == "1 all");
  CHECK(b.client.next() == "1 all");
  worker.hub.broadcast("g", ROOST_WS_TEXT, "not a", a.socket->id());
  CHECK(b.client.next() == "1 not a");
  CHECK(worker.hub.send_to(a.socket->id(), ROOST_WS_BINARY, "for a") == ROOST_OK);
  CHECK(a.client.next() == "2 for a");
  CHECK(worker.hub.send_to("no id", ROOST_WS_TEXT, "x") == ROOST_GONE);
  CHECK(worker.hub.send_to("0-1-1", ROOST_WS_TEXT, "x") == ROOST_GONE);

  a.socket->subscribe("t");
  a.socket->subscribe("t");
  c.socket->subscribe("t");
  worker.hub.publish("t", ROOST_WS_TEXT, "once", {});
  CHECK(a.client.next() == "1 once");
  CHECK(c.client.next() == "1 once");
  a.socket->unsubscribe("t");
  worker.hub.publish("t", ROOST_WS_TEXT, "two", {});
  worker.hub.send_to(a.socket->id(), ROOST_WS_TEXT, "after");
  CHECK(a.client.next() == "1 after");
  CHECK(c.client.next() == "1 two");

  a.client.close();
  recorder.wait_for("close 1006 ");
  CHECK(worker.list("g") == std::set<std::string>{id_of(b.socket)});
}

TEST_CASE("WebSocketHub.ManyTopicsAndMembersLeaveInAnyOrder") {
  Recorder recorder;
  Worker worker;
  std::vector<std::unique_ptr<Member>> members;
  for (int i = 0; i < 12; ++i) {
    members.push_back(std::make_unique<Member>(worker, recorder));
    for (int t = 0; t < 5; ++t) members.back()->socket->subscribe("t" + std::to_string((i + t) % 7));
  }
  for (int i = 0; i < 12; i += 2) members[i]->socket->unsubscribe("t" + std::to_string((i + 1) % 7));
  for (int i = 0; i < 12; i += 3) members[i]->client.close();
  recorder.wait_for("close 1006 ", 4);
  for (int t = 0; t < 7; ++t) worker.hub.publish("t" + std::to_string(t), ROOST_WS_TEXT, std::to_string(t), {});
  worker.hub.broadcast("g", ROOST_WS_TEXT, "end", {});
  for (int i = 0; i < 12; ++i) {
    if (i % 3 == 0) continue;
    INFO(i);
    std::set<std::string> want, got;
    for (int t = 0; t < 5; ++t) want.insert("1 " + std::to_string((i + t) % 7));
    if (i % 2 == 0) want.erase("1 " + std::to_string((i + 1) % 7));
    for (std::string frame; (frame = members[i]->client.next()) != "1 end";) CHECK(got.insert(frame).second);
    CHECK(got == want);
  }
}

TEST_CASE("WebSocketHub.AcrossWorkers") {
  Host host(4);
  Recorder recorder;
  auto first = std::make_unique<Worker>(host.links(0), 0, 2);
  Member a(*first, recorder, 0);
  host.slots[0].state = base::WorkerState::serving;
  Worker second(host.links(2), 2, 1);
  // Who starts later knows of the earlier ones from the first moment, and is known.
  CHECK(second.list("g") == std::set<std::string>{id_of(a.socket)});
  Member b(second, recorder);
  const std::set<std::string> both{id_of(a.socket), id_of(b.socket)};
  CHECK(second.list("g").count(id_of(b.socket)) == 1);
  CHECK(second.list("g") == both);
  CHECK(first->list("g") == both);
  // From an I/O thread too.
  std::set<std::string> ids;
  second.on_thread(0, [&] { ids = second.list("g"); });
  CHECK(ids == both);

  first->hub.broadcast("g", ROOST_WS_TEXT, "all", {});
  CHECK(a.client.next() == "1 all");
  CHECK(b.client.next() == "1 all");
  CHECK(first->hub.send_to(b.socket->id(), ROOST_WS_TEXT, "b") == ROOST_OK);
  CHECK(b.client.next() == "1 b");
  b.socket->subscribe("t");
  a.socket->subscribe("t");
  second.hub.publish("t", ROOST_WS_TEXT, "but b", b.socket->id());
  second.hub.publish("t", ROOST_WS_TEXT, "both", a.socket->id());
  CHECK(a.client.next() == "1 but b");
  CHECK(b.client.next() == "1 both");

  // An opened and a closed one are seen at once.
  {
    Member c(second, recorder);
    CHECK(first->list("g").count(id_of(c.socket)) == 1);
    c.client.close();
    recorder.wait_for("close 1006 ");
    CHECK(first->list("g") == both);
  }

  const std::string large(1 << 20, 'L');
  std::thread sender([&] {
    for (int i = 0; i < 3; ++i) {
      first->hub.send_to(b.socket->id(), ROOST_WS_BINARY, large);
      if (i < 2) recorder.wait_for("text next", static_cast<size_t>(i) + 1);
    }
  });
  for (int i = 0; i < 3; ++i) {
    CHECK(b.client.next() == "2 " + large);
    b.client.text("next");
  }
  sender.join();
}

TEST_CASE("WebSocketHub.OrderForEachPublisher") {
  Host host(3);
  Recorder recorder;
  config::Websocket settings;
  settings.send_buffer = 16 << 20;
  Worker one(host.links(0), 0, 1), two(host.links(1), 1, 2, settings), three(host.links(2), 2, 1);
  Member receiver(two, recorder, 1);
  receiver.socket->subscribe("t");
  constexpr int kEach = 1500;
  std::vector<std::thread> publishers;
  for (Worker* worker : {&one, &two, &three}) {
    publishers.emplace_back([&, worker] {
      const char name = worker == &one ? '1' : worker == &two ? '2' : '3';
      for (int i = 0; i < kEach; ++i) {
        // Some in pieces.
        const std::string pad(i % 100 == 0 ? 60'000 : 10, ' ');
        worker->hub.publish("t", ROOST_WS_TEXT, name + (":" + std::to_string(i) + ";") + pad, {});
      }
    });
  }
  int next[3] = {};
  bool ordered = true;
  for (int i = 0; i < 3 * kEach && ordered; ++i) {
    const std::string frame = receiver.client.next();
    const int p = frame[2] - '1';
    const std::string want = "1 " + std::string(1, frame[2]) + ":" + std::to_string(next[p]++) + ";";
    ordered = frame.substr(0, want.size()) == want;
    if (!ordered) FAIL("want " << want << " got " << frame.substr(0, 20));
  }
  for (auto& publisher : publishers) publisher.join();
  CHECK(one.hub.dropped() == 0);
}

TEST_CASE("WebSocketHub.AStuckWorkerBlocksNobody") {
  Host host(3);
  Recorder recorder;
  Worker one(host.links(0), 0, 1), stuck(host.links(1), 1, 1), three(host.links(2), 2, 1);
  Member a(one, recorder), b(stuck, recorder), c(three, recorder);
  while (one.list("g").size() != 3) std::this_thread::yield();
  std::promise<void> hold;
  std::thread holder([&] { stuck.on_thread(0, [&] { hold.get_future().wait(); }); });
  const std::string piece(200'000, 'p');
  for (int i = 0; i < 150; ++i) {  // 30 MB: more than its inbox and its queue hold
    one.hub.broadcast("g", ROOST_WS_BINARY, piece, {});
    CHECK(a.client.next().size() == piece.size() + 2);
    CHECK(c.client.next().size() == piece.size() + 2);
  }
  CHECK(one.hub.dropped() > 10);
  Member d(one, recorder);  // what the stuck one is not told now, it is told later
  hold.set_value();
  holder.join();
  std::thread reader([&] {
    while (b.client.next() != "end") {
    }
  });
  while (stuck.list("g").count(id_of(d.socket)) == 0) std::this_thread::yield();
  stuck.stop();
  reader.join();
}

}  // namespace roost::net::test
