#include "websocket/session.hpp"

#include <algorithm>
#include <cstring>

#include "websocket/close_code.hpp"

namespace roost::websocket {

size_t Session::feed(char* data, size_t size, Sink& sink) {
  const size_t whole = size;
  while (size > 0 && reading()) {
    if (in_payload_) {
      const auto n = static_cast<size_t>(std::min<uint64_t>(size, frame_.payload - taken_));
      take_payload(data, n, sink);
      data += n;
      size -= n;
      continue;
    }
    if (state_ == State::open && sink.paused()) return whole - size;
    // The header: in place when it lies here whole, else collected.
    HeaderStatus status;
    if (header_size_ == 0) {
      status = parse_header({data, size}, frame_, inflater_ != nullptr);
      if (status == HeaderStatus::complete) {
        data += frame_.size;
        size -= frame_.size;
      }
    } else {
      const size_t before = header_size_;
      const size_t n = std::min(size, kMaxClientHeader - before);
      std::memcpy(partial_header_ + before, data, n);
      status = parse_header({partial_header_, before + n}, frame_, inflater_ != nullptr);
      if (status == HeaderStatus::complete) {
        data += frame_.size - before;
        size -= frame_.size - before;
        header_size_ = 0;
      }
    }
    if (status == HeaderStatus::incomplete) {
      // Fewer than kMaxClientHeader bytes are here in all: a header of that many is complete.
      if (header_size_ == 0) std::memcpy(partial_header_, data, size);
      header_size_ = static_cast<uint8_t>(header_size_ + size);
      return whole;
    }
    if (status != HeaderStatus::complete) {
      fail(kProtocolError, describe(status), sink);
      break;
    }
    frame_begins(sink);
  }
  return whole;
}

void Session::frame_begins(Sink& sink) {
  if (!is_control(frame_.opcode)) {
    // RFC 6455 section 5.4: a continuation only within a message, another data frame only outside of one.
    const bool continues = frame_.opcode == Opcode::continuation;
    if (continues && !fragmented_) return fail(kProtocolError, "continuation without a message", sink);
    if (!continues && fragmented_) return fail(kProtocolError, "message within a message", sink);
    const bool compressed = continues ? compressed_ : frame_.compressed;
    // What cannot be compressed grows: five bytes for each stored block (RFC 1951 section 3.2.4), which zlib makes as
    // short as 128 bytes when it is given little memory.
    const size_t limit = compressed ? max_message_bytes_ + max_message_bytes_ / 16 + 64 : max_message_bytes_;
    if (!continues) message_payload_ = 0;
    if (frame_.payload > limit - message_payload_) return fail(kTooBig, "message too big", sink);
    message_payload_ += frame_.payload;
    if (!continues) {
      message_opcode_ = frame_.opcode;
      compressed_ = compressed;
      utf8_.reset();
      if (compressed && inflater_->takeover()) inflater_->begin();
    }
  }
  taken_ = 0;
  in_payload_ = true;
  if (frame_.payload == 0) take_payload(nullptr, 0, sink);
}

void Session::take_payload(char* data, size_t size, Sink& sink) {
  unmask(data, size, frame_.mask, taken_);
  const std::string_view piece(data, size);
  const bool frame_here = taken_ == 0 && size == frame_.payload;
  taken_ += size;
  const bool ends = taken_ == frame_.payload;
  in_payload_ = !ends;
  if (is_control(frame_.opcode)) {
    if (frame_here) return control_ends(piece, sink);
    control_.append(piece);
    if (ends) control_ends(control_, sink);
    return;
  }
  if (frame_here && frame_.fin && !fragmented_) return take_message(piece, sink);
  if (!take_piece(piece, sink) || !ends) return;
  fragmented_ = !frame_.fin;
  if (frame_.fin) message_ends(sink);
}

void Session::take_message(std::string_view data, Sink& sink) {
  if (compressed_) {
    if (state_ != State::open || !inflated(inflater_->inflate(data, max_message_bytes_), sink)) return;
    data = inflater_->output();
  }
  if (message_opcode_ == Opcode::text && !Utf8::valid(data)) return fail(kInvalidPayload, "invalid UTF-8", sink);
  if (state_ == State::open) sink.on_message(message_opcode_, data);
  if (compressed_) inflater_->shrink();
}

// While closing data is dropped, though still judged where it is not compressed.
bool Session::take_piece(std::string_view piece, Sink& sink) {
  if (compressed_) {
    if (state_ != State::open) return true;
    Inflater& inflater = inflater_of_message();
    const size_t before = inflater.output().size();
    if (!inflated(inflater.more(piece, max_message_bytes_), sink)) return false;
    piece = inflater.output().substr(before);
  } else if (state_ == State::open) {
    message_.append(piece);
  }
  if (message_opcode_ != Opcode::text || utf8_.feed(piece)) return true;
  fail(kInvalidPayload, "invalid UTF-8", sink);
  return false;
}

void Session::message_ends(Sink& sink) {
  std::string_view message = message_, last;
  if (compressed_ && state_ == State::open) {
    Inflater& inflater = inflater_of_message();
    const size_t before = inflater.output().size();
    if (!inflated(inflater.end(max_message_bytes_), sink)) return;
    message = inflater.output();
    last = message.substr(before);
  }
  if (message_opcode_ == Opcode::text && !(utf8_.feed(last) && utf8_.complete())) {
    return fail(kInvalidPayload, "invalid UTF-8", sink);
  }
  if (state_ == State::open) sink.on_message(message_opcode_, message);
  message_ = std::string();
  own_inflater_.reset();
  if (compressed_) inflater_->shrink();
}

Inflater& Session::inflater_of_message() {
  if (inflater_->takeover()) return *inflater_;
  if (own_inflater_ == nullptr) own_inflater_ = std::make_unique<Inflater>(false, inflater_->bits());
  return *own_inflater_;
}

bool Session::inflated(Inflater::Result result, Sink& sink) {
  if (result == Inflater::Result::complete) return true;
  const bool invalid = result == Inflater::Result::invalid;
  fail(invalid ? kInvalidPayload : kTooBig, invalid ? "invalid compressed data" : "message too big", sink);
  return false;
}

void Session::control_ends(std::string_view payload, Sink& sink) {
  if (frame_.opcode == Opcode::close) return peer_closes(payload, sink);
  if (frame_.opcode == Opcode::pong) {
    sink.on_pong(payload);
  } else if (state_ == State::open) {
    char frame[2 + kMaxControlPayload];
    const size_t header = write_header(frame, Opcode::pong, payload.size());
    if (!payload.empty()) std::memcpy(frame + header, payload.data(), payload.size());
    sink.on_output({frame, header + payload.size()});
  }
  if (!control_.empty()) control_ = std::string();
}

void Session::peer_closes(std::string_view payload, Sink& sink) {
  uint16_t code = kNoStatus;
  if (payload.size() == 1) return fail(kProtocolError, "close frame of one byte", sink);
  if (payload.size() >= 2) {
    code = static_cast<uint16_t>((static_cast<uint8_t>(payload[0]) << 8) | static_cast<uint8_t>(payload[1]));
    if (!may_arrive(code)) return fail(kProtocolError, "invalid close code", sink);
    if (!Utf8::valid(payload.substr(2))) return fail(kInvalidPayload, "invalid UTF-8", sink);
  }
  if (state_ == State::open) send_close(code == kNoStatus ? 0 : code, {}, sink);
  state_ = State::closed;
  close_code_ = code;
  control_ = std::string(payload.size() > 2 ? payload.substr(2) : std::string_view());
  message_ = std::string();
  own_inflater_.reset();
}

void Session::close(uint16_t code, std::string_view reason, Sink& sink) {
  if (state_ != State::open) return;
  send_close(code, reason, sink);
  state_ = State::closing;
}

void Session::fail(uint16_t code, std::string_view why, Sink& sink) {
  if (state_ == State::open) send_close(code, why, sink);
  state_ = State::failed;
  close_code_ = code;
  control_ = why;
  message_ = std::string();
  own_inflater_.reset();
}

void Session::send_close(uint16_t code, std::string_view reason, Sink& sink) {
  if (reason.size() > kMaxControlPayload - 2) {
    size_t end = kMaxControlPayload - 2;
    while (end > 0 && (static_cast<uint8_t>(reason[end]) & 0xc0) == 0x80) --end;
    reason = reason.substr(0, end);
  }
  char frame[2 + kMaxControlPayload];
  const size_t payload = code == 0 ? 0 : 2 + reason.size();
  const size_t header = write_header(frame, Opcode::close, payload);
  if (code != 0) {
    frame[header] = static_cast<char>(code >> 8);
    frame[header + 1] = static_cast<char>(code & 0xff);
    if (!reason.empty()) std::memcpy(frame + header + 2, reason.data(), reason.size());
  }
  sink.on_output({frame, header + payload});
}

}  // namespace roost::websocket
