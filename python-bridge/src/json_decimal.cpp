#include "json_decimal.hpp"

#include <array>
#include <cfloat>
#include <cstdint>
#include <cstring>

namespace roost::bridge {
namespace {

constexpr int kMaxDigits = 19;  // any number of so many fits into 64 bits

// 10^i, exact in the 64 bits of precision that x87's long double has (10^27 is the last that is), and in a double up to
// 10^22.
constexpr std::array<long double, kMaxDigits + 1> kPowers = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,
                                                             1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
                                                             1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L};

#if LDBL_MANT_DIG == 64 && DBL_MANT_DIG == 53
// digits / 10^scale. Both are exact here, so the quotient is the nearest of 64 bits; it rounds to the double that is
// nearest to the exact value unless it looks like the very middle of two.
bool divide(uint64_t digits, int scale, double& value) {
  const long double quotient = static_cast<long double>(digits) / kPowers[static_cast<size_t>(scale)];
  uint64_t significand = 0;
  std::memcpy(&significand, &quotient, sizeof significand);
  constexpr uint64_t kBelow = (uint64_t{1} << 11) - 1;  // the bits that a double has no place for
  if ((significand & kBelow) == kBelow / 2 + 1) return false;
  value = static_cast<double>(quotient);
  return true;
}
#else
bool divide(uint64_t digits, int scale, double& value) {
  if (digits >> DBL_MANT_DIG != 0) return false;
  value = static_cast<double>(digits) / static_cast<double>(kPowers[static_cast<size_t>(scale)]);
  return true;
}
#endif

}  // namespace

const char* read_decimal(const char* number, const char* end, double& value) {
  const bool negative = *number == '-';
  const char* p = number + (negative ? 1 : 0);
  const char* const first = p;
  uint64_t digits = 0;
  const auto read_digits = [&] {
    for (; p != end && static_cast<unsigned char>(*p - '0') < 10; ++p)
      digits = digits * 10 + static_cast<unsigned char>(*p - '0');
  };
  read_digits();
  if (p == end || *p != '.') return nullptr;
  const char* const fraction = ++p;
  read_digits();
  if (p == fraction || p - first > kMaxDigits + 1) return nullptr;
  if (p != end && (*p | 0x20) == 'e') return nullptr;
  if (!divide(digits, static_cast<int>(p - fraction), value)) return nullptr;
  if (negative) value = -value;
  return p;
}

}  // namespace roost::bridge
