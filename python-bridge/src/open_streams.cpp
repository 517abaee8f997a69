#include "open_streams.hpp"

#include <pthread.h>

#include <system_error>

namespace roost::bridge {

void OpenStreams::add(Stream& stream) {
  const std::lock_guard lock(mutex_);
  if (over_)
    stream.drain();
  else
    streams_.insert(&stream);
}

void OpenStreams::remove(Stream& stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(&stream);
}

void OpenStreams::begin_drain(std::chrono::milliseconds grace) {
  try {
    timer_ = std::thread([this, grace] {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, grace, [this] { return stopping_; })) tell_all();
    });
    pthread_setname_np(timer_.native_handle(), "roost-drain");
  } catch (const std::system_error&) {
    const std::lock_guard lock(mutex_);
    tell_all();
  }
}

void OpenStreams::tell_all() {
  over_ = true;
  for (Stream* stream : streams_) stream->drain();
  streams_.clear();
}

void OpenStreams::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (timer_.joinable()) timer_.join();
}

}  // namespace roost::bridge
