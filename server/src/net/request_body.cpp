#include "net/request_body.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/temporary_file.hpp"
#include "http/characters.hpp"

namespace roost::net {
namespace {

constexpr size_t kKeptMemory = 4 * 1024;

}  // namespace

void RequestBody::begin(const http::RequestHead& head, uint64_t limit, uint64_t spill) {
  chunked_ = head.chunked;
  left_ = head.content_length;
  limit_ = limit;
  spill_ = spill;
  size_ = 0;
  status_ = 0;
  complete_ = !head.has_body();
  if (chunked_) {
    decoder_.reset();
  } else if (left_ <= spill_) {
    // At most what is kept in memory anyway, and no more than a client can make the server believe.
    memory_.reserve(static_cast<size_t>(std::min<uint64_t>(left_, 64 * 1024)));
  }
}

RequestBody::Step RequestBody::fail(uint16_t status, const char* reason) {
  status_ = status;
  reason_ = reason;
  return {Result::failed, 0, {}};
}

RequestBody::Step RequestBody::next(const char* data, size_t size) {
  if (complete_) return {Result::done, 0, {}};
  if (!chunked_) {
    if (size == 0) return {Result::need_more, 0, {}};
    const auto count = static_cast<size_t>(std::min<uint64_t>(left_, size));
    left_ -= count;
    size_ += count;
    complete_ = left_ == 0;
    return {Result::piece, count, {data, count}};
  }
  const http::ChunkedDecoder::Step step = decoder_.next(data, size);
  switch (step.status) {
    case http::ChunkedDecoder::Status::need_more:
      return {Result::need_more, step.consumed, {}};
    case http::ChunkedDecoder::Status::data:
      size_ += step.data.size();
      if (size_ > limit_) return fail(413, "body too large");
      return {Result::piece, step.consumed, step.data};
    case http::ChunkedDecoder::Status::done:
      complete_ = true;
      return {Result::done, step.consumed, {}};
    case http::ChunkedDecoder::Status::error:
      break;
  }
  return fail(decoder_.error_status(), decoder_.reason());
}

RequestBody::Step RequestBody::collect(const char* data, size_t size) {
  size_t used = 0;
  for (;;) {
    const Step step = next(data + used, size - used);
    used += step.used;
    if (step.result == Result::done && form_) form_->reader.finish();
    if (step.result != Result::piece) return {step.result, used, {}};
    if (!store(step.data)) {
      const int error = errno;
      const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
      const bool busy = error == EMFILE || error == ENFILE || error == ENOMEM;
      return fail(full ? 507 : busy ? 503 : 500, strerrordesc_np(error));
    }
    if (!complete_ && used == size && !chunked_) return {Result::need_more, used, {}};
  }
}

bool RequestBody::store(std::string_view piece) {
  if (!file_ && size_ <= spill_) {
    memory_.append(piece);
    return true;
  }
  if (!file_) {
    file_ = base::open_temporary();
    if (!file_ || !base::write_all(file_.get(), memory_.view())) return false;
    if (form_limits_ != nullptr) spill_form();
    memory_.reset();
  }
  if (form_) form_->reader.feed(piece.data(), piece.size());
  return base::write_all(file_.get(), piece);
}

// A form is read while its bytes are at hand: reading them back would hold up the thread of the handler that asks.
void RequestBody::spill_form() {
  form_ = std::make_unique<ArrivingForm>(form_type_, *form_limits_);
  form_->reader.feed(memory_.view().data(), memory_.view().size());
}

void RequestBody::expect_form(std::string_view content_type, const config::FormLimits& limits) {
  constexpr std::string_view multipart = "multipart/form-data";
  if (!http::equals_ignore_case(content_type.substr(0, multipart.size()), multipart)) return;
  form_type_ = content_type;
  form_limits_ = &limits;
}

void RequestBody::keep(std::string_view whole) {
  memory_.append(whole);
  size_ = whole.size();
}

void RequestBody::reset() {
  complete_ = true;
  size_ = 0;
  memory_.reset(kKeptMemory);
  file_.reset();
  form_limits_ = nullptr;
  form_.reset();
  if (chunked_) decoder_.reset();
  chunked_ = false;
}

}  // namespace roost::net
