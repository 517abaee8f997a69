// The body of a request whose route streams it: taken from the connection as it is read, and no faster. One for each
// such request, made when somebody first reads. What is iterated is a Python object, BodyStream, plain and
// asynchronous.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

#include "job.hpp"
#include "roost/abi.h"

namespace roost::bridge {

bool ready_body_stream(PyObject* module);

// Counted by: the server until on_release, the request, the Python objects, and each time it is queued.
class BodyReader final : public Job {
 public:
  // Begins to read. GIL held. One count is the caller's.
  static BodyReader* begin(roost_responder* responder);
  // Of a body that is there already.
  static BodyReader* of(std::string_view whole);

  // New reference to what is iterated over.
  PyObject* stream();
  // All that has not been read, as bytes; waits for it. GIL held (and let go meanwhile); not on the loop, unless it is
  // there. nullptr with a Python error.
  PyObject* read_all();
  // The request is over: who still reads is told so. GIL held.
  void detach();

  // Whether the client went before all had come.
  bool client_went() const {
    const std::lock_guard lock(mutex_);
    return state_ == State::failed && status_ == 499;
  }

  // The next piece. Pool: waits. nullptr without an error: the end.
  PyObject* next();
  // A future of the loop.
  PyObject* next_future();

  void retain() { count_.fetch_add(1, std::memory_order_relaxed); }
  // GIL held.
  void release() {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // On the loop: settles the future if it can be.
  void run() override {
    settle();
    release();
  }
  void done(Ref) override {}

 private:
  explicit BodyReader(roost_responder* responder) : responder_(responder) {}
  enum class State : uint8_t { reading, ended, failed };

  static void on_data(void* arg, const char* data, size_t size);
  static void on_end(void* arg, const roost_field* trailers, size_t count);
  static void on_error(void* arg, int status, roost_str why);
  static void on_release(void* arg);
  void finish(State state, int status, std::string_view why);
  // A piece, or nullptr: with a Python error, or without at the end. `ready` is false when there is nothing yet.
  PyObject* take(bool& ready);
  void set_error();
  void settle();
  bool is_on_loop();

  std::atomic<int> count_{1};
  Ref future_;  // the loop's

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  roost_responder* responder_;  // nullptr: detached
  std::string buffer_;
  State state_ = State::reading;
  int status_ = 0;
  std::string why_;
  bool paused_ = false, waiting_ = false;
};

}  // namespace roost::bridge
