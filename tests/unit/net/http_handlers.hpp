// What the tests of exchanges share: handlers' answers, requests as text, and a thread that answers later.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "http_worker.hpp"

namespace roost::test {

using http::exchange_of;
using http::str;
using http::view;

inline roost_response response_of(std::string_view body, uint16_t status = 200) {
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = status;
  response.body = str(body);
  response.file = -1;
  return response;
}

inline roost_status answer(roost_responder* responder, std::string_view body, uint16_t status = 200) {
  return exchange_of(responder).respond(response_of(body, status));
}

// A thread that runs what handlers leave to it.
class Elsewhere {
 public:
  Elsewhere() : thread_([this] { run(); }) {}
  ~Elsewhere() { stop(); }
  // Before the worker is destroyed, as plugins' stop hooks are.
  void stop() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void post(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

class Latch {
 public:
  void set() {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }
  void wait(int count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

inline std::string route(const std::string& path, const std::string& name, const std::string& more = "") {
  return "  - { path: " + path + ", plugin: test." + name + more + " }\n";
}

inline std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

inline std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline const NamedHandler kEcho{"echo", ROOST_HANDLER_IMMEDIATE,
                                [](void*, const roost_request* request, roost_responder* responder) {
                                  return answer(responder, view(request->body));
                                }};

}  // namespace roost::test
