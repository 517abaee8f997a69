#include "process/lone_server.hpp"

#include <pthread.h>
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

// What the server at that path answers, as soon as it listens.
std::string answer(const std::string& path, const std::string& request) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  while (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    std::this_thread::yield();
    fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  }
  std::string all;
  char buffer[4096];
  if (::send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size())) {
    for (ssize_t got; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) all.append(buffer, static_cast<size_t>(got));
  }
  ::close(fd);
  return all;
}

}  // namespace

TEST_CASE("LoneServer.ServesBesideThreadsOfItsProgramUntilASignalAndThenAgain") {
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
  const pthread_t program = ::pthread_self();
  for (int times = 0; times < 2; ++times) {
    std::string answers, refusal;
    std::thread client([&] {
      for (int i = 0; i < 3; ++i) {
        answers += answer(socket, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").substr(0, 15) + "\n";
      }
      try {
        serve_alone(embedding);
      } catch (const std::exception& error) {
        refusal = error.what();
      }
      ::pthread_kill(program, SIGTERM);
    });
    CHECK(serve_alone(embedding) == 0);
    client.join();
    CHECK(answers == "HTTP/1.1 200 OK\nHTTP/1.1 200 OK\nHTTP/1.1 200 OK\n");
    CHECK_THAT(refusal, Catch::Contains("a server runs in this process already"));
    CHECK(waits == 0);  // the program's lock is held again
    CHECK_FALSE(std::filesystem::exists(socket));
  }
  std::filesystem::remove_all(folder);
  sigaction(SIGTERM, &before, nullptr);
}
