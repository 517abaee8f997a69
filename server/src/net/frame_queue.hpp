// What waits to be sent on one WebSocket, oldest first. One thread's: that of the connection. Who fills it limits the
// bytes; what it costs in memory stays in proportion to them, whatever the frames are:
// - behind a full queue the pong for the latest ping alone is kept (hold_pong());
// - small frames there are put together (collect());
// - what was dropped leaves no empty places.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "net/shared_buffer.hpp"

namespace roost::net {

class FrameQueue {
 public:
  enum class Kind : uint8_t {
    message,  // one whole message, which may be dropped
    other,
  };
  // Frames of at most so many bytes are worth to be put together, in blocks of at most kBlock.
  static constexpr size_t kSmall = 256, kBlock = 4096;

  void push(SharedBuffer frame, Kind kind);
  // Before all others. REQUIRES: nothing was sent yet.
  void push_front(SharedBuffer bytes);
  // As push() of a message that will not be dropped, in one block with others like it. REQUIRES: at most kSmall bytes.
  void collect(std::string_view frame);
  // For a peer that pings and does not read: of all pongs given since something last left, the latest follows what
  // waits now (RFC 6455 section 5.5.3 asks for no more).
  void hold_pong(SharedBuffer frame);

  // Drops the oldest message of which nothing was sent; its bytes, 0 when there is none.
  size_t drop_oldest();

  bool empty() const { return first_ == entries_.size(); }
  size_t bytes() const { return bytes_; }
  // What waits first, as at most count vectors; how many. Valid until the next call that is not const.
  size_t gather(iovec* vectors, size_t count) const;
  // So many bytes of what gather() told have left.
  void sent(size_t bytes);

  void clear();
  // Places that are allocated.
  size_t capacity() const { return entries_.capacity(); }

 private:
  struct Entry {
    SharedBuffer bytes;
    size_t offset;
    Kind kind;
    bool collects;
  };

  void admit_pong();
  void compact();

  std::vector<Entry> entries_;
  size_t first_ = 0;  // those before have left
  size_t bytes_ = 0;
  SharedBuffer held_pong_;  // counted in bytes_; none in an empty queue
};

}  // namespace roost::net
