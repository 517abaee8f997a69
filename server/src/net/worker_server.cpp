#include "net/worker_server.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <string>

#include "base/log.hpp"
#include "net/io_thread.hpp"
#include "net/worker_context.hpp"

namespace roost::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPoolThreads = 32;
constexpr size_t kPoolQueue = 1024;

// post(): a function on an I/O thread. Made for one call.
struct PostedCall final : PostedTask {
  PostedCall(void (*the_fn)(void*), void* the_arg) : fn(the_fn), arg(the_arg) {}
  void run_posted() noexcept override {
    fn(arg);
    delete this;
  }
  void (*fn)(void*);
  void* arg;
};

}  // namespace

struct WorkerServer::Impl {
  explicit Impl(WorkerSetup the_setup) : setup(std::move(the_setup)), context(*setup.site) {}

  WorkerSetup setup;
  WorkerContext context;
  std::vector<std::unique_ptr<IoThread>> threads;
  bool started = false, stopped = false;
  std::atomic<bool> drain_begun{false};
  std::atomic<Clock::time_point> drain_began{Clock::time_point()};
  std::mutex mutex;
  std::condition_variable last_connection;
  std::vector<std::pair<void (*)(void*), void*>> at_drain;  // guarded by mutex
  std::list<std::string> mistakes;                          // guarded by mutex; a request may be reading any
};

WorkerServer::WorkerServer(WorkerSetup setup) : impl_(std::make_unique<Impl>(std::move(setup))) {
  Impl& impl = *impl_;
  WorkerContext& context = impl.context;
  const config::Server& settings = context.settings;
  context.thread_count = settings.threads;
  context.listeners = impl.setup.listeners;
  context.slots = impl.setup.links.slots;
  if (impl.setup.slot < context.slots.size()) context.slot = &context.slots[impl.setup.slot];
  context.pool = std::make_unique<ThreadPool>(kPoolThreads, kPoolQueue);
  if (impl.setup.plugins != nullptr) context.batch_ends = impl.setup.plugins->batch_ends();
  if (settings.access_log.format != config::LogFormat::none && impl.setup.access_log_fd >= 0) {
    context.access_log = std::make_unique<base::AccessLog>(
        impl.setup.access_log_fd,
        settings.access_log.format == config::LogFormat::json ? base::AccessFormat::json : base::AccessFormat::combined,
        settings.threads);
  }
  context.on_last_connection_arg = &impl;
  context.on_last_connection = [](void* arg) {
    auto& self = *static_cast<Impl*>(arg);
    { const std::lock_guard lock(self.mutex); }
    self.last_connection.notify_all();
  };
  context.websockets = std::make_unique<WebSocketHub>(settings.websocket, impl.setup.links, impl.setup.slot);
  context.websockets->share(settings.redis);
  for (uint32_t i = 0; i < settings.threads; ++i) {
    impl.threads.push_back(std::make_unique<IoThread>(context, static_cast<uint16_t>(i)));
  }
  dispatch::WorkerServices::set_current(this);
}

WorkerServer::~WorkerServer() {
  stop();
  if (dispatch::WorkerServices::current() == this) dispatch::WorkerServices::set_current(nullptr);
}

void WorkerServer::start() {
  if (impl_->context.access_log) impl_->context.access_log->start();
  impl_->context.websockets->start();
  impl_->started = true;
  impl_->context.accepting = static_cast<uint32_t>(impl_->threads.size());
  for (auto& thread : impl_->threads) thread->start();
}

void WorkerServer::begin_drain() {
  if (impl_->drain_begun.exchange(true)) return;
  impl_->drain_began.store(Clock::now(), std::memory_order_release);
  impl_->context.draining.store(true, std::memory_order_release);
  if (impl_->context.slot != nullptr) impl_->context.slot->state = base::WorkerState::draining;
  for (auto& thread : impl_->threads) thread->begin_drain();
  std::vector<std::pair<void (*)(void*), void*>> calls;
  {
    const std::lock_guard lock(impl_->mutex);
    calls.swap(impl_->at_drain);
  }
  for (const auto& [fn, arg] : calls) fn(arg);
}

void WorkerServer::show_mistake(std::string why) {
  const std::lock_guard lock(impl_->mutex);
  impl_->mistakes.push_back(std::move(why));
  impl_->context.mistake.store(&impl_->mistakes.back(), std::memory_order_release);
}

bool WorkerServer::wait_closed(std::chrono::milliseconds patience) {
  std::unique_lock lock(impl_->mutex);
  return impl_->last_connection.wait_for(
      lock, patience, [this] { return impl_->context.accepting.load(std::memory_order_acquire) == 0; });
}

bool WorkerServer::wait_drained(std::chrono::milliseconds patience) {
  std::unique_lock lock(impl_->mutex);
  // A thread that has not heard of the drain yet may still take a connection.
  return impl_->last_connection.wait_for(lock, patience, [this] {
    return impl_->context.accepting.load(std::memory_order_acquire) == 0 &&
           impl_->context.connections.load(std::memory_order_acquire) == 0;
  });
}

void WorkerServer::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  if (impl_->started) {
    impl_->context.websockets->leave_redis();
    for (auto& thread : impl_->threads) thread->stop();
    for (auto& thread : impl_->threads) thread->join();
  }
  impl_->context.pool->stop();
  if (impl_->context.access_log) impl_->context.access_log->stop();
}

roost_worker_info WorkerServer::info() const {
  roost_worker_info info{};
  info.struct_size = sizeof info;
  info.index = impl_->setup.slot;
  info.processes = impl_->context.settings.processes;
  info.threads = impl_->context.settings.threads;
  info.generation = impl_->setup.generation;
  info.development = impl_->context.settings.development ? 1 : 0;
  const auto begun = impl_->drain_began.load(std::memory_order_acquire);
  auto left = impl_->context.settings.timeouts.drain;
  if (begun != Clock::time_point()) {
    left -= std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
  }
  info.drain_ms = static_cast<uint32_t>(std::max<int64_t>(left.count(), 0));
  return info;
}

roost_status WorkerServer::post(uint32_t thread, void (*fn)(void*), void* arg) {
  if (thread >= impl_->threads.size() || fn == nullptr) return ROOST_INVALID;
  impl_->threads[thread]->loop().post(*new PostedCall(fn, arg));
  return ROOST_OK;
}

roost_status WorkerServer::submit(void (*fn)(void*), void* arg) {
  if (fn == nullptr) return ROOST_INVALID;
  return impl_->context.pool->submit(fn, arg) ? ROOST_OK : ROOST_WOULD_BLOCK;
}

roost_status WorkerServer::retire(std::string_view why) {
  base::log(ROOST_LOG_WARNING, "worker", std::string("asks to be replaced: ").append(why));
  if (!impl_->setup.retire) return ROOST_UNSUPPORTED;
  impl_->setup.retire(why);
  return ROOST_OK;
}

roost_status WorkerServer::on_drain(void (*fn)(void*), void* arg) {
  if (fn == nullptr) return ROOST_INVALID;
  {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->drain_begun.load()) {
      impl_->at_drain.emplace_back(fn, arg);
      return ROOST_OK;
    }
  }
  fn(arg);
  return ROOST_OK;
}

roost_status WorkerServer::send_to(std::string_view id, roost_ws_kind kind, std::string_view data) {
  return impl_->context.websockets->send_to(id, kind, data);
}

roost_status WorkerServer::broadcast(std::string_view group, roost_ws_kind kind, std::string_view data,
                                     std::string_view except) {
  return impl_->context.websockets->broadcast(group, kind, data, except);
}

roost_status WorkerServer::list(std::string_view group, void (*each)(void*, roost_str), void* arg) {
  return impl_->context.websockets->list(group, each, arg);
}

roost_status WorkerServer::publish(std::string_view topic, roost_ws_kind kind, std::string_view data,
                                   std::string_view except) {
  return impl_->context.websockets->publish(topic, kind, data, except);
}

}  // namespace roost::net
