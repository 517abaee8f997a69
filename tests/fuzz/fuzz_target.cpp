// The target normaliser: what it lets through has no dot segments, no NUL, and stays what it is when encoded again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace roost::http;
  const std::string raw(reinterpret_cast<const char*>(data), size);
  std::string path;
  if (!normalize_path(raw, path)) return 0;
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos) std::abort();
  const std::string framed = path + "/";
  if (framed.find("/../") != std::string::npos || framed.find("/./") != std::string::npos) std::abort();
  std::string encoded, again;
  for (size_t start = 0; start < path.size();) {
    const size_t slash = path.find('/', start + 1);
    encoded += '/';
    percent_encode(path.substr(start + 1, slash == std::string::npos ? slash : slash - start - 1), encoded);
    start = slash == std::string::npos ? path.size() : slash;
  }
  if (!normalize_path(encoded, again) || again != path) std::abort();
  return 0;
}
