#include "safe_html.hpp"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>

namespace markdown {

namespace {

// Without CMARK_OPT_UNSAFE: that is what keeps HTML and unsafe URLs out.
constexpr int kOptions = CMARK_OPT_VALIDATE_UTF8 | CMARK_OPT_FOOTNOTES;

// Parsing with extensions changes a table of the library for the time of the call (special characters of inlines).
std::mutex parsing;

struct Free {
  void operator()(cmark_parser* parser) const { cmark_parser_free(parser); }
  void operator()(cmark_node* node) const { cmark_node_free(node); }
  void operator()(char* text) const { std::free(text); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

}  // namespace

void prepare() {
  cmark_gfm_core_extensions_ensure_registered();
}

std::string safe_html(std::string_view markdown) {
  const Owned<cmark_parser> parser(cmark_parser_new(kOptions));
  for (const char* name : {"table", "strikethrough", "autolink", "tasklist"}) {
    if (cmark_syntax_extension* extension = cmark_find_syntax_extension(name)) {
      cmark_parser_attach_syntax_extension(parser.get(), extension);
    }
  }
  Owned<cmark_node> document;
  {
    const std::lock_guard<std::mutex> lock(parsing);
    cmark_parser_feed(parser.get(), markdown.data(), markdown.size());
    document.reset(cmark_parser_finish(parser.get()));
  }
  if (document == nullptr) throw std::bad_alloc();
  const Owned<char> html(cmark_render_html(document.get(), kOptions, cmark_parser_get_syntax_extensions(parser.get())));
  return html.get();
}

}  // namespace markdown
