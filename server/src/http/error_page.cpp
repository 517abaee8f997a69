#include "http/error_page.hpp"

#include <algorithm>
#include <cctype>

#include "base/html_escape.hpp"

namespace roost::http {

namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<style>
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1d2230; background: #f6f6f3 }
header { padding: 24px 32px; color: #fff; background: #8f1d2c }
h1 { margin: 0 0 8px; font-size: 22px; overflow-wrap: anywhere; white-space: pre-wrap }
header p { margin: 0; opacity: .85; overflow-wrap: anywhere }
main { padding: 16px 32px 48px }
main > p { margin: 20px 0 8px; font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere }
div { margin: 6px 0; padding: 8px 12px; border-left: 4px solid #8f1d2c; background: #fff }
div.library { border-color: #c9cbd3; color: #6b7080 }
pre { margin: 4px 0 0; overflow-x: auto; font: 14px/1.45 ui-monospace, monospace }
small { overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) {
  body { color: #e6e7ec; background: #16181f } div { background: #20232d } div.library { border-color: #444857; color: #9498a8 }
}
</style>
)";

std::string_view next_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return line;
}

// The exception as the last lines say it: they alone begin at the margin. Of several lines, all.
std::string_view summary(std::string_view traceback) {
  while (traceback.ends_with('\n')) traceback.remove_suffix(1);
  size_t frames = traceback.rfind("\n  ");
  if (frames == std::string_view::npos) return traceback;
  frames = traceback.find('\n', frames + 1);
  return frames == std::string_view::npos ? traceback : traceback.substr(frames + 1);
}

bool is_library(std::string_view line) {
  return line.find("/site-packages/") != std::string_view::npos ||
         line.find("/lib/python3") != std::string_view::npos || line.find("\"<frozen ") != std::string_view::npos;
}

}  // namespace

std::string error_page(std::string_view where, std::string_view traceback) {
  const std::string_view exception = summary(traceback);
  std::string page(kHead);
  page += "<title>";
  append_html(page, exception.substr(0, exception.find('\n')));
  page += "</title>\n<header><h1>";
  append_html(page, exception);
  page += "</h1><p>";
  append_html(page, where);
  page += "</p></header>\n<main>\n";
  bool in_frame = false;
  for (std::string_view rest = traceback; !rest.empty();) {
    const std::string_view line = next_line(rest);
    if (in_frame && !line.starts_with("    ")) {
      page += "</pre></div>\n";
      in_frame = false;
    }
    if (line.starts_with("  File \"<frozen importlib")) continue;  // how Python imports, which has no source lines
    if (line.starts_with("  File \"")) {
      page += is_library(line) ? "<div class=\"library\"><small>" : "<div><small>";
      append_html(page, line.substr(2));
      page += "</small><pre>";
      in_frame = true;
    } else if (in_frame) {
      append_html(page, line.substr(4));
      page += '\n';
    } else if (!line.empty()) {
      page += "<p>";
      append_html(page, line);
      page += "</p>\n";
    }
  }
  if (in_frame) page += "</pre></div>\n";
  page += "</main>\n";
  return page;
}

bool accepts_html(std::string_view accept) {
  constexpr std::string_view kHtml = "text/html";
  const auto found = std::search(accept.begin(), accept.end(), kHtml.begin(), kHtml.end(),
                                 [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
  return found != accept.end();
}

}  // namespace roost::http
