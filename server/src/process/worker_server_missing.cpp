// Stands in for net/worker_server.cpp until it is there: workers say that they cannot serve.
#include <stdexcept>

#include "net/worker_server.hpp"

namespace roost::net {

struct WorkerServer::Impl {};

WorkerServer::WorkerServer(WorkerSetup) { throw std::runtime_error("serving is not supported yet"); }
WorkerServer::~WorkerServer() = default;
void WorkerServer::start() {}
void WorkerServer::begin_drain() {}
bool WorkerServer::wait_drained(std::chrono::milliseconds) { return true; }
void WorkerServer::stop() {}
roost_worker_info WorkerServer::info() const { return {}; }
roost_status WorkerServer::post(uint32_t, void (*)(void*), void*) { return ROOST_UNSUPPORTED; }
roost_status WorkerServer::submit(void (*)(void*), void*) { return ROOST_UNSUPPORTED; }
roost_status WorkerServer::retire(std::string_view) { return ROOST_UNSUPPORTED; }
roost_status WorkerServer::send_to(std::string_view, roost_ws_kind, std::string_view) { return ROOST_UNSUPPORTED; }
roost_status WorkerServer::broadcast(std::string_view, roost_ws_kind, std::string_view, std::string_view) {
  return ROOST_UNSUPPORTED;
}
roost_status WorkerServer::list(std::string_view, void (*)(void*, roost_str), void*) { return ROOST_UNSUPPORTED; }
roost_status WorkerServer::publish(std::string_view, roost_ws_kind, std::string_view, std::string_view) {
  return ROOST_UNSUPPORTED;
}

}  // namespace roost::net
