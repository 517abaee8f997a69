// Bytes in one growing block, without the zeroing of std::string::resize(). Empty it owns nothing until first used.
// One thread's at a time.
#pragma once

#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace roost::net {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~ByteBuffer() { std::free(data_); }

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }

  // Room for `more` bytes behind the last one; where they begin. Throws std::bad_alloc.
  char* reserve(size_t more) {
    if (capacity_ - size_ < more) grow(more);
    return data_ + size_;
  }
  // What was written from reserve() on ends here.
  void commit(const char* end) { size_ = static_cast<size_t>(end - data_); }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void truncate(size_t size) { size_ = size; }
  void clear() { size_ = 0; }
  // Forgets the first bytes.
  void consume(size_t count) {
    size_ -= count;
    if (size_ != 0 && count != 0) std::memmove(data_, data_ + count, size_);
  }
  // Empties it and gives the memory back when it is more than that.
  void reset(size_t keep = 0) {
    size_ = 0;
    if (capacity_ <= keep) return;
    std::free(data_);
    data_ = nullptr;
    capacity_ = 0;
  }
  // The block, to be given to std::free().
  char* release() {
    size_ = capacity_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  void grow(size_t more) {
    size_t capacity = capacity_ < 256 ? 512 : capacity_ * 2;
    if (capacity < size_ + more) capacity = size_ + more;
    auto* const data = static_cast<char*>(std::realloc(data_, capacity));
    if (data == nullptr) throw std::bad_alloc();
    data_ = data;
    capacity_ = capacity;
  }

  char* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace roost::net
