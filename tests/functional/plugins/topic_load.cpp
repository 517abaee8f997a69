// Publishes through one or more servers at a rate, and holds every client to it: each message once, and those of one
// publisher in order. For servers that run ws_test.room.
//
//   topic_load PORT[,PORT...] PATH CLIENTS PUBLISHERS RATE SECONDS
//
// CLIENTS connect to the servers in turn and subscribe; the first PUBLISHERS of them publish RATE messages a second
// between them. Prints one line of figures; exits 1 when a message is missing, repeated or out of order. One thread.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "topic_load: %s\n", what.c_str());
  std::exit(1);
}

int64_t microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
}

std::string masked_text(std::string_view text) {
  std::string frame{static_cast<char>(0x81), static_cast<char>(0x80 | text.size())};
  if (text.size() > 125) fail("a message too long for this program");
  frame.append(4, '\0');  // a mask of zeros
  return frame.append(text);
}

class Client {
 public:
  Client(int port, const std::string& path) {
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    write("GET " + path +
          " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    size_t end;
    while ((end = input.find("\r\n\r\n")) == std::string::npos) more();
    if (input.rfind("HTTP/1.1 101", 0) != 0) fail("no 101: " + input);
    input.erase(0, end + 4);
  }

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) fail("send");
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  void more() {
    char buffer[65536];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) fail("a connection was closed by the server");
    input.append(buffer, static_cast<size_t>(n));
  }
  // False when no whole message is here.
  bool next(std::string& text) {
    if (input.size() < 2) return false;
    if (static_cast<uint8_t>(input[0]) != 0x81) fail("a frame that is no text");
    size_t size = static_cast<uint8_t>(input[1]), head = 2;
    if (size == 126) {
      if (input.size() < 4) return false;
      size = static_cast<size_t>(static_cast<uint8_t>(input[2]) << 8 | static_cast<uint8_t>(input[3]));
      head = 4;
    }
    if (input.size() < head + size) return false;
    text = input.substr(head, size);
    input.erase(0, head + size);
    return true;
  }
  std::string wait() {
    std::string text;
    while (!next(text)) more();
    return text;
  }

  int fd = -1;
  std::string input;
  std::vector<int> expected;  // by publisher: the number of its next message
  size_t received = 0;
};

std::vector<int64_t> latencies;

void take(Client& client, const std::string& text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  size_t publisher = 0;
  int number = 0;
  int64_t sent = 0;
  auto part = std::from_chars(p, end, publisher);
  if (part.ec == std::errc() && part.ptr < end) part = std::from_chars(part.ptr + 1, end, number);
  if (part.ec == std::errc() && part.ptr < end) part = std::from_chars(part.ptr + 1, end, sent);
  if (part.ec != std::errc() || part.ptr != end || publisher >= client.expected.size()) fail("not published: " + text);
  if (number != client.expected[publisher]) {
    fail("message " + std::to_string(number) + " of publisher " + std::to_string(publisher) + " came instead of " +
         std::to_string(client.expected[publisher]));
  }
  ++client.expected[publisher];
  ++client.received;
  latencies.push_back(microseconds() - sent);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: topic_load PORT[,PORT...] PATH CLIENTS PUBLISHERS RATE SECONDS\n");
    return 2;
  }
  std::vector<int> ports;
  for (const char* p = argv[1]; *p != '\0';) {
    char* end = nullptr;
    ports.push_back(static_cast<int>(std::strtol(p, &end, 10)));
    p = *end == ',' ? end + 1 : end;
  }
  const size_t count = std::strtoul(argv[3], nullptr, 10), publishers = std::strtoul(argv[4], nullptr, 10);
  const int64_t rate = std::atoi(argv[5]), messages = rate * std::atoi(argv[6]);
  if (ports.empty() || publishers == 0 || publishers > count || rate <= 0) fail("bad arguments");

  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Client> clients;
  clients.reserve(count);
  std::set<std::string> workers;
  for (size_t i = 0; i < count; ++i) {
    Client& client = clients.emplace_back(ports[i % ports.size()], argv[2]);
    client.expected.resize(publishers);
    const std::string greeting = client.wait();  // "id ... pid N"
    workers.insert(greeting.substr(greeting.rfind(' ') + 1));
    client.write(masked_text("sub load"));
    if (client.wait() != "ok") fail("not subscribed");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, client.fd, &event);
  }

  const int64_t begin = microseconds();
  int64_t sent = 0;
  size_t complete = 0;
  std::string text;
  while (complete < count) {
    int64_t now = microseconds();
    while (sent < messages && begin + sent * 1'000'000 / rate <= now) {
      const auto publisher = static_cast<size_t>(sent) % publishers;
      clients[publisher].write(masked_text("pub load " + std::to_string(publisher) + " " +
                                           std::to_string(static_cast<size_t>(sent) / publishers) + " " +
                                           std::to_string(microseconds())));
      ++sent;
    }
    const int64_t due = sent < messages ? begin + sent * 1'000'000 / rate - now : 30'000'000;
    epoll_event events[256];
    const int ready = ::epoll_wait(epoll, events, 256, static_cast<int>(due / 1000) + 1);
    if (ready == 0 && sent == messages) fail(std::to_string(count - complete) + " clients miss messages");
    for (int i = 0; i < ready; ++i) {
      Client& client = clients[events[i].data.u64];
      client.more();
      while (client.next(text)) {
        take(client, text);
        if (client.received == static_cast<size_t>(messages)) ++complete;
      }
    }
  }
  // Nothing came twice: the next thing that each hears is the answer to a question.
  for (Client& client : clients) {
    client.write(masked_text("unsub load"));
    if (const std::string answer = client.wait(); answer != "ok") fail("one more message: " + answer);
  }
  std::sort(latencies.begin(), latencies.end());
  const auto share = [](double part) {
    return latencies[static_cast<size_t>(part * static_cast<double>(latencies.size() - 1))];
  };
  std::printf("workers %zu clients %zu published %lld delivered %zu p50_us %lld p99_us %lld most_us %lld\n",
              workers.size(), count, static_cast<long long>(messages), latencies.size(),
              static_cast<long long>(share(0.5)), static_cast<long long>(share(0.99)),
              static_cast<long long>(latencies.back()));
  return 0;
}
