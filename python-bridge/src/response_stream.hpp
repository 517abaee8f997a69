// A response whose body an iterator makes: str or bytes, sent as they come. A plain iterator runs in the pool, an
// asynchronous one on the loop; neither is advanced while the client does not read. However it ends - exhausted,
// raised, client gone, the worker drains - the iterator is closed, so that its finally blocks run; then the background
// task, if any, begins.
#pragma once

#include <atomic>
#include <mutex>

#include "answer.hpp"
#include "call.hpp"
#include "job.hpp"
#include "open_streams.hpp"

namespace roost::bridge {

// Consumes the responder. answer: Kind::stream, of which the head is sent at once. request: the Request, held until the
// end, as the iterator may look at it. context: the contextvars of the handler; nullptr: none. GIL held, any thread.
void send_stream(const Target& target, const roost_request* raw, roost_responder* responder, Ref request, Ref context,
                 const Answer& answer);

class ResponseStream final : public Job, public OpenStreams::Stream {
 public:
  ResponseStream(const Target& target, const roost_request* raw, roost_responder* responder, Ref request, Ref context,
                 const Answer& answer);

  // Sends the head. Consumes the caller's count. GIL held.
  void begin(const roost_response& head);

  void run() override;
  void done(Ref result) override;
  // The worker's main thread; begun, and not ended yet.
  void drain() override;

  // Sends a piece: whether to go on, to wait for writable(), or that nobody listens; -1 with a Python error. GIL held,
  // whoever runs it.
  enum Written : int { kOk = 0, kWait = 1, kGone = 2 };
  int write(PyObject* piece);
  // For the asynchronous iterator, on the loop: a future, done when the client has read.
  PyObject* writable();

  void retain() { count_.fetch_add(1, std::memory_order_relaxed); }
  // GIL held, unless it is not the last.
  void release() {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  void queue();
  void start_task();
  void run_pieces();
  bool enter();
  void leave();
  void close_iterator();
  // The exception that is set is logged, and the response cut.
  void raised();
  // Lets go of everything, the responder last: what the iterator does at its end may still look at the request.
  void end(std::string_view failure);

  static void on_writable(void* self);
  static void on_cancel(void* self);
  static void on_release(void* self);

  const Target& target_;
  const roost_request* const raw_;
  roost_responder* const responder_;
  Ref request_, context_, iterator_, background_;
  const bool on_loop_;
  const bool ends_on_drain_;
  std::atomic<int> count_{1};
  std::atomic<bool> draining_{false};

  // Of whoever runs it.
  Ref future_;  // that the asynchronous iterator waits for
  bool started_ = false;
  bool drained_ = false;   // it was told that the worker drains
  bool over_ = false;      // nobody listens: the iterator is only closed
  bool complete_ = false;  // the iterator ended, or nothing of it is wanted
  bool consumed_ = false;  // the responder

  std::mutex mutex_;  // guards what follows
  bool waiting_ = false, writable_ = false, gone_ = false;
};

}  // namespace roost::bridge
