// The answer to one request that is given later, or piece by piece. Moves, never copies; completed once, from any
// thread; destroyed unfinished it answers 500, or cuts the connection when the head has left.
//
//   plugin.handler("slow", [](roost::Request request, roost::Responder responder) {
//     start_query([responder = std::move(responder)](Row row) mutable { responder.respond(roost::Response::text(row));
//     });
//   });
//
// Used by one thread at a time. Part of <roost/plugin.hpp>.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "response.hpp"

namespace roost ROOST_SDK {

// What became of bytes or a message that was sent.
enum class Sent {
  ok,
  wait,  // taken, but the buffer is full: send no more before on_writable
  gone   // the receiver is not there any more
};

namespace detail {

// Catches the responder that an exception destroys on its way out of a handler, so that the exception's message, and
// not the destruction, is what answers. Lives on the stack of the call.
struct Rescue {
  explicit Rescue(roost_responder* responder) noexcept : handle(responder), outer(innermost) { innermost = this; }
  ~Rescue() { innermost = outer; }
  Rescue(const Rescue&) = delete;
  Rescue& operator=(const Rescue&) = delete;

  static bool take(roost_responder* responder, bool responder_started) noexcept {
    if (innermost == nullptr || innermost->handle != responder || std::uncaught_exceptions() == 0) return false;
    innermost->caught = true;
    innermost->started = responder_started;
    return true;
  }

  static inline thread_local Rescue* innermost = nullptr;
  roost_responder* const handle;
  Rescue* const outer;
  bool caught = false;
  bool started = false;
};

}  // namespace detail

// Flow control for Responder::read_body. Copies do the same; valid as long as the request is not over, so in its
// callbacks:
//   responder.on_writable([flow = responder.body_flow()] { flow.resume(); });
class BodyFlow {
 public:
  explicit BodyFlow(roost_responder* handle) noexcept : handle_(handle) {}
  void pause() const noexcept { detail::host->pause_body(handle_); }
  void resume() const noexcept { detail::host->resume_body(handle_); }

 private:
  roost_responder* handle_;
};

class Responder {
 public:
  explicit Responder(roost_responder* handle, bool started = false) noexcept : handle_(handle), started_(started) {}
  Responder(Responder&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), started_(other.started_) {}
  Responder& operator=(Responder&& other) noexcept {
    if (this != &other) {
      drop();
      handle_ = std::exchange(other.handle_, nullptr);
      started_ = other.started_;
    }
    return *this;
  }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() {
    if (handle_ != nullptr && !detail::Rescue::take(handle_, started_)) drop();
  }

  // False once it has been completed or moved away.
  explicit operator bool() const noexcept { return handle_ != nullptr; }

  // Answers whole, which completes it. Throws std::invalid_argument for a header or status that is not allowed, with
  // nothing answered, and std::logic_error when it was completed or started before.
  void respond(Response response) {
    if (started_) throw std::logic_error("respond() after start()");
    if (response.send(detail::host->respond, expect_open()) == ROOST_INVALID) throw std::invalid_argument(kInvalid);
    handle_ = nullptr;
  }
  // Answers 500 and logs why with the request's id; cuts the connection when the head has left. Completes it.
  void fail(std::string_view why) noexcept {
    if (handle_ != nullptr) detail::host->fail(std::exchange(handle_, nullptr), str(why));
  }
  // As if it were destroyed.
  void drop() noexcept {
    if (handle_ != nullptr) detail::host->drop(std::exchange(handle_, nullptr));
  }

  // A streamed response: start(), write() as often as wanted, finish(). The body of `head`, if any, is the first piece.
  // Throws as respond().
  Sent start(Response head) {
    if (started_) throw std::logic_error("start() after start()");
    const roost_status status = head.send(detail::host->start, expect_open());
    if (status == ROOST_INVALID) throw std::invalid_argument(kInvalid);
    started_ = true;
    return sent(status);
  }
  Sent write(std::string_view bytes) { return sent(detail::host->write(expect_open(), str(bytes))); }
  void finish() {
    expect_open();
    detail::host->finish(release(), nullptr, 0);
  }
  void finish(const std::vector<std::pair<std::string, std::string>>& trailers) {
    expect_open();
    std::vector<roost_field> fields;
    for (const auto& [name, value] : trailers) fields.push_back({str(name), str(value)});
    detail::host->finish(release(), fields.data(), fields.size());
  }
  bool started() const noexcept { return started_; }

  // void(): on the I/O thread, each time the buffer empties after Sent::wait.
  template <class F>
  void on_writable(F callback) {
    F* kept = keep(std::move(callback));
    detail::host->on_writable(handle_, &run<F>, kept);
  }
  // void(): once, on the I/O thread, when the client has gone or the time is up while this is not completed; at once
  // when that has happened already. It still has to be completed, or destroyed.
  template <class F>
  void on_cancel(F callback) {
    F* kept = keep(std::move(callback));
    detail::host->on_cancel(handle_, &run<F>, kept);
  }
  bool cancelled() const noexcept { return handle_ == nullptr || detail::host->cancelled(handle_) != 0; }

  // Reads the body of a streaming_handler's request piece by piece, on the I/O thread, one call at a time:
  //   on_data: void(std::string_view bytes, Responder& responder)
  //   on_end:  void(Responder responder)   the body is complete
  // Both get this responder, which the reader owns meanwhile; they are not called any more once it has been completed
  // or moved away. A body that never becomes complete is answered by its status (400, 408, 413) where that is still
  // possible. Call it last: `std::move(responder).read_body(...)`.
  template <class OnData, class OnEnd>
  void read_body(OnData on_data, OnEnd on_end) &&;
  // While paused nothing more is read from the client. Any thread.
  BodyFlow body_flow() const noexcept { return BodyFlow(handle_); }

  roost_responder* raw() const noexcept { return handle_; }
  // The caller completes it.
  roost_responder* release() noexcept { return std::exchange(handle_, nullptr); }

 private:
  static constexpr const char* kInvalid = "the status, or a header's name or value, is not allowed";

  roost_responder* expect_open() const {
    if (handle_ == nullptr) throw std::logic_error("the request was answered already");
    return handle_;
  }
  static Sent sent(roost_status status) noexcept {
    return status == ROOST_OK ? Sent::ok : status == ROOST_WOULD_BLOCK ? Sent::wait : Sent::gone;
  }

  // Freed when the request is over.
  template <class F>
  F* keep(F&& callback) {
    expect_open();
    auto kept = std::make_unique<F>(std::forward<F>(callback));
    detail::host->on_release(
        handle_, [](void* arg) { delete static_cast<F*>(arg); }, kept.get());
    return kept.release();
  }
  template <class F>
  static void run(void* arg) noexcept {
    detail::guarded([&] { (*static_cast<F*>(arg))(); },
                    [](std::string_view why) { detail::log_failure("a callback of a responder", why); });
  }

  roost_responder* handle_;
  bool started_ = false;
};

namespace detail {

// Inside of a catch block: answers with the exception that is being handled.
inline roost_status answer_exception(Responder& responder) noexcept {
  try {
    try {
      throw;
    } catch (const HttpError& error) {
      if (responder && !responder.started()) {
        responder.respond(Response::status(error.status(), std::string_view(error.what())));
        return ROOST_OK;
      }
      responder.fail(error.what());
    }
  } catch (const std::exception& thrown) {
    responder.fail(thrown.what());
  } catch (...) {
    responder.fail("an exception that is no std::exception");
  }
  return ROOST_ERROR;
}

// Calls work(); what it throws is answered through the responder, if that still can be.
template <class Work>
roost_status answered(Responder& responder, Work&& work) noexcept {
  try {
    work();
    return ROOST_OK;
  } catch (...) {
    return answer_exception(responder);
  }
}

// Calls work(Responder), which may keep the responder. What it throws is answered, unless the responder is elsewhere by
// then: whoever has it answers, and this is logged.
template <class Work>
roost_status answered_by_value(Responder responder, Work&& work) noexcept {
  const bool started = responder.started();
  Rescue rescue(responder.release());
  try {
    work(Responder(rescue.handle, started));
    return ROOST_OK;
  } catch (...) {
    if (rescue.caught) {
      Responder again(rescue.handle, rescue.started);
      return answer_exception(again);
    }
    try {
      throw;
    } catch (const std::exception& thrown) {
      log_failure("a handler that gave its responder away", thrown.what());
    } catch (...) {
      log_failure("a handler that gave its responder away", "an exception that is no std::exception");
    }
    return ROOST_OK;
  }
}

template <class OnData, class OnEnd>
struct BodyReader {
  Responder responder;
  OnData on_data;
  OnEnd on_end;

  static BodyReader& of(void* arg) { return *static_cast<BodyReader*>(arg); }

  static void data(void* arg, const char* data, size_t size) {
    BodyReader& self = of(arg);
    if (!self.responder) return;
    answered(self.responder, [&] { self.on_data(std::string_view(data, size), self.responder); });
  }
  static void end(void* arg, const roost_field*, size_t) {
    BodyReader& self = of(arg);
    if (!self.responder) return;
    answered_by_value(std::move(self.responder), [&](Responder given) { self.on_end(std::move(given)); });
  }
  static void error(void* arg, int status, roost_str why) {
    BodyReader& self = of(arg);
    if (!self.responder) return;
    Responder responder = std::move(self.responder);
    if (responder.started() || status < 400 || status == 499) return;
    answered(responder, [&] { responder.respond(Response::status(static_cast<uint16_t>(status), view(why))); });
  }
};

}  // namespace detail

template <class OnData, class OnEnd>
void Responder::read_body(OnData on_data, OnEnd on_end) && {
  using Reader = detail::BodyReader<OnData, OnEnd>;
  static const roost_body_callbacks callbacks{sizeof(roost_body_callbacks), &Reader::data, &Reader::end,
                                              &Reader::error};
  roost_responder* const handle = expect_open();
  auto* reader = new Reader{std::move(*this), std::move(on_data), std::move(on_end)};
  detail::host->on_release(
      handle, [](void* arg) { delete static_cast<Reader*>(arg); }, reader);
  if (detail::host->read_body(handle, &callbacks, reader) != ROOST_OK) {
    reader->responder.fail("this handler does not stream its body");
  }
}

}  // namespace ROOST_SDK
