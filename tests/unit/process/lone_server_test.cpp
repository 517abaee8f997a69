#include "process/lone_server.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

namespace {

using roost::process::serve_alone;

roost_str str(const std::string& text) {
  return {text.data(), text.size()};
}

// A connection to the server at that path, as soon as it listens.
int connected(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  while (true) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    std::this_thread::yield();
  }
}

std::string answer(int fd, const std::string& request) {
  REQUIRE(::send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
  std::string all;
  char buffer[4096];
  for (ssize_t got; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) all.append(buffer, static_cast<size_t>(got));
  return all;
}

}  // namespace

TEST_CASE("LoneServer.ServesOnAThreadOfItsProgramUntilASignalAndThenAgain") {
  char folder[] = "/tmp/lone_server_XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string socket = std::string(folder) + "/socket";
  const std::string configuration = "server: { listen: \"unix:" + socket +
                                    "\", access_log: { format: none } }\n"
                                    "routes: [{ path: /, respond: { body: alone } }]\n";
  const std::string name = "program", directory = folder;
  std::atomic<int> waits{0};
  roost_embedding embedding{};
  embedding.struct_size = sizeof embedding;
  embedding.flags = ROOST_EMBED_ALONE;
  embedding.configuration = str(configuration);
  embedding.name = str(name);
  embedding.directory = str(directory);
  embedding.arg = &waits;
  embedding.before_wait = [](void* arg) { ++*static_cast<std::atomic<int>*>(arg); };
  embedding.after_wait = [](void* arg) {
    --*static_cast<std::atomic<int>*>(arg);
    return 0;
  };
  struct sigaction before {};
  sigaction(SIGTERM, nullptr, &before);
  ::signal(SIGTERM, SIG_DFL);  // the test program has a handler of its own, which the server would leave alone
  for (int times = 0; times < 2; ++times) {
    std::atomic<int> status{-1};
    std::thread server([&] { status = serve_alone(embedding); });
    for (int i = 0; i < 3; ++i) {
      const int fd = connected(socket);
      const std::string all = answer(fd, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      CHECK(all.substr(0, 15) == "HTTP/1.1 200 OK");
      CHECK(all.substr(all.size() - 5) == "alone");
      ::close(fd);
    }
    CHECK_THROWS_WITH(serve_alone(embedding), Catch::Contains("a server runs in this process already"));
    ::kill(::getpid(), SIGTERM);  // any thread of the program may be given it
    server.join();
    CHECK(status == 0);
    CHECK(waits == 0);  // the program's lock is held again
    CHECK_FALSE(std::filesystem::exists(socket));
  }
  std::filesystem::remove_all(folder);
  sigaction(SIGTERM, &before, nullptr);
}
