#include "process/signals.hpp"

#include <signal.h>

#include <catch2/catch.hpp>

namespace {

using roost::process::Signals;

struct sigaction disposition_of(int number) {
  struct sigaction action {};
  sigaction(number, nullptr, &action);
  return action;
}

TEST_CASE("Signals.ASecondSignalAtTheEndDoesNotKillTheServer") {
  const struct sigaction before = disposition_of(SIGTERM);
  {
    Signals signals({SIGTERM});
    raise(SIGTERM);  // stays pending: nobody waits
    CHECK_FALSE(signals.take(SIGTERM));
  }
  raise(SIGTERM);
  sigaction(SIGTERM, &before, nullptr);
}

TEST_CASE("Signals.InsideOfAnotherProgramItsDispositionsReturn") {
  struct sigaction own {};
  own.sa_handler = [](int) {};
  const struct sigaction before = disposition_of(SIGUSR1);
  REQUIRE(disposition_of(SIGUSR2).sa_handler == SIG_DFL);
  sigaction(SIGUSR1, &own, nullptr);
  {
    const Signals signals({SIGUSR1, SIGUSR2}, Signals::Where::where_undefined);
    CHECK(disposition_of(SIGUSR1).sa_handler == own.sa_handler);
    CHECK(disposition_of(SIGUSR2).sa_handler != SIG_DFL);
  }
  CHECK(disposition_of(SIGUSR1).sa_handler == own.sa_handler);
  CHECK(disposition_of(SIGUSR2).sa_handler == SIG_DFL);
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
