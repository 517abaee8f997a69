#include "websocket/deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace roost::websocket {
namespace {

constexpr std::string_view kTail("\x00\x00\xff\xff", 4);  // RFC 7692 section 7.2.1
constexpr size_t kPiece = 16 * 1024;
constexpr size_t kKept = 64 * 1024;  // of an output buffer

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// A value may be a quoted string (RFC 6455 section 9.1).
bool window_bits(std::string_view value, uint8_t& bits) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  if (value.empty() || value[0] == '0') return false;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), bits);
  return error == std::errc() && end == value.data() + value.size() && bits >= 8 && bits <= 15;
}

struct Offer {
  bool server_no_takeover = false, client_no_takeover = false, server_bits_given = false, client_bits_given = false;
  uint8_t server_bits = 15, client_bits = 15;
};

// One offer: "permessage-deflate; name; name=value". False when it must be declined (section 7.1).
bool read_offer(std::string_view text, Offer& offer) {
  size_t semicolon = text.find(';');
  if (trim(text.substr(0, semicolon)) != "permessage-deflate") return false;
  while (semicolon != std::string_view::npos) {
    const size_t start = semicolon + 1;
    semicolon = text.find(';', start);
    const std::string_view parameter =
        trim(text.substr(start, semicolon == std::string_view::npos ? semicolon : semicolon - start));
    const size_t equals = parameter.find('=');
    const std::string_view name = trim(parameter.substr(0, equals));
    const bool has_value = equals != std::string_view::npos;
    const std::string_view value = has_value ? trim(parameter.substr(equals + 1)) : std::string_view();
    const auto once = [](bool& given) { return !std::exchange(given, true); };
    if (name == "server_no_context_takeover") {
      if (has_value || !once(offer.server_no_takeover)) return false;
    } else if (name == "client_no_context_takeover") {
      if (has_value || !once(offer.client_no_takeover)) return false;
    } else if (name == "server_max_window_bits") {
      if (!has_value || !once(offer.server_bits_given) || !window_bits(value, offer.server_bits)) return false;
    } else if (name == "client_max_window_bits") {
      if (!once(offer.client_bits_given) || (has_value && !window_bits(value, offer.client_bits))) return false;
    } else {
      return false;
    }
  }
  return true;
}

// What is agreed on, and said in the response.
std::string accept(const Offer& offer, const DeflateOptions& options, DeflateParameters& parameters) {
  std::string answer = "permessage-deflate";
  parameters.agreed = true;
  parameters.server_takeover = options.context_takeover && !offer.server_no_takeover;
  if (!parameters.server_takeover) answer += "; server_no_context_takeover";
  parameters.client_takeover = options.context_takeover && !offer.client_no_takeover;
  if (!parameters.client_takeover) answer += "; client_no_context_takeover";
  parameters.server_bits = std::min(offer.server_bits, options.window_bits);
  if (offer.server_bits_given || parameters.server_bits < 15) {
    answer += "; server_max_window_bits=" + std::to_string(parameters.server_bits);
  }
  parameters.client_bits = offer.client_bits;
  if (offer.client_bits_given && options.window_bits < offer.client_bits) {
    parameters.client_bits = options.window_bits;
    answer += "; client_max_window_bits=" + std::to_string(parameters.client_bits);
  }
  return answer;
}

}  // namespace

bool negotiate_deflate(std::string_view offers, const DeflateOptions& options, DeflateParameters& parameters,
                       std::string& answer) {
  // No value of a parameter known here has a comma within its quotes.
  for (size_t start = 0; start <= offers.size();) {
    const size_t comma = std::min(offers.find(',', start), offers.size());
    Offer offer;
    if (read_offer(offers.substr(start, comma - start), offer)) {
      answer = accept(offer, options, parameters);
      return true;
    }
    start = comma + 1;
  }
  return false;
}

Inflater::Inflater(bool takeover, uint8_t bits) : takeover_(takeover), bits_(bits) {}

Inflater::~Inflater() {
  if (stream_ != nullptr) inflateEnd(stream_.get());
}

void Inflater::shrink() {
  if (output_.capacity() > kKept) output_ = std::string();
}

Inflater::Result Inflater::inflate(std::string_view compressed, size_t limit) {
  begin();
  const Result result = more(compressed, limit);
  return result == Result::complete ? end(limit) : result;
}

void Inflater::begin() {
  output_.clear();
  ended_ = false;
  padding_ = 0;
  if (stream_ != nullptr && !takeover_) inflateReset(stream_.get());
}

Inflater::Result Inflater::more(std::string_view compressed, size_t limit) {
  if (!ended_) {
    const Result result = run(compressed, limit);
    if (result != Result::complete) return result;
    if (ended_) padding_ = stream_->avail_in;
  } else {
    padding_ += compressed.size();
  }
  // Behind a final block there is nothing but padding (section 7.2.3.4).
  return padding_ > 1 ? Result::invalid : Result::complete;
}

Inflater::Result Inflater::end(size_t limit) {
  return ended_ ? Result::complete : run(kTail, limit);
}

Inflater::Result Inflater::run(std::string_view input, size_t limit) {
  if (stream_ == nullptr) {
    auto stream = std::make_unique<z_stream>();
    if (inflateInit2(stream.get(), -int{bits_}) != Z_OK) return Result::invalid;
    stream_ = std::move(stream);
  }
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream_->avail_in = static_cast<uInt>(input.size());
  for (size_t size = output_.size();;) {
    // One byte more than the limit tells too long from just long enough.
    const size_t room = std::min(kPiece, limit + 1 - size);
    output_.resize(size + room);
    stream_->next_out = reinterpret_cast<Bytef*>(output_.data() + size);
    stream_->avail_out = static_cast<uInt>(room);
    const int result = ::inflate(stream_.get(), Z_SYNC_FLUSH);
    size += room - stream_->avail_out;
    if (size > limit) return Result::too_big;
    output_.resize(size);
    ended_ = result == Z_STREAM_END;
    if (ended_ && takeover_) inflateResetKeep(stream_.get());  // keeps the window
    if (ended_) return Result::complete;
    if (result != Z_OK && result != Z_BUF_ERROR) return Result::invalid;
    if (stream_->avail_out > 0) return Result::complete;  // all input is taken
  }
}

Deflater::Deflater(const DeflateOptions& options) : options_(options) {}

Deflater::~Deflater() {
  for (const auto& stream : streams_) {
    if (stream != nullptr) deflateEnd(stream.get());
  }
}

std::string_view Deflater::deflate(std::string_view payload, uint8_t bits) {
  if (bits < 9 || bits > 15 || payload.empty()) return {};
  return run(streams_[bits], payload, bits, true);
}

std::string_view Deflater::run(std::unique_ptr<z_stream>& stream, std::string_view payload, uint8_t bits, bool reset) {
  if (stream == nullptr) {
    auto made = std::make_unique<z_stream>();
    if (deflateInit2(made.get(), options_.level, Z_DEFLATED, -int{bits}, options_.memory_level, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      return {};
    }
    stream = std::move(made);
  } else if (reset) {
    deflateReset(stream.get());
  }
  if (output_.capacity() > kKept && payload.size() < kKept) output_ = std::string();
  // As long as the message itself: what does not fit is not worth it.
  output_.resize(payload.size() + kTail.size());
  stream->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(payload.data()));
  stream->avail_in = static_cast<uInt>(payload.size());
  stream->next_out = reinterpret_cast<Bytef*>(output_.data());
  stream->avail_out = static_cast<uInt>(output_.size());
  const int result = ::deflate(stream.get(), Z_SYNC_FLUSH);
  if (result != Z_OK || stream->avail_in > 0 || stream->avail_out == 0) return {};
  const std::string_view whole(output_.data(), output_.size() - stream->avail_out);
  if (!whole.ends_with(kTail) || whole.size() - kTail.size() >= payload.size()) return {};
  return whole.substr(0, whole.size() - kTail.size());
}

DeflateContext::DeflateContext(const DeflateParameters& parameters, Deflater& deflater)
    : parameters_(parameters), deflater_(deflater), inflater_(parameters.client_takeover, parameters.client_bits) {}

DeflateContext::~DeflateContext() {
  if (stream_ != nullptr) deflateEnd(stream_.get());
}

std::string_view DeflateContext::deflate(std::string_view payload) {
  const uint8_t bits = parameters_.server_bits;
  if (!parameters_.server_takeover) return deflater_.deflate(payload, bits);
  if (bits < 9 || payload.empty()) return {};
  const std::string_view made = deflater_.run(stream_, payload, bits, false);
  if (made.empty()) forget();  // the client will not see it: nothing may refer to it
  return made;
}

void DeflateContext::forget() {
  if (stream_ != nullptr) deflateReset(stream_.get());
}

}  // namespace roost::websocket
