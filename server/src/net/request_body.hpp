// Takes a request's body apart from its framing (Content-Length or chunked) and keeps it: in memory, above `spill` in
// an unlinked temporary file, or not at all when it is streamed. One for each exchange; the I/O thread's.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/unique_fd.hpp"
#include "http/chunked_decoder.hpp"
#include "http/form.hpp"
#include "http/request_head.hpp"
#include "net/byte_buffer.hpp"

namespace roost::net {

class RequestBody {
 public:
  enum class Result : uint8_t { need_more, piece, done, failed };
  struct Step {
    Result result;
    size_t used;            // of the bytes given
    std::string_view data;  // piece: a part of the body, in the bytes given
  };

  // spill: SIZE_MAX keeps all in memory.
  void begin(const http::RequestHead& head, uint64_t limit, uint64_t spill);
  // After begin(): should the body be spilled and be a multipart form, it is read while it arrives. Both outlive the
  // body.
  void expect_form(std::string_view content_type, const config::FormLimits& limits);
  // The next piece, not kept. failed: status() says why; 413 when the limit is passed.
  Step next(const char* data, size_t size);
  // All pieces that are there, kept. Never answers `piece`. failed with a status from 500 up: the body cannot be
  // stored, and reason() is the system's (507 no space, 503 no descriptor or memory).
  Step collect(const char* data, size_t size);
  // Keeps a body that came whole.
  void keep(std::string_view whole);
  // Forgets everything and gives memory and file back.
  void reset();

  bool complete() const { return complete_; }
  uint16_t status() const { return status_; }
  const char* reason() const { return reason_; }
  uint64_t size() const { return size_; }
  std::string_view memory() const { return memory_.view(); }
  // The form that was read meanwhile; nullptr when none was. After completion.
  http::Form* form() { return form_ ? &form_->form : nullptr; }
  int file() const { return file_.get(); }  // -1: all is in memory
  const std::vector<roost_field>& trailers() const { return decoder_.trailers(); }

 private:
  Step fail(uint16_t status, const char* reason);
  bool store(std::string_view piece);
  void spill_form();

  bool chunked_ = false, complete_ = true;
  uint16_t status_ = 0;
  const char* reason_ = "";
  uint64_t limit_ = 0, spill_ = 0;
  uint64_t left_ = 0;  // of Content-Length
  uint64_t size_ = 0;
  ByteBuffer memory_;
  base::UniqueFd file_;
  http::ChunkedDecoder decoder_;
  std::string_view form_type_;
  const config::FormLimits* form_limits_ = nullptr;
  struct ArrivingForm {
    ArrivingForm(std::string_view content_type, const config::FormLimits& limits)
        : reader(content_type, limits, form) {}
    http::Form form;
    http::FormReader reader;
  };
  std::unique_ptr<ArrivingForm> form_;
};

}  // namespace roost::net
