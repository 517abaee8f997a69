// The streamed responses of a worker that are ended when it drains: streams of events go on for as long as somebody
// listens, and would hold up a stop or a reload until timeouts.drain. Those that end by themselves have a little time
// to do so. Any thread; the GIL is not needed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_set>

namespace roost::bridge {

class OpenStreams {
 public:
  class Stream {
   public:
    // Once. Must not block; while this runs, remove() waits.
    virtual void drain() = 0;

   protected:
    ~Stream() = default;
  };

  // Until remove(), which must come before the stream's end. Where the time is over already it is told at once.
  void add(Stream& stream);
  // Again is nothing.
  void remove(Stream& stream);

  // The worker drains: in `grace` what is still open is told. Once.
  void begin_drain(std::chrono::milliseconds grace);
  // Ends the thread that waits for that. The worker's main thread.
  void stop();

 private:
  void tell_all();

  std::mutex mutex_;  // guards what follows, but the thread
  std::condition_variable changed_;
  bool over_ = false, stopping_ = false;
  std::unordered_set<Stream*> streams_;
  std::thread timer_;
};

}  // namespace roost::bridge
