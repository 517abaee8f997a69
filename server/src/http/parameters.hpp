// The parameters behind a media type or a Content-Disposition: `; name=token; name="quoted"` (RFC 9110 section 5.6.6).
// Values are not copied; whether a name came before is for the caller to see.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace roost::http {

struct Parameter {
  std::string_view name;   // compare without case
  std::string_view value;  // of a quoted one what stands between the quotes, escapes as they are
  bool quoted = false;
};

class Parameters {
 public:
  // text: what follows the first word, from its ';' on. It outlives this.
  explicit Parameters(std::string_view text) : rest_(text) {}

  // False at the end, and when the rest is malformed: then failed().
  bool next(Parameter& parameter);
  bool failed() const { return failed_; }

 private:
  bool fail();

  std::string_view rest_;
  bool failed_ = false;
};

// Undoes the quoting: `\"` and `\\` everywhere, other backslashes are themselves (file names of Windows). browser: also
// %22, %0D and %0A, which browsers write in forms for the quote, CR and LF (WHATWG HTML, multipart/form-data).
std::string unquote(const Parameter& parameter, bool browser);

// `UTF-8''na%C3%AFve.txt` (RFC 8187), in UTF-8; ISO-8859-1 is converted. False when it is malformed, or another
// charset.
bool decode_extended(std::string_view value, std::string& out);

// Appends the bytes of an ISO-8859-1 text in UTF-8.
void append_latin1(std::string_view text, std::string& out);

}  // namespace roost::http
