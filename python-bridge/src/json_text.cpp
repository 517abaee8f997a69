#include "json_text.hpp"

namespace roost::bridge::json_text {

namespace {

// Floats that were written with few digits: value * 10^6 is a whole number below 10^15, and divided again (one
// correctly rounded operation on two exact numbers) gives the value back. Decimals of fifteen digits tell doubles
// apart, so what is left without its zeros is the shortest text. nullptr: no such value.
char* write_short(char* out, double value) {
  constexpr double kScale = 1e6;
  const double magnitude = std::fabs(value);
  if (!(magnitude < 1e9) || (magnitude < 1e-3 && magnitude != 0)) return nullptr;
  const double scaled = std::nearbyint(magnitude * kScale);
  if (scaled / kScale != magnitude) return nullptr;
  const auto whole = static_cast<uint64_t>(scaled);
  if (std::signbit(value)) *out++ = '-';
  out = write_int64(out, static_cast<int64_t>(whole / 1'000'000));
  *out++ = '.';
  const auto fraction = static_cast<uint32_t>(whole % 1'000'000);
  if (fraction == 0) {
    *out++ = '0';
    return out;
  }
  // Six digits, two at a time.
  static constexpr char kPairs[] =
      "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
      "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
  std::memcpy(out, kPairs + fraction / 10'000 * 2, 2);
  std::memcpy(out + 2, kPairs + fraction / 100 % 100 * 2, 2);
  std::memcpy(out + 4, kPairs + fraction % 100 * 2, 2);
  int count = 6;
  while (out[count - 1] == '0') --count;
  return out + count;
}

}  // namespace

char* write_float(char* out, double value) {
  if (!std::isfinite(value)) {
    std::memcpy(out, "null", 4);
    return out + 4;
  }
  if (char* end = write_short(out, value)) return end;
  // "d.ddde-XX": the shortest digits that read back the same, and where their point belongs.
  char text[32];
  const char* const end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const char* at = text;
  if (*at == '-') *out++ = *at++;
  char digits[24];
  int count = 0;
  digits[count++] = *at++;
  if (*at == '.') {
    for (++at; *at != 'e'; ++at) digits[count++] = *at;
  }
  int exponent = 0;
  const bool negative = at[1] == '-';
  for (at += 2; at < end; ++at) exponent = exponent * 10 + (*at - '0');
  const int point = (negative ? -exponent : exponent) + 1;  // digits before it

  if (point > 16 || point < -4) {
    *out++ = digits[0];
    if (count > 1) {
      *out++ = '.';
      std::memcpy(out, digits + 1, static_cast<size_t>(count - 1));
      out += count - 1;
    }
    *out++ = 'e';
    *out++ = negative ? '-' : '+';
    return std::to_chars(out, out + 4, exponent).ptr;
  }
  if (point <= 0) {
    *out++ = '0';
    *out++ = '.';
    for (int i = point; i < 0; ++i) *out++ = '0';
    std::memcpy(out, digits, static_cast<size_t>(count));
    return out + count;
  }
  for (int i = 0; i < point; ++i) *out++ = i < count ? digits[i] : '0';
  *out++ = '.';
  if (count <= point) {
    *out++ = '0';
    return out;
  }
  std::memcpy(out, digits + point, static_cast<size_t>(count - point));
  return out + (count - point);
}

}  // namespace roost::bridge::json_text
