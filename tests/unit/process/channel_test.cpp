#include "process/channel.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace roost::process;

TEST_CASE("Channel.CarriesAMessageWithItsDescriptors") {
  auto [here, there] = Channel::pair();
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const roost::base::UniqueFd reader(ends[0]), writer(ends[1]);
  Message message;
  CHECK(there.receive(message) == Channel::Received::nothing);
  const int fd = writer.get();
  REQUIRE(here.send({.tell = Tell::spawned, .slot = 3, .pid = 42, .status = 7, .text = "a\0b"}, {&fd, 1}));
  REQUIRE(there.receive(message) == Channel::Received::message);
  CHECK(message.tell == Tell::spawned);
  CHECK(message.slot == 3);
  CHECK(message.pid == 42);
  CHECK(message.status == 7);
  REQUIRE(message.fds.size() == 1);
  CHECK((::fcntl(message.fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(::write(message.fds[0].get(), "x", 1) == 1);
  char byte;
  CHECK(::read(reader.get(), &byte, 1) == 1);
}

TEST_CASE("Channel.CutsLongTextAndSaysWhenThePeerIsGone") {
  auto [here, there] = Channel::pair();
  REQUIRE(here.send({.tell = Tell::failed, .text = std::string(1 << 20, 'x')}));
  Message message;
  REQUIRE(there.receive(message) == Channel::Received::message);
  CHECK(message.text == std::string(60 * 1024, 'x'));
  here.close();
  CHECK(there.receive(message) == Channel::Received::gone);
  CHECK_FALSE(there.send({.tell = Tell::quit}));
}
