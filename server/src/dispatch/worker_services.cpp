#include "dispatch/worker_services.hpp"

#include <atomic>

namespace roost::dispatch {
namespace {

std::atomic<WorkerServices*> the_worker{nullptr};

}  // namespace

WorkerServices* WorkerServices::current() {
  return the_worker.load(std::memory_order_acquire);
}

void WorkerServices::set_current(WorkerServices* services) {
  the_worker.store(services, std::memory_order_release);
}

}  // namespace roost::dispatch
