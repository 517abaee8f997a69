// The plugin itself: one for each process, made by configure(). Claims the scheme `python:` for mounts and middleware,
// and begins its threads in the worker's start hook.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "background.hpp"
#include "call.hpp"
#include "const_route.hpp"
#include "event_loop.hpp"
#include "job_pool.hpp"
#include "open_streams.hpp"
#include "python.hpp"
#include "roost/abi.h"
#include "websocket.hpp"

namespace roost::bridge {

class Bridge {
 public:
  explicit Bridge(const roost_value* config);

  roost_status configure(const roost_registry* registry, roost_error* error);
  roost_status mount(const roost_mount& mount, const roost_mount_sink& sink, roost_error* error);
  roost_status make_middleware(std::string_view value, roost_middleware& out, roost_error* error);
  roost_status start(roost_worker* worker, roost_error* error);
  void stop(roost_worker* worker);
  void prepare_fork();
  void after_fork(bool child);

  bool development() const { return development_; }
  // In a worker: there are connections to send to.
  bool started() const { return started_; }
  // The loop, for a plain function that returned a coroutine all the same. GIL held (and let go meanwhile). False when
  // no thread can be had, which was logged.
  bool ensure_loop();
  // The pool, for an iterator or a plain function that an asynchronous handler left. False as before.
  bool ensure_pool();
  EventLoop& loop() { return loop_; }
  JobPool& pool() { return pool_; }
  BackgroundCount& background() { return background_; }
  OpenStreams& streams() { return streams_; }
  // On whichever of the two runs. Without the GIL.
  void post_anywhere(Job* job);
  CallBatch& batch(uint32_t thread) { return *batches_[thread]; }
  void flush(uint32_t thread) { batches_[thread]->flush(); }

 private:
  bool init_python(roost_error* error);
  bool extend_path();
  Ref resolve(std::string_view name);
  bool mount_app(PyObject* app, const roost_mount& mount, const roost_mount_sink& sink, roost_error* error);
  bool mount_route(PyObject* entry, const roost_mount_sink& sink, roost_error* error);
  bool mount_websocket(PyObject* entry, const roost_mount& mount, const roost_mount_sink& sink, roost_error* error);
  // Keeps the function. As `is_async` where it says so, else as its code does.
  Target* new_target(PyObject* function, std::string name);
  void note(const Target& target) { (target.is_async ? wants_loop_ : wants_pool_) = true; }
  void begin_drain();
  bool run_now(const std::vector<PyObject*>& functions, std::string& why);

  std::string executable_;
  std::vector<std::string> path_;
  uint32_t threads_ = 32;  // how many plain functions may run at once (`python: { threads: }`)
  bool development_ = false;
  bool frozen_ = false;
  bool started_ = false;
  bool wants_loop_ = false;
  bool wants_pool_ = false;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<std::unique_ptr<SocketTarget>> sockets_;
  std::vector<std::unique_ptr<ConstRoute>> constants_;
  std::vector<PyObject*> startup_;   // owned
  std::vector<PyObject*> shutdown_;  // owned
  std::vector<std::unique_ptr<CallBatch>> batches_;
  EventLoop loop_;
  JobPool pool_;
  BackgroundCount background_;
  OpenStreams streams_;
  roost_worker* worker_ = nullptr;
  std::mutex loop_mutex_;
  bool loop_started_ = false;
  bool pool_started_ = false;
  PyGILState_STATE fork_gil_{};
};

// REQUIRES: configure() was called.
Bridge& bridge();
// Whether this is a worker that serves Python.
bool in_worker();

const roost_plugin* bridge_plugin();

// The application that serve() is about to serve; nullptr under `roost serve`. Borrowed.
inline PyObject* embedded_application = nullptr;
// serve() has no worker processes: the program goes on when it returns.
inline bool serving_alone = false;

}  // namespace roost::bridge
