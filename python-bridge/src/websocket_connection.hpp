// One connection of an endpoint: the events that wait for its callbacks, or the messages that wait to be taken. Made
// with the handshake; deletes itself when the close event was worked through and, steered, its Python object is gone.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "job.hpp"
#include "websocket.hpp"
#include "websocket_type.hpp"

namespace roost::bridge {

class SocketConnection final : public Job, public SocketOwner {
 public:
  SocketConnection(const SocketTarget& target, const roost_request& request);

  // On the I/O thread.
  void opened(roost_websocket* socket);
  void message(roost_websocket* socket, roost_ws_kind kind, std::string_view data);
  void drained() { push(SocketEvent::drain, {}); }
  void closed(uint16_t code, std::string_view reason);
  // Steered: the handshake waits for accept() or refuse().
  // Its client may go meanwhile: then the close event comes at once, and accept() answers False.
  void begin(roost_responder* responder);

  void run() override;
  void done(Ref result) override;

  // On the loop thread, GIL held. See SocketOwner.
  PyObject* accept(std::string_view protocol, const std::vector<roost_field>& headers) override;
  bool refuse(PyObject* response) override;
  PyObject* next_message() override;
  void object_gone() override { delete this; }

 private:
  struct Message {
    roost_ws_kind kind = ROOST_WS_TEXT;
    std::string data;
    PyObject* to_python() const;
  };
  struct Event {
    SocketEvent kind = SocketEvent::connect;
    Message message;
    uint16_t code = 0;  // close
  };
  enum class Step { finished, waiting };
  class Departure;

  ~SocketConnection() = default;
  const SocketTarget::Callback& callback() const { return target_.of(current_.kind); }
  bool wants_loop(SocketEvent kind) const;
  void push(SocketEvent kind, Event event);
  void dispatch(bool to_loop);
  Step call();
  void answer(PyObject* result);
  // Takes the next event. False when there is none: nothing of this may be touched any more, or it is deleted.
  bool advance(bool& to_loop);
  void taken(size_t bytes);  // REQUIRES: mutex_ held

  const SocketTarget& target_;
  std::shared_ptr<Handshake> handshake_;
  roost_responder* responder_ = nullptr;  // steered, until the handshake is answered
  Departure* departure_ = nullptr;        // valid as long as responder_

  std::mutex mutex_;                   // guards what follows
  roost_websocket* socket_ = nullptr;  // holds a reference
  std::deque<Event> events_;
  std::deque<Message> inbox_;               // steered
  size_t waiting_ = 0, waiting_bytes_ = 0;  // messages in events_ or inbox_
  bool paused_ = false;
  bool awaited_ = false;  // steered: somebody waits for a message
  bool busy_ = false;     // queued or in a callback

  // Of whoever runs it, one at a time.
  Event current_;
  PyObject* object_ = nullptr;
  PyObject* coroutine_ = nullptr;  // of a plain function, on its way to the loop
  bool in_run_ = false;
};

}  // namespace roost::bridge
