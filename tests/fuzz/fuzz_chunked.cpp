// The chunked decoder: whole and byte by byte it must come to the same body and outcome.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/chunked_decoder.hpp"

namespace {

using roost::http::ChunkedDecoder;

struct Outcome {
  ChunkedDecoder::Status status = ChunkedDecoder::Status::need_more;
  std::string body;
  size_t consumed = 0, trailers = 0;
};

Outcome decode(const char* data, size_t size, size_t piece) {
  ChunkedDecoder decoder({.extension_bytes = 64, .trailer_bytes = 256, .trailers = 8});
  Outcome outcome;
  while (outcome.consumed < size) {
    const size_t most = piece < size - outcome.consumed ? piece : size - outcome.consumed;
    const std::string copy(data + outcome.consumed, most);
    const ChunkedDecoder::Step step = decoder.next(copy.data(), copy.size());
    if (step.consumed > most) std::abort();
    outcome.body += step.data;
    outcome.consumed += step.consumed;
    outcome.status = step.status;
    if (step.status == ChunkedDecoder::Status::error || step.status == ChunkedDecoder::Status::done) break;
    if (step.status == ChunkedDecoder::Status::need_more && step.consumed != most) std::abort();
    outcome.status = ChunkedDecoder::Status::need_more;
  }
  outcome.trailers = decoder.trailers().size();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const char* bytes = reinterpret_cast<const char*>(data);
  const Outcome whole = decode(bytes, size, size);
  const Outcome split = decode(bytes, size, 1);
  if (whole.status != split.status || whole.body != split.body || whole.trailers != split.trailers) std::abort();
  if (whole.status == ChunkedDecoder::Status::done && whole.consumed != split.consumed) std::abort();
  return 0;
}
