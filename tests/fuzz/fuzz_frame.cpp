// A WebSocket session: whole and byte by byte it must tell the same events and come to the same end.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "websocket/session.hpp"

namespace {

using roost::websocket::Opcode;
using roost::websocket::Session;
using roost::websocket::Utf8;

struct Recorder : Session::Sink {
  std::string log;
  void on_message(Opcode opcode, std::string_view data) override {
    if (opcode == Opcode::text && !Utf8::valid(data)) std::abort();
    log.append(opcode == Opcode::text ? "t" : "b").append(data).push_back('\n');
  }
  void on_pong(std::string_view data) override { log.append("p").append(data).push_back('\n'); }
  void on_output(std::string_view frame) override { log.append(frame).push_back('\n'); }
};

std::string run(std::string input, size_t piece) {
  Recorder recorder;
  Session session(4096);
  for (size_t at = 0; at < input.size(); at += piece) {
    session.feed(input.data() + at, piece < input.size() - at ? piece : input.size() - at, recorder);
  }
  return recorder.log + std::to_string(static_cast<int>(session.state())) + std::to_string(session.close_code());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::string whole = run(input, size + 1);
  if (run(input, 1) != whole || run(input, 7) != whole) std::abort();
  return 0;
}
