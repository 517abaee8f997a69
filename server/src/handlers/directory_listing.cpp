#include "handlers/directory_listing.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <vector>

#include "base/html_escape.hpp"
#include "http/target.hpp"

namespace roost::handlers {
namespace {

constexpr size_t kMaxEntries = 10'000;

struct Entry {
  std::string name;
  bool folder;
  uint64_t size;
  time_t modified;
};

std::string readable_size(uint64_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

std::vector<Entry> read_entries(DIR* stream) {
  std::vector<Entry> entries;
  while (const dirent* entry = readdir(stream)) {
    if (entry->d_name[0] == '.') continue;
    struct stat info {};
    // Links are not followed: where they lead is nothing that the listing should tell.
    if (fstatat(dirfd(stream), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    entries.push_back({entry->d_name, S_ISDIR(info.st_mode), static_cast<uint64_t>(info.st_size), info.st_mtim.tv_sec});
    if (entries.size() == kMaxEntries) break;
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.folder != b.folder ? a.folder : a.name < b.name; });
  return entries;
}

}  // namespace

std::string directory_listing(FileDescriptor directory, std::string_view path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(directory.get()), closedir);
  if (stream == nullptr) return {};
  directory.release();  // closedir() closes it

  std::string title;
  append_html(title, path);
  std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>" +
      title +
      "</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;"
      "color-scheme:light dark}h1{font-size:1.3rem;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}"
      "td{padding:.3rem .5rem;border-top:1px solid #8884}td+td{text-align:right;white-space:nowrap;opacity:.7}"
      "a{text-decoration:none}a:hover{text-decoration:underline}</style></head><body><h1>" +
      title + "</h1><table>\n";
  if (path != "/") page += "<tr><td><a href=\"../\">..</a></td><td></td><td></td></tr>\n";
  for (const Entry& entry : read_entries(stream.get())) {
    page += "<tr><td><a href=\"./";  // "./": a name with a colon is no scheme
    http::percent_encode(entry.name, page);
    page += entry.folder ? "/\">" : "\">";
    append_html(page, entry.name);
    page += entry.folder ? "/</a></td><td></td><td>" : "</a></td><td>" + readable_size(entry.size) + "</td><td>";
    tm when{};
    char text[32];
    gmtime_r(&entry.modified, &when);
    page.append(text, strftime(text, sizeof text, "%Y-%m-%d %H:%M", &when));
    page += "</td></tr>\n";
  }
  return page + "</table></body></html>\n";
}

}  // namespace roost::handlers
