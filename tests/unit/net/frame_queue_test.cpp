#include "net/frame_queue.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace roost::net;
using Kind = FrameQueue::Kind;

namespace {

SharedBuffer bytes(std::string_view text) {
  return SharedBuffer::copy_of(text);
}

std::string all(const FrameQueue& queue) {
  iovec vectors[64];
  std::string text;
  const size_t count = queue.gather(vectors, 64);
  for (size_t i = 0; i < count; ++i) text.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
  return text;
}

}  // namespace

TEST_CASE("FrameQueue.SendsInOrderAndInParts") {
  FrameQueue queue;
  CHECK(queue.empty());
  queue.push(bytes("message "), Kind::message);
  queue.push(bytes("close"), Kind::other);
  queue.push_front(bytes("head "));
  CHECK(queue.bytes() == 18);
  CHECK(all(queue) == "head message close");
  queue.sent(7);
  CHECK(all(queue) == "ssage close");
  CHECK(queue.bytes() == 11);
  queue.sent(11);
  CHECK(queue.empty());
  CHECK(queue.bytes() == 0);
}

TEST_CASE("FrameQueue.OfPongsBehindAFullQueueTheLatestFollows") {
  FrameQueue queue;
  queue.push(bytes("message"), Kind::message);
  queue.hold_pong(bytes("1"));
  queue.hold_pong(bytes("pong"));
  CHECK(queue.bytes() == 11);
  queue.sent(3);  // less than it is long
  queue.push(bytes("m"), Kind::message);
  CHECK(all(queue) == "sagem");
  queue.sent(4);
  queue.push(bytes("n"), Kind::message);
  CHECK(all(queue) == "mpongn");
  queue.hold_pong(bytes("last"));
  queue.sent(6);
  CHECK(all(queue) == "last");
  queue.sent(2);  // begun: its rest has to follow
  queue.hold_pong(bytes("next"));
  queue.sent(2);
  CHECK(all(queue) == "next");
  queue.sent(4);
  CHECK(queue.empty());
  CHECK(queue.bytes() == 0);
  queue.hold_pong(bytes("alone"));
  CHECK(all(queue) == "alone");
}

TEST_CASE("FrameQueue.APongOutlivesTheMessagesThatAreDropped") {
  FrameQueue queue;
  queue.push(bytes("m"), Kind::message);
  queue.hold_pong(bytes("pong"));
  CHECK(queue.drop_oldest() == 1);
  CHECK(all(queue) == "pong");
  CHECK(queue.bytes() == 4);
}

TEST_CASE("FrameQueue.DropsTheOldestMessageOfWhichNothingWasSent") {
  FrameQueue queue;
  for (const char* text : {"a1", "b2", "c3"}) queue.push(bytes(text), Kind::message);
  queue.push(bytes("pong"), Kind::other);
  queue.push(bytes("d4"), Kind::message);
  queue.sent(1);
  CHECK(queue.drop_oldest() == 2);
  CHECK(all(queue) == "1c3pongd4");
  CHECK(queue.drop_oldest() == 2);
  CHECK(queue.drop_oldest() == 2);
  CHECK(all(queue) == "1pong");
  CHECK(queue.bytes() == 5);
  CHECK(queue.drop_oldest() == 0);
}

TEST_CASE("FrameQueue.WhatIsDroppedTakesNoPlace") {
  FrameQueue queue;
  for (int i = 0; i < 100'000; ++i) {
    queue.push(bytes("m"), Kind::message);
    if (i >= 10) CHECK(queue.drop_oldest() == 1);
  }
  CHECK(queue.bytes() == 10);
  CHECK(queue.capacity() < 10'000);
}

TEST_CASE("FrameQueue.SmallFramesShareABlock") {
  FrameQueue queue;
  queue.push(bytes("large"), Kind::message);
  std::string want = "large";
  const size_t small = 40'000;
  for (size_t i = 0; i < small; ++i) {
    queue.collect(i % 2 == 0 ? "ab" : "c");
    want += i % 2 == 0 ? "ab" : "c";
  }
  CHECK(queue.capacity() < 64);
  CHECK(queue.bytes() == want.size());
  CHECK(all(queue) == want);
  // What came in between keeps its place, and a block of which part has left takes more.
  queue.sent(want.size() - 1);
  queue.collect("d");
  queue.push(bytes("pong"), Kind::other);
  queue.collect("e");
  CHECK(all(queue) == "cdponge");
}
