// What a WebSocketConnection is asked for from any thread: done at once on its own, else by way of the loop's queue.
#include "net/websocket_connection.hpp"
#include "net/websocket_hub.hpp"
#include "net/websocket_loop.hpp"
#include "websocket/close_code.hpp"

namespace roost::net {

void WebSocketConnection::ask(WebSocketAsk what, std::string_view text, uint16_t code) noexcept {
  WebSocketLoop::Request request;
  request.kind = what;
  request.connection = this;
  request.code = code;
  request.text = text;
  retain();
  loop_.ask(std::move(request));
}

roost_status WebSocketConnection::send(roost_ws_kind kind, std::string_view data) noexcept {
  if (kind != ROOST_WS_TEXT && kind != ROOST_WS_BINARY) return ROOST_INVALID;
  if (gone_.load(std::memory_order_acquire)) return ROOST_GONE;
  if (loop_.is_current()) return send_here(kind, data);
  return send_asked(SharedBuffer::frame(kind, data));
}

roost_status WebSocketConnection::send_asked(SharedBuffer frame) noexcept {
  if (gone_.load(std::memory_order_acquire)) return ROOST_GONE;
  WebSocketLoop::Request request;
  request.kind = WebSocketAsk::send;
  request.connection = this;
  request.frame = std::move(frame);
  const size_t size = request.frame.size();
  const size_t before = buffered_.fetch_add(size, std::memory_order_relaxed);
  roost_status status;
  const bool drops = loop_.settings().slow_client == config::SlowClient::drop;
  // The loop drops the oldest, when it comes to it; until then so much may wait for it again.
  if (drops && before > 2 * loop_.settings().send_buffer) {
    buffered_.fetch_sub(size, std::memory_order_relaxed);
    loop_.hub().count_dropped(1);
    wants_writable_.store(true, std::memory_order_release);
    return ROOST_WOULD_BLOCK;
  }
  if (!drops && exceeds(before, size)) {
    buffered_.fetch_sub(size, std::memory_order_relaxed);
    if (gone_.exchange(true)) return ROOST_GONE;
    request.kind = WebSocketAsk::overflow;
    request.frame = SharedBuffer();
    status = ROOST_GONE;
  } else {
    status = pressure(before + size);
  }
  retain();
  loop_.ask(std::move(request));
  return status;
}

roost_status WebSocketConnection::close(uint16_t code, std::string_view reason) noexcept {
  if (!websocket::may_be_sent(code) || reason.size() > 123) return ROOST_INVALID;
  if (gone_.exchange(true)) return ROOST_GONE;
  if (loop_.is_current()) {
    close_here(code, reason);
    return ROOST_OK;
  }
  ask(WebSocketAsk::close, reason, code);
  return ROOST_OK;
}

void WebSocketConnection::pause() noexcept {
  if (paused_.exchange(true)) return;
  if (loop_.is_current()) return pause_changed();
  ask(WebSocketAsk::pause);
}

void WebSocketConnection::resume() noexcept {
  if (!paused_.exchange(false)) return;
  if (loop_.is_current()) return pause_changed();
  ask(WebSocketAsk::pause);
}

roost_status WebSocketConnection::subscribe(std::string_view topic) noexcept {
  if (gone_.load(std::memory_order_acquire)) return ROOST_GONE;
  if (loop_.is_current()) {
    subscribe_here(topic);
    return ROOST_OK;
  }
  ask(WebSocketAsk::subscribe, topic);
  return ROOST_OK;
}

roost_status WebSocketConnection::unsubscribe(std::string_view topic) noexcept {
  if (gone_.load(std::memory_order_acquire)) return ROOST_GONE;
  if (loop_.is_current()) {
    unsubscribe_here(topic);
    return ROOST_OK;
  }
  ask(WebSocketAsk::unsubscribe, topic);
  return ROOST_OK;
}

bool WebSocketConnection::exceeds(size_t buffered, size_t more) const {
  // An empty buffer takes a message of any size: what a client may send, an echo may answer.
  return buffered > 0 && buffered + more > loop_.settings().send_buffer;
}

roost_status WebSocketConnection::pressure(size_t buffered) noexcept {
  if (buffered <= loop_.settings().send_buffer / 2) return ROOST_OK;
  wants_writable_.store(true, std::memory_order_release);
  return ROOST_WOULD_BLOCK;
}

}  // namespace roost::net
