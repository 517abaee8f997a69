#include "base/temporary_file.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace roost::base {
namespace {

const char* directory() {
  const char* const named = std::getenv("TMPDIR");
  return named != nullptr && *named != '\0' ? named : "/tmp";
}

}  // namespace

UniqueFd open_temporary() {
  UniqueFd file(::open(directory(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
  if (file || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return file;
  // Not every file system knows O_TMPFILE (open(2)).
  std::string path;
  file = create_temporary(path);
  if (file) ::unlink(path.c_str());
  return file;
}

UniqueFd create_temporary(std::string& path) {
  path.assign(directory()).append("/roost-body-XXXXXX");
  return UniqueFd(::mkostemp(path.data(), O_CLOEXEC));
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool append_range(int to, int from, uint64_t offset, uint64_t size) {
  auto at = static_cast<off_t>(offset);
  while (size != 0) {
    // The kernel copies: no buffer of this process is involved (sendfile(2), file to file since 2.6.33).
    const ssize_t n = ::sendfile(to, from, &at, std::min<uint64_t>(size, 1 << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = EIO;
    if (n <= 0) return false;
    size -= static_cast<uint64_t>(n);
  }
  return true;
}

}  // namespace roost::base
