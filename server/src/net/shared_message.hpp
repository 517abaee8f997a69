// One message for many receivers of a worker: framed once, and compressed once for all whose windows it suits, by the
// first thread that has such a receiver. Shared by what the threads have still to deliver; any thread.
//
// Not shared between workers: each compresses for its own receivers, side by side. What is mailed is the message as it
// is; to carry both forms would fill the inboxes faster, and the sender would compress for receivers that may not be.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "config/config.hpp"
#include "net/shared_buffer.hpp"
#include "roost/abi.h"
#include "websocket/deflate.hpp"

namespace roost::net {

class SharedMessage {
 public:
  SharedMessage(roost_ws_kind kind, std::string_view data, const config::WebsocketCompress& settings)
      : plain_(SharedBuffer::frame(kind, data)), minimum_(settings.minimum), widest_(settings.window_bits) {}
  SharedMessage(const SharedMessage&) = delete;
  SharedMessage& operator=(const SharedMessage&) = delete;

  const SharedBuffer& plain() const { return plain_; }
  // For a receiver with a window of 2^bits bytes; 0: one that did not agree on compression. The message as it is where
  // compressing does not make it shorter. deflater: the calling thread's. Others that want the same wait meanwhile
  // instead of doing the same work. Valid as long as this.
  const SharedBuffer& of(uint8_t bits, websocket::Deflater& deflater);

 private:
  struct Form {
    std::atomic<bool> made{false};
    SharedBuffer frame;
  };

  const SharedBuffer plain_;
  const size_t minimum_;
  const uint8_t widest_;
  std::mutex mutex_;            // held while a form is made
  std::array<Form, 16> forms_;  // by bits; immutable once made
};

}  // namespace roost::net
