// One open WebSocket, as handlers hold it: the C++ face of roost_websocket. net/ implements it. Reference counted,
// as handlers keep it beyond its connection's end; the functions mean what abi.h says of their namesakes in roost_host.
// Any thread; nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "roost/abi.h"

// The opaque socket of the ABI is the Connection itself.
struct roost_websocket {};

namespace roost::websocket {

class Connection : public roost_websocket {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual void retain() noexcept = 0;
  virtual void release() noexcept = 0;

  // Unique for this host; valid while a reference is held.
  virtual std::string_view id() const noexcept = 0;
  virtual roost_status send(roost_ws_kind kind, std::string_view data) noexcept = 0;
  virtual roost_status close(uint16_t code, std::string_view reason) noexcept = 0;
  // Bytes that wait to be sent.
  virtual size_t buffered() const noexcept = 0;
  virtual void pause() noexcept = 0;
  virtual void resume() noexcept = 0;
  virtual roost_status subscribe(std::string_view topic) noexcept = 0;
  virtual roost_status unsubscribe(std::string_view topic) noexcept = 0;

 protected:
  Connection() = default;
  ~Connection() = default;
};

inline Connection& connection_of(roost_websocket* socket) {
  return *static_cast<Connection*>(socket);
}

}  // namespace roost::websocket
