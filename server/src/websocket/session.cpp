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
    if (frame_.payload > limit - message_.size()) return fail(kTooBig, "message too big", sink);
    if (!continues) {
      message_opcode_ = frame_.opcode;
      compressed_ = compressed;
      utf8_.reset();
    }
  }
  taken_ = 0;
  in_payload_ = true;
  if (frame_.payload == 0) take_payload(nullptr, 0, sink);
}

void Session::take_payload(char* data, size_t size, Sink& sink) {
  unmask(data, size, frame_.mask, taken_);
  const std::string_view piece(data, size);
  const bool control = is_control(frame_.opcode);
  const bool whole_here = taken_ == 0 && size == frame_.payload;
  taken_ += size;
  const bool ends = taken_ == frame_.payload;
  if (!control && !compressed_ && message_opcode_ == Opcode::text && !utf8_.feed(piece)) {
    return fail(kInvalidPayload, "invalid UTF-8", sink);
  }
  if (whole_here && (control || (frame_.fin && !fragmented_))) return frame_ends(piece, sink);
  std::string& buffer = control ? control_ : message_;
  // While closing data is dropped, though still judged.
  if (control || state_ == State::open) buffer.append(piece);
  if (ends) frame_ends(buffer, sink);
}

void Session::frame_ends(std::string_view payload, Sink& sink) {
  in_payload_ = false;
  if (is_control(frame_.opcode)) return control_ends(payload, sink);
  if (!frame_.fin) {
    fragmented_ = true;
    return;
  }
  fragmented_ = false;
  message_ends(payload, sink);
  message_ = std::string();
}

void Session::message_ends(std::string_view data, Sink& sink) {
  if (!compressed_) {
    if (message_opcode_ == Opcode::text && !utf8_.complete()) return fail(kInvalidPayload, "invalid UTF-8", sink);
    if (state_ == State::open) sink.on_message(message_opcode_, data);
    return;
  }
  if (state_ != State::open) return;
  switch (inflater_->inflate(data, max_message_bytes_)) {
    case Inflater::Result::invalid:
      return fail(kInvalidPayload, "invalid compressed data", sink);
    case Inflater::Result::too_big:
      return fail(kTooBig, "message too big", sink);
    case Inflater::Result::complete:
      break;
  }
  const std::string_view message = inflater_->output();
  if (message_opcode_ == Opcode::text && !Utf8::valid(message)) return fail(kInvalidPayload, "invalid UTF-8", sink);
  sink.on_message(message_opcode_, message);
  inflater_->shrink();
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
