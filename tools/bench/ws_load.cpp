// Load on a WebSocket server, one thread: ws_load echo|topic PORT PATH CONNECTIONS SECONDS
//
// echo: each connection sends 64 bytes, waits for as many back, and sends again; a request is one message echoed.
// topic: CONNECTIONS subscribers and one publisher; it sends 64 bytes, which every subscriber gets, and sends again
// when the last one has them; a request is one message delivered to one subscriber. Prints what wrk prints, as far as
// bench.py reads it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPayload = 64;
constexpr size_t kAnswer = 2 + kPayload;

struct Connection {
  int fd = -1;
  size_t received = 0;  // bytes of the current answer
  Clock::time_point sent;
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int connect_to(int port, const char* path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::string request = std::string("GET ") + path +
                              " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  if (write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) fail("write");
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    char c;
    if (read(fd, &c, 1) != 1) fail("handshake");
    head.push_back(c);
  }
  if (!head.starts_with("HTTP/1.1 101")) {
    std::fprintf(stderr, "no 101: %s\n", head.c_str());
    std::exit(1);
  }
  return fd;
}

std::string masked_frame() {
  const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
  std::string frame{static_cast<char>(0x82), static_cast<char>(0x80 | kPayload)};
  frame.append(reinterpret_cast<const char*>(mask), 4);
  for (size_t i = 0; i < kPayload; ++i) frame.push_back(static_cast<char>('a' ^ mask[i & 3]));
  return frame;
}

void send_frame(Connection& connection, const std::string& frame) {
  connection.sent = Clock::now();
  if (send(connection.fd, frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size())) fail("send");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: ws_load echo|topic PORT PATH CONNECTIONS SECONDS\n");
    return 2;
  }
  const bool topic = std::strcmp(argv[1], "topic") == 0;
  const int port = std::atoi(argv[2]);
  const auto count = static_cast<size_t>(std::atoi(argv[4]));
  const std::string frame = masked_frame();

  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections(count + (topic ? 1 : 0));
  for (Connection& connection : connections) {
    connection.fd = connect_to(port, argv[3]);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    epoll_ctl(epoll, EPOLL_CTL_ADD, connection.fd, &event);
  }
  Connection* const publisher = topic ? &connections.back() : nullptr;

  std::vector<double> latencies;
  const auto begin = Clock::now(), end = begin + std::chrono::seconds(std::atoi(argv[5]));
  uint64_t done = 0, outstanding = 0;
  if (topic) {
    outstanding = count;
    send_frame(*publisher, frame);
  } else {
    for (Connection& connection : connections) send_frame(connection, frame);
  }
  epoll_event events[256];
  char buffer[4096];
  auto now = begin;
  while (now < end) {
    const int ready = epoll_wait(epoll, events, 256, 1000);
    now = Clock::now();
    if (ready == 0) break;  // it has stopped answering
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events[i].data.ptr);
      const ssize_t n = recv(connection.fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (n <= 0) fail("closed by the server");
      if (&connection == publisher) continue;
      connection.received += static_cast<size_t>(n);
      while (connection.received >= kAnswer) {
        connection.received -= kAnswer;
        ++done;
        const auto since = topic ? publisher->sent : connection.sent;
        if (latencies.size() < (1u << 22))
          latencies.push_back(std::chrono::duration<double, std::micro>(now - since).count());
        if (!topic) {
          send_frame(connection, frame);
        } else if (--outstanding == 0) {
          outstanding = count;
          send_frame(*publisher, frame);
        }
      }
    }
  }
  const double seconds = std::chrono::duration<double>(now - begin).count();
  std::sort(latencies.begin(), latencies.end());
  const auto share = [&](double part) {
    return latencies.empty() ? 0.0 : latencies[static_cast<size_t>(part * static_cast<double>(latencies.size() - 1))];
  };
  std::printf("     50%%  %.2fus\n     99%%  %.2fus\n", share(0.5), share(0.99));
  std::printf("  %llu requests in %.2fs\nRequests/sec: %.2f\n", static_cast<unsigned long long>(done), seconds,
              static_cast<double>(done) / seconds);
  return 0;
}
