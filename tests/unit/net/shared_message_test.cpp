#include "net/shared_message.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

using namespace roost;
using namespace roost::net;

namespace {

constexpr uint8_t kTextCompressed = 0xc1;

uint8_t first_byte(const SharedBuffer& frame) {
  return static_cast<uint8_t>(frame.view()[0]);
}

std::string inflated(const SharedBuffer& frame, uint8_t bits) {
  websocket::Inflater inflater(false, bits);
  REQUIRE(inflater.inflate(frame.payload(), 1 << 20) == websocket::Inflater::Result::complete);
  return std::string(inflater.output());
}

// Repeats itself at a distance of `period` bytes only.
std::string text(size_t size, size_t period) {
  std::string made;
  for (uint32_t i = 0, noise = 1; made.size() < size; ++i) {
    if (i % period == 0) noise = 1;
    noise = noise * 1664525 + 1013904223;
    made += static_cast<char>('!' + (noise >> 16) % 90);
  }
  return made;
}

}  // namespace

TEST_CASE("SharedMessage.OneFormForAllWhoseWindowHoldsTheMessage") {
  config::WebsocketCompress settings;
  websocket::Deflater deflater;
  const std::string data = text(400, 50);
  SharedMessage message(ROOST_WS_TEXT, data, settings);
  CHECK(message.of(0, deflater).payload() == data);
  const SharedBuffer& wide = message.of(15, deflater);
  CHECK(first_byte(wide) == kTextCompressed);
  CHECK(&message.of(9, deflater) == &wide);
  CHECK(&message.of(12, deflater) == &wide);
  CHECK(inflated(wide, 9) == data);
}

TEST_CASE("SharedMessage.OneFormForEachWindowThatALongMessageExceeds") {
  config::WebsocketCompress settings;
  websocket::Deflater deflater;
  const std::string data = text(20'000, 700);  // what repeats lies beyond a window of 512 bytes
  SharedMessage message(ROOST_WS_TEXT, data, settings);
  const SharedBuffer &narrow = message.of(9, deflater), &wide = message.of(15, deflater);
  CHECK(wide.size() < narrow.size());
  CHECK(&message.of(9, deflater) == &narrow);
  CHECK(&message.of(15, deflater) == &wide);
  CHECK(inflated(narrow, 9) == data);
  CHECK(inflated(wide, 15) == data);
}

TEST_CASE("SharedMessage.GoesAsItIsWhereCompressingDoesNotPay") {
  config::WebsocketCompress settings;
  websocket::Deflater deflater;
  SharedMessage brief(ROOST_WS_TEXT, std::string(settings.minimum - 1, 'a'), settings);
  CHECK(&brief.of(15, deflater) == &brief.plain());
  std::string bytes(256, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 89);  // each value once
  SharedMessage noise(ROOST_WS_BINARY, bytes, settings);
  CHECK(first_byte(noise.of(15, deflater)) != kTextCompressed);
}

TEST_CASE("SharedMessage.ThreadsMakeOneForm") {
  config::WebsocketCompress settings;
  for (int round = 0; round < 50; ++round) {
    SharedMessage message(ROOST_WS_TEXT, text(1000, 100), settings);
    const SharedBuffer* got[4] = {};
    std::vector<std::thread> threads;
    for (const SharedBuffer*& each : got) {
      threads.emplace_back([&message, &each] {
        websocket::Deflater own;
        each = &message.of(15, own);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const SharedBuffer* each : got) CHECK(each == got[0]);
    CHECK(first_byte(*got[0]) == kTextCompressed);
  }
}
