#include "net/output_queue.hpp"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace roost::net {
namespace {

constexpr size_t kBlock = 16 * 1024;
constexpr uint64_t kAtOnce = 4 << 20;
constexpr size_t kMaxVectors = 32;

}  // namespace

void OutputSegment::dispose() noexcept {
  if (release != nullptr) release(release_arg);
  if (file >= 0) ::close(file);
  release = nullptr;
  file = -1;
}

OutputQueue::~OutputQueue() {
  while (!empty()) pop();
}

OutputQueue& OutputQueue::operator=(OutputQueue&& other) noexcept {
  std::swap(segments_, other.segments_);
  std::swap(first_, other.first_);
  std::swap(spare_, other.spare_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void OutputQueue::pop() noexcept {
  segments_[first_].dispose();
  ++first_;
  if (!empty()) return;
  segments_.clear();
  first_ = 0;
  spare_ = 0;
}

void OutputQueue::append_copy(std::string_view bytes) {
  bytes_ += bytes.size();
  if (spare_ != 0 && !bytes.empty()) {
    const size_t count = std::min(spare_, bytes.size());
    OutputSegment& last = segments_.back();
    std::memcpy(const_cast<char*>(last.data) + last.size, bytes.data(), count);
    last.size += count;
    spare_ -= count;
    bytes.remove_prefix(count);
  }
  if (bytes.empty()) return;
  const size_t capacity = std::max(kBlock, bytes.size());
  auto* const block = static_cast<char*>(std::malloc(capacity));
  if (block == nullptr) throw std::bad_alloc();
  std::memcpy(block, bytes.data(), bytes.size());
  OutputSegment segment;
  segment.data = block;
  segment.size = bytes.size();
  segment.release = std::free;
  segment.release_arg = block;
  segments_.push_back(segment);
  spare_ = capacity - bytes.size();
}

void OutputQueue::append(const OutputSegment& segment) {
  bytes_ += segment.size;
  segments_.push_back(segment);
  spare_ = 0;
}

void OutputQueue::append(OutputQueue& other) {
  segments_.insert(segments_.end(), other.segments_.begin() + static_cast<ptrdiff_t>(other.first_),
                   other.segments_.end());
  bytes_ += other.bytes_;
  spare_ = 0;
  other.segments_.clear();
  other.first_ = other.spare_ = 0;
  other.bytes_ = 0;
}

SendResult OutputQueue::send(int socket, uint64_t& sent) noexcept {
  sent = 0;
  while (!empty()) {
    if (sent >= kAtOnce) return SendResult::blocked;
    const uint64_t before = sent;
    const SendResult result = segments_[first_].file >= 0 ? send_file(socket, sent) : send_memory(socket, sent);
    bytes_ -= sent - before;
    if (result != SendResult::done) return result;
  }
  return SendResult::done;
}

SendResult OutputQueue::send_memory(int socket, uint64_t& sent) noexcept {
  iovec vectors[kMaxVectors];
  size_t count = 0;
  size_t total = 0;
  bool more = false;
  for (size_t i = first_; i < segments_.size(); ++i) {
    if (segments_[i].file >= 0 || count == kMaxVectors) {
      more = true;
      break;
    }
    vectors[count++] = {const_cast<char*>(segments_[i].data), segments_[i].size};
    total += segments_[i].size;
  }
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = count;
  const ssize_t n = ::sendmsg(socket, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  if (n < 0) return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? SendResult::blocked : SendResult::failed;
  sent += static_cast<uint64_t>(n);
  auto left = static_cast<uint64_t>(n);
  while (!empty() && segments_[first_].file < 0 && left >= segments_[first_].size) {
    left -= segments_[first_].size;
    pop();
  }
  if (left != 0) {
    segments_[first_].data += left;
    segments_[first_].size -= left;
  }
  return static_cast<size_t>(n) == total ? SendResult::done : SendResult::blocked;
}

SendResult OutputQueue::send_file(int socket, uint64_t& sent) noexcept {
  OutputSegment& segment = segments_[first_];
  while (segment.size != 0) {
    if (sent >= kAtOnce) return SendResult::blocked;
    auto offset = static_cast<off_t>(segment.file_offset);
    const ssize_t n = ::sendfile(socket, segment.file, &offset, std::min<uint64_t>(segment.size, 1 << 20));
    if (n < 0) return errno == EAGAIN || errno == EINTR ? SendResult::blocked : SendResult::failed;
    if (n == 0) return SendResult::failed;  // the file became shorter: what was promised cannot be sent
    segment.file_offset += static_cast<uint64_t>(n);
    segment.size -= static_cast<uint64_t>(n);
    sent += static_cast<uint64_t>(n);
  }
  pop();
  return SendResult::done;
}

}  // namespace roost::net
