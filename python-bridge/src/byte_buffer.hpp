// Bytes that grow. One owner; throws std::bad_alloc.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace roost::bridge {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ~ByteBuffer() { std::free(data_); }

  const char* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  std::string_view view() const { return {data_, size_}; }

  // size: at most size().
  void truncate(size_t size) { size_ = size; }
  void clear() { size_ = 0; }

  // Room for `more` bytes behind size(), to be written there and made part of it with commit().
  char* reserve(size_t more) {
    if (capacity_ - size_ < more) [[unlikely]]
      grow(more);
    return data_ + size_;
  }
  void commit(const char* end) { size_ = static_cast<size_t>(end - data_); }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  // Takes the memory away: the caller frees it with free(). The buffer is empty afterwards.
  char* release() {
    char* data = data_;
    data_ = nullptr;
    size_ = capacity_ = 0;
    return data;
  }

 private:
  [[gnu::noinline]] void grow(size_t more) {
    const size_t wanted = std::max({size_ + more, capacity_ * 2, size_t{512}});
    void* data = std::realloc(data_, wanted);
    if (data == nullptr) throw std::bad_alloc();
    data_ = static_cast<char*>(data);
    capacity_ = wanted;
  }

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace roost::bridge
