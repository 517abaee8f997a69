#include "net/io_thread.hpp"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <string>
#include <system_error>

#include "base/log.hpp"
#include "net/http_exchange.hpp"
#include "net/peer_address.hpp"

namespace roost::net {
namespace {

constexpr size_t kSpareQueues = 64;
constexpr int64_t kComplainMilliseconds = 10'000;

// Sixteen hexadecimal digits that no other I/O thread of this host has had: when it was made, by which process.
std::array<char, 20> make_prefix(uint16_t index) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t value = static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec / 1000);
  std::array<char, 20> prefix;
  auto write = [&prefix](size_t from, size_t count, uint64_t number) {
    for (size_t i = count; i-- > 0; number >>= 4) prefix[from + i] = "0123456789abcdef"[number & 15];
  };
  write(0, 13, value);
  write(13, 6, static_cast<uint64_t>(getpid()) << 2 | (index & 3u));
  prefix[19] = "0123456789abcdefghijklmnopqrstuvwxyz"[(index >> 2) % 36];
  return prefix;
}

}  // namespace

IoThread::IoThread(WorkerContext& worker, uint16_t index)
    : worker_(worker),
      index_(index),
      websockets_(loop_, *worker.websockets, index),
      id_prefix_(make_prefix(index)),
      read_buffer_(std::make_unique<char[]>(kReadBuffer)),
      parser_(
          {worker.settings.limits.header_bytes, worker.settings.limits.headers, worker.settings.limits.target_bytes}) {
  drain_.thread = this;
  drain_.run = &IoThread::drain_here;
  stop_.thread = this;
  stop_.run = &IoThread::stop_here;
  for (const int fd : worker.listeners) listeners_.push_back(std::make_unique<Listener>(*this, fd));
}

IoThread::~IoThread() = default;

void IoThread::start() {
  thread_ = std::thread([this] {
    const std::string name = "roost-io-" + std::to_string(index_);
    pthread_setname_np(pthread_self(), name.c_str());
    run();
  });
}

void IoThread::begin_drain() noexcept {
  loop_.post(drain_);
}

void IoThread::stop() noexcept {
  loop_.post(stop_);
}

void IoThread::join() noexcept {
  if (thread_.joinable()) thread_.join();
}

void IoThread::run() noexcept {
  for (auto& listener : listeners_) listener->start();
  loop_.run([this] { end_batch(); });
}

void IoThread::drain_here() noexcept {
  for (auto& listener : listeners_) listener->stop();
  for (LiveConnection* connection = live_; connection != nullptr;) {
    LiveConnection* const next = connection->next_live_;
    connection->begin_drain();
    connection = next;
  }
  websockets_.begin_drain();
  // From here on this thread's number of connections only falls.
  if (worker_.accepting.fetch_sub(1, std::memory_order_acq_rel) == 1 && worker_.on_last_connection != nullptr) {
    worker_.on_last_connection(worker_.on_last_connection_arg);
  }
}

void IoThread::stop_here() noexcept {
  for (auto& listener : listeners_) listener->stop();
  websockets_.cut_all();
  while (live_ != nullptr) live_->cut();
  loop_.stop();
}

void IoThread::call_batch_ends() noexcept {
  if (websockets_.take_called()) handler_called_ = true;
  if (!std::exchange(handler_called_, false)) return;
  for (const handlers::BatchEnd& end : worker_.batch_ends) end.batch_end(end.self, index_);
}

void IoThread::end_batch() noexcept {
  call_batch_ends();
  while (ready_ != nullptr) {
    HttpExchange* exchange = std::exchange(ready_, nullptr);
    while (exchange != nullptr) {
      HttpExchange* const next = exchange->next_ready_;
      exchange->run_ready();
      exchange = next;
    }
  }
  call_batch_ends();
  websockets_.end_of_batch();
  if (worker_.access_log) worker_.access_log->flush(index_);
  base::WorkerSlot* const slot = worker_.slot;
  if (slot == nullptr) return;
  constexpr auto relaxed = std::memory_order_relaxed;
  if (counted_ != 0) {
    slot->requests.fetch_add(std::exchange(counted_, 0), relaxed);
    for (size_t i = 0; i < responses_.size(); ++i) {
      if (responses_[i] != 0) slot->responses[i].fetch_add(std::exchange(responses_[i], 0), relaxed);
    }
  }
  if (bytes_in_ != 0) slot->bytes_in.fetch_add(std::exchange(bytes_in_, 0), relaxed);
  if (bytes_out_ != 0) slot->bytes_out.fetch_add(std::exchange(bytes_out_, 0), relaxed);
  if (accepted_ != 0) slot->accepted.fetch_add(std::exchange(accepted_, 0), relaxed);
}

void IoThread::add(LiveConnection& connection) noexcept {
  connection.next_live_ = live_;
  if (live_ != nullptr) live_->previous_live_ = &connection;
  live_ = &connection;
  ++connections_;
  worker_.connections.fetch_add(1, std::memory_order_relaxed);
  if (worker_.slot != nullptr) worker_.slot->connections.fetch_add(1, std::memory_order_relaxed);
}

void IoThread::remove(LiveConnection& connection) noexcept {
  if (connection.next_live_ != nullptr) connection.next_live_->previous_live_ = connection.previous_live_;
  (connection.previous_live_ != nullptr ? connection.previous_live_->next_live_ : live_) = connection.next_live_;
  --connections_;
  if (worker_.slot != nullptr) worker_.slot->connections.fetch_sub(1, std::memory_order_relaxed);
  if (worker_.connections.fetch_sub(1, std::memory_order_acq_rel) == 1 &&
      worker_.draining.load(std::memory_order_acquire) && worker_.on_last_connection != nullptr) {
    worker_.on_last_connection(worker_.on_last_connection_arg);
  }
  if (!worker_.draining.load(std::memory_order_relaxed)) {
    for (auto& listener : listeners_) listener->room_again();
  }
}

void IoThread::release_address(const PeerAddress& peer) noexcept {
  if (worker_.settings.limits.per_address == 0 || !peer.is_ip() || peer.within(worker_.settings.trusted_proxies)) {
    return;
  }
  const std::lock_guard lock(worker_.addresses_mutex);
  const auto found =
      worker_.addresses.find(std::string(reinterpret_cast<const char*>(peer.bytes().data()), peer.bytes().size()));
  if (found != worker_.addresses.end() && --found->second == 0) worker_.addresses.erase(found);
}

HttpExchange& IoThread::acquire_exchange() {
  if (spare_ == nullptr) {
    exchanges_.push_back(std::make_unique<HttpExchange>(*this));
    return *exchanges_.back();
  }
  return *std::exchange(spare_, spare_->next_free_);
}

void IoThread::give_back(HttpExchange& exchange) noexcept {
  exchange.next_free_ = spare_;
  spare_ = &exchange;
}

std::unique_ptr<OutputQueue> IoThread::acquire_queue() {
  if (queues_.empty()) return std::make_unique<OutputQueue>();
  std::unique_ptr<OutputQueue> queue = std::move(queues_.back());
  queues_.pop_back();
  return queue;
}

void IoThread::give_back(std::unique_ptr<OutputQueue> queue) noexcept {
  if (queues_.size() < kSpareQueues) queues_.push_back(std::move(queue));
}

void IoThread::complain_of_storage(const char* why) {
  if (complained_ != 0 && loop_.now() - complained_ < kComplainMilliseconds) return;
  complained_ = loop_.now();
  base::log(ROOST_LOG_ERROR, "request", std::string("bodies cannot be stored in temporary files: ") + why);
}

void IoThread::add_ready(HttpExchange& exchange) noexcept {
  exchange.next_ready_ = ready_;
  ready_ = &exchange;
}

}  // namespace roost::net
