#include "net/shared_message.hpp"

namespace roost::net {

const SharedBuffer& SharedMessage::of(uint8_t bits, websocket::Deflater& deflater) {
  const std::string_view payload = plain_.payload();
  if (bits == 0 || payload.size() < minimum_) return plain_;
  // A message within the window has no distance beyond it, whatever it was compressed with: one form suits all.
  if (payload.size() <= size_t{1} << bits) bits = widest_;
  Form& form = forms_[bits];
  if (form.made.load(std::memory_order_acquire)) return form.frame;
  const std::lock_guard lock(mutex_);
  if (!form.made.load(std::memory_order_relaxed)) {
    const std::string_view shorter = deflater.deflate(payload, bits);
    form.frame = shorter.empty() ? plain_ : SharedBuffer::frame(plain_.kind(), shorter, true);
    form.made.store(true, std::memory_order_release);
  }
  return form.frame;
}

}  // namespace roost::net
