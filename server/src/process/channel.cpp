#include "process/channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace roost::process {

namespace {

constexpr size_t kMaxText = 60 * 1024;
constexpr size_t kMaxDescriptors = 200;  // SCM_MAX_FD is 253

struct Head {
  uint32_t tell, slot;
  int32_t pid, status;
};

}  // namespace

std::pair<Channel, Channel> Channel::pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  return {Channel(base::UniqueFd(fds[0])), Channel(base::UniqueFd(fds[1]))};
}

bool Channel::send(const Message& message, std::span<const int> fds) const {
  Head head{static_cast<uint32_t>(message.tell), message.slot, message.pid, message.status};
  const size_t size = std::min(message.text.size(), kMaxText);
  iovec pieces[2] = {{&head, sizeof head}, {const_cast<char*>(message.text.data()), size}};
  msghdr header{};
  header.msg_iov = pieces;
  header.msg_iovlen = 2;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)] = {};
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(fd_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

Channel::Received Channel::receive(Message& message) const {
  Head head{};
  std::string text(kMaxText, '\0');
  iovec pieces[2] = {{&head, sizeof head}, {text.data(), text.size()}};
  msghdr header{};
  header.msg_iov = pieces;
  header.msg_iovlen = 2;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)];
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t size;
  do {
    size = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EAGAIN ? Received::nothing : Received::gone;
  if (static_cast<size_t>(size) < sizeof head) return Received::gone;

  message = {};
  message.tell = static_cast<Tell>(head.tell);
  message.slot = head.slot;
  message.pid = head.pid;
  message.status = head.status;
  text.resize(static_cast<size_t>(size) - sizeof head);
  message.text = std::move(text);
  for (cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr; rights = CMSG_NXTHDR(&header, rights)) {
    if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(rights) + i * sizeof fd, sizeof fd);
      message.fds.emplace_back(fd);
    }
  }
  return Received::message;
}

}  // namespace roost::process
