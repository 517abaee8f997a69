// What development mode shows of a mistake: a page for browsers.
#pragma once

#include <string>
#include <string_view>

namespace roost::http {

// A whole HTML document, without a script and without anything from elsewhere; for what it needs, the fields
// `Content-Security-Policy: ` kErrorPagePolicy. Every argument may hold any bytes: what is shown is escaped.
// where: what failed, in a line. traceback: as Python prints it; any other text is shown as it is.
std::string error_page(std::string_view where, std::string_view traceback);
inline constexpr std::string_view kErrorPagePolicy = "default-src 'none'; style-src 'unsafe-inline'";

// Whether an Accept header names HTML (RFC 9110 section 12.5.1), as a browser's does for a page.
bool accepts_html(std::string_view accept);

}  // namespace roost::http
