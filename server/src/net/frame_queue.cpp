#include "net/frame_queue.hpp"

#include <utility>

namespace roost::net {
namespace {

// Empty places at the front that are left alone, however few entries there are.
constexpr size_t kEmptyPlaces = 1024;

}  // namespace

void FrameQueue::push(SharedBuffer frame, Kind kind) {
  bytes_ += frame.size();
  entries_.push_back({std::move(frame), 0, kind, false});
}

void FrameQueue::push_front(SharedBuffer bytes) {
  bytes_ += bytes.size();
  entries_.insert(entries_.begin(), {std::move(bytes), 0, Kind::other, false});
}

void FrameQueue::collect(std::string_view frame) {
  bytes_ += frame.size();
  if (!empty() && entries_.back().collects && entries_.back().bytes.append(frame)) return;
  SharedBuffer block = SharedBuffer::with_room(kBlock);
  block.append(frame);
  entries_.push_back({std::move(block), 0, Kind::other, true});
}

void FrameQueue::hold_pong(SharedBuffer frame) {
  bytes_ += frame.size();
  if (held_pong_) bytes_ -= held_pong_.size();
  held_pong_ = std::move(frame);
  if (empty()) admit_pong();
}

void FrameQueue::admit_pong() {
  if (held_pong_) entries_.push_back({std::exchange(held_pong_, SharedBuffer()), 0, Kind::other, false});
}

size_t FrameQueue::drop_oldest() {
  size_t next = first_;
  while (next < entries_.size() && (entries_[next].kind != Kind::message || entries_[next].offset > 0)) ++next;
  if (next == entries_.size()) return 0;
  const size_t size = entries_[next].bytes.size();
  // Those before it that stay, a few control frames at most, move up.
  for (size_t i = next; i > first_; --i) entries_[i] = std::move(entries_[i - 1]);
  entries_[first_++].bytes = SharedBuffer();
  bytes_ -= size;
  if (empty()) admit_pong();
  compact();
  return size;
}

size_t FrameQueue::gather(iovec* vectors, size_t count) const {
  size_t made = 0;
  for (size_t i = first_; i < entries_.size() && made < count; ++i) {
    const std::string_view bytes = entries_[i].bytes.view().substr(entries_[i].offset);
    vectors[made++] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  return made;
}

void FrameQueue::sent(size_t bytes) {
  const size_t before = bytes_;
  bytes_ -= bytes;
  while (bytes > 0) {
    Entry& entry = entries_[first_];
    const size_t here = entry.bytes.size() - entry.offset;
    if (bytes < here) {
      entry.offset += bytes;
      break;
    }
    bytes -= here;
    entry.bytes = SharedBuffer();
    ++first_;
  }
  // Where less has left than the pong is long, the queue would grow.
  if (held_pong_ && (empty() || before - bytes_ >= held_pong_.size())) admit_pong();
  compact();
}

void FrameQueue::compact() {
  if (first_ <= kEmptyPlaces || first_ < entries_.size() - first_) return;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(first_));
  first_ = 0;
}

void FrameQueue::clear() {
  entries_.clear();
  held_pong_ = SharedBuffer();
  first_ = bytes_ = 0;
}

}  // namespace roost::net
