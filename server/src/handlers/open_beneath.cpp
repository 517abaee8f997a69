#include "handlers/open_beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

namespace roost::handlers {
namespace {

constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// One component after the other, none of them a link.
FileDescriptor open_by_components(int root, const char* path, int& error) {
  FileDescriptor at;
  std::string rest(path);
  for (;;) {
    const size_t slash = rest.find('/');
    const bool last = slash == std::string::npos || slash + 1 == rest.size();
    const std::string component = rest.substr(0, slash);
    if (component == ".." || component.empty()) {
      error = EXDEV;
      return FileDescriptor();
    }
    const bool directory = slash != std::string::npos;
    const int flags =
        last ? kFlags | O_NOFOLLOW | (directory ? O_DIRECTORY : 0) : O_PATH | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY;
    FileDescriptor next(openat(at ? at.get() : root, component.c_str(), flags));
    if (!next) {
      error = errno;
      return FileDescriptor();
    }
    at = std::move(next);
    if (last) return at;
    rest.erase(0, slash + 1);
  }
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

FileDescriptor open_beneath(int root, const char* path, int& error) noexcept {
  open_how how;
  std::memset(&how, 0, sizeof how);
  how.flags = static_cast<uint64_t>(kFlags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0; attempt < 4; ++attempt) {
    FileDescriptor file(static_cast<int>(syscall(SYS_openat2, root, path, &how, sizeof how)));
    if (file) return file;
    error = errno;
    // A rename went on meanwhile and the kernel cannot vouch for "..": try again.
    if (error != EAGAIN && error != EINTR) break;
  }
  if (error == ENOSYS || error == EPERM) return open_by_components(root, path, error);
  return FileDescriptor();
}

}  // namespace roost::handlers
