#include "process/signals.hpp"

#include <atomic>
#include <cerrno>

namespace roost::process {

namespace {

// Lock-free, so that a handler may write them, on whichever thread the signal finds.
std::atomic<bool> flags[NSIG];
static_assert(std::atomic<bool>::is_always_lock_free);

void set_flag(int number) {
  flags[number] = true;
}
void do_nothing(int) {}

constexpr int kOfTerminals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU};

}  // namespace

Signals::Signals(std::initializer_list<int> numbers, Where where) : where_(where) {
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int number : numbers) sigaddset(&blocked, number);
  pthread_sigmask(SIG_BLOCK, &blocked, &previous_mask_);
  // Poco blocks it in whoever loads it (Thread_POSIX.cpp). Where it matters it is ignored, and programs that handlers
  // start are to end by it.
  sigdelset(&previous_mask_, SIGPIPE);
  for (const int number : numbers) {
    flags[number] = false;
    struct sigaction before;
    sigaction(number, nullptr, &before);
    // A shell's background job has INT ignored, nohup's HUP: that is meant.
    if (before.sa_handler == SIG_IGN && (number == SIGINT)) continue;
    if (where == Where::where_undefined && before.sa_handler != SIG_DFL) continue;
    struct sigaction action {};
    action.sa_handler = set_flag;
    sigfillset(&action.sa_mask);
    sigaction(number, &action, nullptr);
    saved_.push_back({number, before});
  }
}

Signals::~Signals() {
  struct sigaction nothing {};
  nothing.sa_handler = do_nothing;
  for (const Saved& saved : saved_) {
    sigaction(saved.number, where_ == Where::everywhere ? &nothing : &saved.action, nullptr);
  }
  pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
}

bool Signals::take(int number) {
  return flags[number].exchange(false);
}

int Signals::wait(std::vector<pollfd>& fds, std::chrono::milliseconds timeout) const {
  const timespec time{timeout.count() / 1000, timeout.count() % 1000 * 1'000'000};
  return ::ppoll(fds.data(), fds.size(), timeout.count() < 0 ? nullptr : &time, &previous_mask_);
}

void ignore_terminal_signals() {
  struct sigaction action {};
  action.sa_handler = do_nothing;
  action.sa_flags = SA_RESTART;
  for (const int number : kOfTerminals) sigaction(number, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
  sigaction(SIGXFSZ, &action, nullptr);
}

void heed_terminal_signals(void (*also)(int)) {
  for (const int number : kOfTerminals) {
    struct sigaction action;
    if (sigaction(number, nullptr, &action) != 0) continue;
    if (action.sa_handler != do_nothing && action.sa_handler != also) continue;
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, nullptr);
  }
}

}  // namespace roost::process
