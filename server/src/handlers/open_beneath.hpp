// Opens what lies below a directory and nothing else: no "..", absolute path, symbolic link or magic link leads out.
// Thread-safe.
#pragma once

#include <utility>

namespace roost::handlers {

// Owns one descriptor; -1 is none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// path: relative, without a leading '/'; "." is the directory itself. Opened for reading, never blocking (a FIFO),
// close on exec. none: error holds errno. Links that stay below are followed, but not where the kernel has no openat2()
// (before Linux 5.6, or hidden by a sandbox): there no link is followed at all.
FileDescriptor open_beneath(int root, const char* path, int& error) noexcept;

}  // namespace roost::handlers
