#include "process/host_memory.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace roost::process;

TEST_CASE("HostMemory.IsTheSameThroughItsDescriptors") {
  HostMemory host(3);
  std::vector<roost::base::UniqueFd> copies;
  for (const int fd : host.descriptors()) copies.emplace_back(::dup(fd));
  HostMemory other(3, std::move(copies));
  host.slots()[2].requests = 5;
  CHECK(other.slots()[2].requests == 5);
  REQUIRE(::send(other.outboxes()[1], "mail", 4, 0) == 4);
  char text[8];
  CHECK(::recv(host.inbox(1), text, sizeof text, 0) == 4);
}

TEST_CASE("HostMemory.ClearLeavesNothingToTheNextWorker") {
  HostMemory host(2);
  host.slots()[1].requests = 5;
  host.slots()[1].connections = 2;
  REQUIRE(::send(host.outboxes()[1], "old", 3, 0) == 3);
  host.clear(1);
  CHECK(host.slots()[1].requests == 0);
  CHECK(host.slots()[1].connections == 0);
  char text[8];
  CHECK(::recv(host.inbox(1), text, sizeof text, MSG_DONTWAIT) < 0);
}
