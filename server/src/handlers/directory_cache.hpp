// The files of one directory that were asked for lately, as one I/O thread keeps them: small ones with their bytes,
// larger ones with their descriptor, each with the fields of its response made ready. What is older than a second is
// looked at anew before it is used. Bounded; past its bounds it is emptied. One thread's.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "handlers/open_beneath.hpp"
#include "http/conditional.hpp"
#include "roost/abi.h"

namespace roost::handlers {

// What tells one state of a file from another.
struct FileState {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileState&) const = default;
};

// A file as it is sent: itself, or its neighbour NAME.br or NAME.gz.
struct Representation {
  FileDescriptor file;  // none when the bytes are in body
  std::string body;
  FileState state;
  std::string etag, last_modified;
  int64_t last_modified_seconds = 0;
  // ETag, Last-Modified, Cache-Control, Vary (as far as there are), then what a 304 leaves out.
  std::vector<roost_field> fields;
  size_t not_modified_fields = 0;

  http::Validators validators() const { return {etag, last_modified_seconds}; }
};

FileState state_of(const struct stat& info);
// Reads a small file into memory, and sets what tells of it: validators, and their fields ETag and Last-Modified.
// coding: "", "br" or "gzip". False: it was cut short since.
bool describe(Representation& it, std::string_view coding);

struct CachedFile {
  std::unique_ptr<Representation> plain, brotli, gzip;  // plain always is there
  int64_t checked_ms = 0;
  bool fresh_file = false;  // changed so lately that a further change might leave the same time behind
};

enum class Lookup : uint8_t { file, directory, missing, busy };  // busy: out of descriptors or memory

class DirectoryCache {
 public:
  // cache_control must outlive this; empty: none is sent.
  DirectoryCache(std::filesystem::path root, std::string_view cache_control);

  // The entry when it is there and was checked within the last second; found by what the caller chose as key.
  const CachedFile* fresh(std::string_view key, int64_t now_ms) const;

  // Opens path (relative; with a final '/' or "." it is a directory) and keeps it under key. file: *result lives until
  // the next call.
  Lookup load(std::string_view key, const std::string& path, int64_t now_ms, const CachedFile** result);

  // The descriptor of the directory itself, opened anew at most once a second so that a replaced one is noticed; -1:
  // none.
  int root(int64_t now_ms);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::unique_ptr<Representation> open_neighbour(const std::string& path, const FileState& plain, int64_t now_ms);
  bool fill(Representation& representation, std::string_view name, std::string_view coding, bool varies);
  void make_room(uint64_t bytes, size_t files);

  const std::filesystem::path path_;
  const std::string_view cache_control_;
  FileDescriptor root_;
  int64_t root_opened_ms_ = 0;
  std::unordered_map<std::string, CachedFile, Hash, std::equal_to<>> entries_;
  uint64_t bytes_ = 0;  // of bodies
  size_t descriptors_ = 0;
};

}  // namespace roost::handlers
