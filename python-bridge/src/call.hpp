// One request on its way through a Python handler or middleware, and the batches in which an I/O thread hands them
// over.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "job.hpp"
#include "roost/abi.h"

namespace roost::bridge {

class Answer;
class EventLoop;
class JobPool;

// What is called. Made in mount(), never freed.
struct Target {
  PyObject* function = nullptr;  // owned
  bool is_async = false;
  bool takes_request = true;
  bool streams_body = false;
  bool is_middleware = false;  // None or the request: go on
  std::string name;
};

// Whether the exception that is set is asyncio.CancelledError.
bool is_cancellation();

class CallBatch;

// Allocated on its I/O thread, used again; at one time it is that thread's, a queue's, or of the thread that runs it.
class Call final : public Job {
 public:
  void run() override;
  void done(Ref result) override;
  // On the loop thread: cancels the Task if the call is still the one of that generation.
  void cancel(uint32_t generation);

 private:
  friend class CallBatch;
  void plain(Ref result);
  void raised();
  void stream(Answer& answer);
  Ref handler_context();
  void finish();
  static void gone(void* self);

  const Target* target_ = nullptr;
  const roost_request* request_ = nullptr;
  roost_responder* responder_ = nullptr;
  PyObject* request_object_ = nullptr;
  PyObject* coroutine_ = nullptr;  // of a plain function, on its way to the loop
  Ref carried_;                    // contextvars that it goes in; empty where none was set
  bool on_loop_ = false;
  CallBatch* batch_ = nullptr;
  Call* next_ = nullptr;
  std::atomic<uint32_t> generation_{0};
};

// Of one I/O thread.
class CallBatch {
 public:
  CallBatch(EventLoop& loop, JobPool& pool) : loop_(loop), pool_(pool) {}
  CallBatch(const CallBatch&) = delete;
  CallBatch& operator=(const CallBatch&) = delete;

  // On the I/O thread. Waits for flush().
  void add(const Target& target, const roost_request* request, roost_responder* responder);
  void flush();

 private:
  friend class Call;
  Call* allocate();

  EventLoop& loop_;
  JobPool& pool_;
  std::vector<Job*> for_loop_;
  std::vector<Job*> for_pool_;
  Call* free_ = nullptr;
  alignas(64) std::atomic<Call*> returned_{nullptr};  // by the threads that ran them
};

}  // namespace roost::bridge
