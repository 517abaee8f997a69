// The streamed responses of a worker that are ended when it drains: streams of events go on for as long as somebody
// listens, and would hold up a stop or a reload until timeouts.drain. Any thread; the GIL is not needed.
#pragma once

#include <mutex>
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

  // Until remove(), which must come before the stream's end. A worker that drains already says so at once.
  void add(Stream& stream) {
    const std::lock_guard lock(mutex_);
    if (draining_)
      stream.drain();
    else
      streams_.insert(&stream);
  }
  // Again is nothing.
  void remove(Stream& stream) {
    const std::lock_guard lock(mutex_);
    streams_.erase(&stream);
  }
  void drain() {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    for (Stream* stream : streams_) stream->drain();
    streams_.clear();
  }

 private:
  std::mutex mutex_;  // guards what follows
  bool draining_ = false;
  std::unordered_set<Stream*> streams_;
};

}  // namespace roost::bridge
