#include "websocket/session.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "websocket/close_code.hpp"
#include "websocket/deflate.hpp"

namespace roost::websocket {
namespace {

constexpr size_t kLimit = 100'000;

// A client's frame.
std::string frame(int opcode, std::string payload, bool fin = true, int reserved = 0) {
  std::string out;
  out.push_back(static_cast<char>((fin ? 0x80 : 0) | reserved | opcode));
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    const int extended = payload.size() < 65536 ? 2 : 8;
    out.push_back(static_cast<char>(0x80 | (extended == 2 ? 126 : 127)));
    for (int i = extended - 1; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i)));
  }
  const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
  out.append(reinterpret_cast<const char*>(mask), 4);
  unmask(payload.data(), payload.size(), mask);
  return out + payload;
}

std::string code(uint16_t value, std::string reason = "") {
  return std::string{static_cast<char>(value >> 8), static_cast<char>(value & 0xff)} + reason;
}

// Writes down what a session tells, one word for each event.
struct Recorder : Session::Sink {
  std::string log;
  void on_message(Opcode opcode, std::string_view data) override {
    log += opcode == Opcode::text ? "text:" : "binary:";
    log += data.size() > 40 ? std::to_string(data.size()) : std::string(data);
    log += ' ';
  }
  void on_pong(std::string_view data) override { log += "pong:" + std::string(data) + ' '; }
  void on_output(std::string_view out) override {
    const int opcode = out[0] & 15;
    CHECK((out[0] & 0x80) != 0);
    CHECK(static_cast<size_t>(out[1]) == out.size() - 2);
    if (opcode == 10) log += "send-pong:" + std::string(out.substr(2)) + ' ';
    if (opcode != 8) return;
    log += "send-close:";
    log += out.size() < 4 ? std::string("-")
                          : std::to_string((static_cast<uint8_t>(out[2]) << 8) | static_cast<uint8_t>(out[3]));
    log += ' ';
  }
};

struct Case {
  const char* name;
  std::string input;
  std::string want;
  Session::State state = Session::State::open;
  uint16_t close = kAbnormal;
};

std::vector<Case> cases() {
  using State = Session::State;
  return {
      {"text", frame(1, "Hello"), "text:Hello "},
      {"empty", frame(1, "") + frame(2, ""), "text: binary: "},
      {"fragments", frame(1, "Hel", false) + frame(0, "lo"), "text:Hello "},
      {"fragments, empty ones too", frame(1, "", false) + frame(0, "", false) + frame(0, ""), "text: "},
      {"control between fragments", frame(1, "Hel", false) + frame(9, "x") + frame(10, "y") + frame(0, "lo"),
       "send-pong:x pong:y text:Hello "},
      {"ping", frame(9, "Hello"), "send-pong:Hello "},
      {"ping of 125 bytes", frame(9, std::string(125, 'p')), "send-pong:" + std::string(125, 'p') + " "},
      {"binary 256", frame(2, std::string(256, 'b')), "binary:256 "},
      {"binary 65536", frame(2, std::string(65536, 'b')), "binary:65536 "},
      {"text at the limit", frame(1, std::string(kLimit, 't')), "text:100000 "},
      {"over the limit", frame(1, std::string(kLimit + 1, 't')), "send-close:1009 ", State::failed, kTooBig},
      {"over the limit in fragments", frame(1, std::string(kLimit, 't'), false) + frame(0, "t"), "send-close:1009 ",
       State::failed, kTooBig},
      {"UTF-8 across fragments", frame(1, "\xce", false) + frame(0, "\xba"), "text:\xce\xba "},
      {"bad UTF-8 in the first fragment", frame(1, "a\xff", false), "send-close:1007 ", State::failed, kInvalidPayload},
      {"text cut within a character", frame(1, "\xce"), "send-close:1007 ", State::failed, kInvalidPayload},
      {"binary is not checked", frame(2, "\xff"), "binary:\xff "},
      {"good, then bad", frame(1, "a") + frame(1, "b", true, 0x40) + frame(1, "c"), "text:a send-close:1002 ",
       State::failed, kProtocolError},
      {"continuation alone", frame(0, "a"), "send-close:1002 ", State::failed, kProtocolError},
      {"message within a message", frame(1, "a", false) + frame(1, "b"), "send-close:1002 ", State::failed,
       kProtocolError},
      {"opcode 3", frame(3, ""), "send-close:1002 ", State::failed, kProtocolError},
      {"ping in fragments", frame(9, "", false), "send-close:1002 ", State::failed, kProtocolError},
      {"ping of 126 bytes", frame(9, std::string(126, 'p')), "send-close:1002 ", State::failed, kProtocolError},
      {"no mask", std::string("\x81\x05Hello"), "send-close:1002 ", State::failed, kProtocolError},
      {"close", frame(8, ""), "send-close:- ", State::closed, kNoStatus},
      {"close with code", frame(8, code(1000, "bye")), "send-close:1000 ", State::closed, 1000},
      {"close 4999", frame(8, code(4999)), "send-close:4999 ", State::closed, 4999},
      {"close of one byte", frame(8, "\x03"), "send-close:1002 ", State::failed, kProtocolError},
      {"close with bad UTF-8", frame(8, code(1000, "\xff")), "send-close:1007 ", State::failed, kInvalidPayload},
      {"nothing after close", frame(8, code(1001)) + frame(1, "late"), "send-close:1001 ", State::closed, 1001},
      {"close within a message", frame(1, "a", false) + frame(8, code(1000)), "send-close:1000 ", State::closed, 1000},
  };
}

void run(const Case& c, const std::vector<std::string>& pieces) {
  Recorder recorder;
  Session session(kLimit);
  for (std::string piece : pieces) session.feed(piece.data(), piece.size(), recorder);
  CHECK(recorder.log == c.want);
  CHECK(session.state() == c.state);
  CHECK(session.close_code() == c.close);
}

}  // namespace

TEST_CASE("Session.WholeInput") {
  for (const Case& c : cases()) {
    INFO(c.name);
    run(c, {c.input});
  }
}

TEST_CASE("Session.InputCutAtEveryByte") {
  for (const Case& c : cases()) {
    INFO(c.name);
    const size_t last = c.input.size();
    for (size_t cut = 1; cut<last; cut += cut> 300 && cut + 300 < last ? 7919 : 1) {
      run(c, {c.input.substr(0, cut), c.input.substr(cut)});
    }
    if (last > 1000) continue;
    std::vector<std::string> single;
    for (const char byte : c.input) single.emplace_back(1, byte);
    run(c, single);
  }
}

TEST_CASE("Session.CloseCodesThatMayArrive") {
  for (int value = 0; value < 6000; ++value) {
    Recorder recorder;
    Session session(kLimit);
    std::string input = frame(8, code(static_cast<uint16_t>(value)));
    session.feed(input.data(), input.size(), recorder);
    const bool valid =
        (value >= 1000 && value <= 1003) || (value >= 1007 && value <= 1014) || (value >= 3000 && value <= 4999);
    INFO(value);
    CHECK((session.state() == Session::State::closed) == valid);
  }
}

TEST_CASE("Session.BadUtf8FailsBeforeItsFrameIsComplete") {
  Recorder recorder;
  Session session(kLimit);
  std::string input = frame(1, "ab\xf4\x90" + std::string(50, 'x')).substr(0, 6 + 4);
  session.feed(input.data(), input.size(), recorder);
  CHECK(session.state() == Session::State::failed);
}

// As a client compresses; never empty for what has no random bytes.
std::string packed(Deflater& deflater, std::string_view text) {
  return std::string(deflater.deflate(text, 15));
}

TEST_CASE("Session.BadUtf8InACompressedMessageFailsBeforeTheMessageIsComplete") {
  Deflater deflater;
  const std::string text(2000, 'a');
  std::string broken = text;
  broken += "\xff";
  for (int i = 0; i < 3000; ++i) broken += static_cast<char>('a' + i * i % 26);
  for (const bool takeover : {false, true}) {
    CAPTURE(takeover);
    Inflater inflater(takeover, 15);
    Recorder recorder;
    Session session(kLimit, &inflater);
    const std::string payload = packed(deflater, broken);
    // The first of two fragments, and not all of it.
    std::string input = frame(1, payload, false, 0x40);
    size_t fed = 0;
    while (fed < input.size() && session.state() == Session::State::open) session.feed(&input[fed++], 1, recorder);
    CHECK(session.state() == Session::State::failed);
    CHECK(recorder.log == "send-close:1007 ");
    CHECK(fed < input.size() - 100);
  }
}

TEST_CASE("Session.CompressedMessagesInPiecesAreThoseThatComeWhole") {
  Deflater deflater;
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * i) + "\xc3\xa9";
  for (const bool takeover : {false, true}) {
    CAPTURE(takeover);
    Inflater inflater(takeover, 15);
    Recorder recorder;
    Session session(text.size(), &inflater);
    std::string input, want;
    const std::string payload = packed(deflater, text);
    for (const size_t size : {size_t{1}, size_t{7}, size_t{1000}, payload.size()}) {
      for (size_t at = 0; at < payload.size(); at += size) {
        const bool last = at + size >= payload.size();
        input += frame(at == 0 ? 1 : 0, payload.substr(at, size), last, at == 0 ? 0x40 : 0);
        if (at > 0) continue;
        input += frame(9, "");  // between the pieces, or behind a message that is whole
        if (!last) want += "send-pong: ";
      }
      want += "text:" + std::to_string(text.size()) + ' ';
      if (size == payload.size()) want += "send-pong: ";
    }
    input += frame(1, "plain") + frame(1, packed(deflater, std::string(30, 'b')), true, 0x40);
    want += "text:plain text:" + std::string(30, 'b') + ' ';
    for (size_t at = 0; at < input.size(); at += 4096) {
      session.feed(&input[at], std::min<size_t>(4096, input.size() - at), recorder);
    }
    CHECK(session.state() == Session::State::open);
    CHECK(recorder.log == want);
  }
}

TEST_CASE("Session.ACompressedMessageInPiecesIsRefusedAtTheLimit") {
  Deflater deflater;
  const std::string payload = packed(deflater, std::string(kLimit + 1, 'z'));
  Inflater inflater;
  for (const size_t size : {size_t{1}, size_t{3}, payload.size() - 1}) {
    Recorder recorder;
    Session session(kLimit, &inflater);
    std::string input;
    for (size_t at = 0; at < payload.size(); at += size) {
      input += frame(at == 0 ? 2 : 0, payload.substr(at, size), false, at == 0 ? 0x40 : 0);
    }
    input += frame(0, "");
    session.feed(input.data(), input.size(), recorder);
    CHECK(session.state() == Session::State::failed);
    CHECK(recorder.log == "send-close:1009 ");
  }
}

TEST_CASE("Session.ClosesFromThisSide") {
  Recorder recorder;
  Session session(kLimit);
  session.close(1001, "going away", recorder);
  session.close(1000, "again", recorder);
  CHECK(session.state() == Session::State::closing);
  std::string input = frame(1, "dropped") + frame(9, "no pong") + frame(8, code(1001));
  session.feed(input.data(), input.size(), recorder);
  CHECK(recorder.log == "send-close:1001 ");
  CHECK(session.state() == Session::State::closed);
  CHECK(session.close_code() == 1001);
}

TEST_CASE("Session.CloseReasonIsCutAtACharacter") {
  struct Capture : Recorder {
    std::string reason;
    void on_output(std::string_view out) override { reason = out.substr(4); }
  } capture;
  Session session(kLimit);
  session.close(1000, std::string(122, 'r') + "\xc3\xa4", capture);
  CHECK(capture.reason == std::string(122, 'r'));
}

}  // namespace roost::websocket
