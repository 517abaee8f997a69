// The floor of tools/bench: one thread, one epoll loop, no features. It understands only what the benchmark sends (GET
// /json, GET /users/ID, POST /echo with a length, pipelined or not) and trusts its peer; it exists to show what the
// kernel alone costs. Usage: epoll_baseline PORT
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

constexpr std::string_view kJson = R"({"message":"Hello, World!"})";

void append_response(std::string& out, std::string_view type, std::string_view body) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), body.size()).ptr;
  out += "HTTP/1.1 200 OK\r\nContent-Type: ";
  out += type;
  out += "\r\nContent-Length: ";
  out.append(digits.data(), end);
  out += "\r\n\r\n";
  out += body;
}

size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const auto at = head.find(kName);
  return at == head.npos ? 0 : std::strtoul(head.data() + at + kName.size(), nullptr, 10);
}

// Answers the complete requests in `input`; returns how many of its bytes they took.
size_t answer_all(std::string_view input, std::string& out) {
  size_t used = 0;
  for (;;) {
    const auto rest = input.substr(used);
    const auto end = rest.find("\r\n\r\n");
    if (end == rest.npos) return used;
    const auto head = rest.substr(0, end + 2);
    if (head.starts_with("GET /json")) {
      append_response(out, "application/json", kJson);
      used += end + 4;
    } else if (head.starts_with("GET /users/")) {
      const auto id = head.substr(11, head.find(' ', 11) - 11);
      append_response(out, "application/json", std::string(R"({"id":")").append(id).append("\"}"));
      used += end + 4;
    } else {
      const auto length = content_length(head);
      if (rest.size() < end + 4 + length) return used;
      append_response(out, "application/octet-stream", rest.substr(end + 4, length));
      used += end + 4 + length;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 1024) != 0) {
    std::perror("epoll_baseline");
    return 1;
  }
  const int loop = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);

  std::array<epoll_event, 256> events;
  std::array<char, 65536> buffer;
  std::unordered_map<int, std::string> unfinished;
  std::string out;
  for (;;) {
    const int count = epoll_wait(loop, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener) {
        const int peer = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer < 0) continue;
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event added{.events = EPOLLIN, .data = {.fd = peer}};
        epoll_ctl(loop, EPOLL_CTL_ADD, peer, &added);
        continue;
      }
      const auto got = read(fd, buffer.data(), buffer.size());
      if (got <= 0) {
        if (got < 0 && errno == EAGAIN) continue;
        unfinished.erase(fd);
        close(fd);
        continue;
      }
      std::string_view input(buffer.data(), static_cast<size_t>(got));
      std::string joined;
      if (!unfinished.empty()) {
        if (const auto found = unfinished.find(fd); found != unfinished.end()) {
          joined = std::move(found->second).append(input);
          input = joined;
          unfinished.erase(found);
        }
      }
      out.clear();
      const auto used = answer_all(input, out);
      if (used < input.size()) unfinished[fd] = input.substr(used);
      // The benchmark's answers fit the socket's buffer; a peer that does not read them is cut.
      if (!out.empty() && send(fd, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size())) {
        unfinished.erase(fd);
        close(fd);
      }
    }
  }
}
