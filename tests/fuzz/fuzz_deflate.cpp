// Compressed messages: whatever comes is either refused or one message within the limit, the same whole and in pieces;
// what is compressed here comes back as it was.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "websocket/deflate.hpp"
#include "websocket/session.hpp"

namespace {

using namespace roost::websocket;

constexpr size_t kLimit = 4096;

struct Recorder : Session::Sink {
  std::string log;
  void on_message(Opcode opcode, std::string_view data) override {
    if (data.size() > kLimit || (opcode == Opcode::text && !Utf8::valid(data))) std::abort();
    log.append(data).push_back('\n');
  }
  void on_pong(std::string_view) override {}
  void on_output(std::string_view) override {}
};

// One compressed message in two frames, cut at that place; the mask is zero.
std::string message(const std::string& payload, size_t cut) {
  std::string out;
  for (const auto& [first, piece] :
       {std::pair<int, std::string>{0x41, payload.substr(0, cut)}, {0x80, payload.substr(cut)}}) {
    char header[kMaxServerHeader];
    const size_t size = write_header(header, Opcode::text, piece.size());
    header[0] = static_cast<char>(first);
    header[1] = static_cast<char>(header[1] | 0x80);
    out.append(header, size).append(4, '\0').append(piece);
  }
  return out;
}

// The message, or that it was refused: of several mistakes the first that is met is told, and that is not the same one
// whole and in pieces.
std::string run(std::string input, Inflater& inflater) {
  Recorder recorder;
  Session session(kLimit, &inflater);
  session.feed(input.data(), input.size(), recorder);
  if (session.state() == Session::State::open) return recorder.log;
  if (session.close_code() != 1007 && session.close_code() != 1009) std::abort();
  return "refused" + recorder.log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  Inflater inflater;
  Deflater deflater;
  if (size <= kLimit) {
    const std::string whole = run(message(input, 0), inflater);
    if (run(message(input, size / 2), inflater) != whole || run(message(input, size), inflater) != whole) std::abort();
  }
  for (const uint8_t bits : {9, 15}) {
    const std::string packed(deflater.deflate(input, bits));
    if (packed.empty()) continue;
    if (inflater.inflate(packed, size) != Inflater::Result::complete || inflater.output() != input) std::abort();
  }
  DeflateParameters parameters;
  std::string answer;
  negotiate_deflate(input, {}, parameters, answer);
  return 0;
}
