// Markdown to HTML that may be put into a page as it is, whoever wrote the Markdown.
#pragma once

#include <string>
#include <string_view>

namespace markdown {

// Once, before the first call of safe_html(), by one thread.
void prepare();

// GitHub's Markdown (CommonMark, tables, strikethrough, task lists, bare links, footnotes). HTML in it is left out,
// links and images whose URL could run code (javascript:, vbscript:, file:, data: but for images) lose it; what is no
// UTF-8 becomes U+FFFD. Any thread.
std::string safe_html(std::string_view markdown);

}  // namespace markdown
