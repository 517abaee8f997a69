// A frame as it goes out, encoded once and shared by all that receive it. Counted references; immutable once shared;
// any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "roost/abi.h"
#include "websocket/frame.hpp"

namespace roost::net {

class SharedBuffer {
 public:
  SharedBuffer() = default;
  SharedBuffer(const SharedBuffer& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  SharedBuffer(SharedBuffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedBuffer& operator=(SharedBuffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedBuffer() {
    if (block_ == nullptr || block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    block_->~Block();
    ::operator delete(block_);
  }

  static SharedBuffer copy_of(std::string_view bytes) {
    SharedBuffer buffer(bytes.size());
    if (!bytes.empty()) std::memcpy(buffer.block_->bytes(), bytes.data(), bytes.size());
    return buffer;
  }
  // Empty, to be filled by append(), which its one owner may do as long as it is not shared.
  static SharedBuffer with_room(size_t size) {
    SharedBuffer buffer(size);
    buffer.block_->size = 0;
    return buffer;
  }
  // False when it has no room for them.
  bool append(std::string_view bytes) {
    if (block_->room - block_->size < bytes.size()) return false;
    if (!bytes.empty()) std::memcpy(block_->bytes() + block_->size, bytes.data(), bytes.size());
    block_->size += bytes.size();
    return true;
  }
  // In a frame's first byte: its message is compressed (RSV1, RFC 7692 section 6).
  static constexpr uint8_t kCompressed = 0x40;

  // A server's frame with one whole message.
  static SharedBuffer frame(roost_ws_kind kind, std::string_view payload, bool compressed = false) {
    char header[websocket::kMaxServerHeader];
    const size_t size = websocket::write_header(header, static_cast<websocket::Opcode>(kind), payload.size());
    if (compressed) header[0] = static_cast<char>(header[0] | kCompressed);
    SharedBuffer buffer(size + payload.size());
    std::memcpy(buffer.block_->bytes(), header, size);
    if (!payload.empty()) std::memcpy(buffer.block_->bytes() + size, payload.data(), payload.size());
    return buffer;
  }

  explicit operator bool() const { return block_ != nullptr; }
  std::string_view view() const { return {block_->bytes(), block_->size}; }
  size_t size() const { return block_->size; }
  // Of what frame() made.
  roost_ws_kind kind() const { return static_cast<roost_ws_kind>(view()[0] & 15); }
  std::string_view payload() const {
    const auto length = static_cast<uint8_t>(view()[1]);
    return view().substr(length < 126 ? 2 : length == 126 ? 4 : 10);
  }

 private:
  struct Block {
    std::atomic<uint32_t> references{1};
    size_t size = 0, room = 0;
    char* bytes() { return reinterpret_cast<char*>(this + 1); }
  };

  explicit SharedBuffer(size_t size) : block_(new (::operator new(sizeof(Block) + size)) Block) {
    block_->size = block_->room = size;
  }

  Block* block_ = nullptr;
};

}  // namespace roost::net
