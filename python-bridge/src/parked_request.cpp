#include "parked_request.hpp"

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "bridge.hpp"

namespace roost::bridge {

namespace {

// References are counted by hand: entries move without the GIL.
struct Entry {
  PyObject* request;
  PyObject* context;
};

struct Lot {
  std::mutex mutex;
  std::unordered_map<const roost_request*, Entry> entries;  // guarded by mutex
  std::atomic<size_t> count{0};
};

Lot& lot() {
  static Lot parked;
  return parked;
}

bool remove(const roost_request* raw, Entry& entry) {
  if (lot().count.load(std::memory_order_acquire) == 0) return false;
  const std::lock_guard lock(lot().mutex);
  const auto found = lot().entries.find(raw);
  if (found == lot().entries.end()) return false;
  entry = found->second;
  lot().entries.erase(found);
  lot().count.fetch_sub(1, std::memory_order_release);
  return true;
}

// Gives references back where the GIL is held.
class Release final : public Job {
 public:
  explicit Release(const Entry& entry) : entry_(entry) {}
  void run() override {
    Py_DECREF(entry_.request);
    Py_XDECREF(entry_.context);
    delete this;
  }
  void done(Ref) override {}

 private:
  const Entry entry_;
};

}  // namespace

void park_request(const roost_request* raw, ParkedRequest parked) {
  take_parked_request(raw);
  const std::lock_guard lock(lot().mutex);
  lot().entries[raw] = {parked.request.release(), parked.context.release()};
  lot().count.fetch_add(1, std::memory_order_release);
}

ParkedRequest take_parked_request(const roost_request* raw) {
  Entry entry{};
  if (!remove(raw, entry)) return {};
  return {Ref::steal(entry.request), Ref::steal(entry.context)};
}

void forget_parked_request(const roost_request* raw) {
  Entry entry{};
  if (!remove(raw, entry)) return;
  Job* job = new Release(entry);
  bridge().post_anywhere(job);
}

}  // namespace roost::bridge
