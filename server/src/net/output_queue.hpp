// What a socket would not take yet, in order: bytes of its own, bytes of others that are given back when sent, pieces
// of files. Owned by a connection while something waits. One thread's at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "net/byte_buffer.hpp"

namespace roost::net {

// One piece: memory, or a range of a file.
struct OutputSegment {
  const char* data = nullptr;
  uint64_t size = 0;  // left to send, of data or file
  void (*release)(void*) = nullptr;
  void* release_arg = nullptr;
  int file = -1;  // owned
  uint64_t file_offset = 0;

  // Gives memory and file back.
  void dispose() noexcept;
};

enum class SendResult : uint8_t {
  done,     // all has left
  blocked,  // the socket is full
  failed    // the peer is gone, or a file is shorter than it was
};

class OutputQueue {
 public:
  OutputQueue() = default;
  ~OutputQueue();
  OutputQueue(OutputQueue&& other) noexcept { *this = std::move(other); }
  OutputQueue& operator=(OutputQueue&& other) noexcept;

  bool empty() const { return first_ == segments_.size(); }
  uint64_t bytes() const { return bytes_; }

  void append_copy(std::string_view bytes);
  // Takes over memory and file.
  void append(const OutputSegment& segment);
  // Moves everything from other.
  void append(OutputQueue& other);

  // Sends what the socket takes, at most some MiB so that others have their turn. sent: bytes that left.
  SendResult send(int socket, uint64_t& sent) noexcept;

 private:
  void pop() noexcept;
  SendResult send_memory(int socket, uint64_t& sent) noexcept;
  SendResult send_file(int socket, uint64_t& sent) noexcept;

  std::vector<OutputSegment> segments_;
  size_t first_ = 0;
  size_t spare_ = 0;  // room left behind the last segment, when it is one of ours
  uint64_t bytes_ = 0;
};

}  // namespace roost::net
