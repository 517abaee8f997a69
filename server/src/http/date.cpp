#include "http/date.hpp"

#include <cstring>

#include "http/characters.hpp"

namespace roost::http {
namespace {

constexpr char kDays[] = "SunMonTueWedThuFriSat";
constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::string_view kLongDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

struct Civil {
  int64_t year;
  unsigned month, day;  // from 1
};

// Days since 1970-01-01 to a date of the proleptic Gregorian calendar and back: years counted from March, in eras of
// 400 years of 146097 days.
Civil civil_from_days(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted + 2) / 5 + 1};
}

int64_t days_from_civil(Civil date) {
  const int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<int64_t>(day_of_era) - 719468;
}

void put2(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

// Reads a date field by field; any mismatch makes it fail for good.
struct Reader {
  std::string_view rest;
  bool good = true;

  void literal(std::string_view text) {
    good = good && rest.substr(0, text.size()) == text;
    if (good) rest.remove_prefix(text.size());
  }
  unsigned number(size_t digits) {
    unsigned value = 0;
    good = good && rest.size() >= digits;
    for (size_t i = 0; good && i < digits; ++i) {
      good = is(rest[i], kDigit);
      value = value * 10 + static_cast<unsigned>(rest[i] - '0');
    }
    if (good) rest.remove_prefix(digits);
    return value;
  }
  // Index of the three-letter name, from 0.
  unsigned name(const char* names, size_t count) {
    for (size_t i = 0; good && rest.size() >= 3 && i < count; ++i) {
      if (std::memcmp(names + i * 3, rest.data(), 3) == 0) {
        rest.remove_prefix(3);
        return static_cast<unsigned>(i);
      }
    }
    good = false;
    return 0;
  }
};

struct Time {
  unsigned hour = 0, minute = 0, second = 0;
};

Time read_time(Reader& in) {
  Time time;
  time.hour = in.number(2);
  in.literal(":");
  time.minute = in.number(2);
  in.literal(":");
  time.second = in.number(2);
  return time;
}

std::optional<int64_t> to_seconds(const Reader& in, Civil date, Time time) {
  constexpr unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (!in.good || !in.rest.empty()) return std::nullopt;
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  const unsigned length = lengths[date.month - 1] + (date.month == 2 && leap ? 1 : 0);
  // 60 is a leap second.
  if (date.day < 1 || date.day > length || time.hour > 23 || time.minute > 59 || time.second > 60) return std::nullopt;
  return days_from_civil(date) * 86400 + time.hour * 3600 + time.minute * 60 + time.second;
}

}  // namespace

void format_date(int64_t seconds, char* out) noexcept {
  int64_t days = seconds / 86400;
  int64_t rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  const Civil date = civil_from_days(days);
  const auto weekday = static_cast<unsigned>(((days + 4) % 7 + 7) % 7);
  const auto second = static_cast<unsigned>(rest);
  std::memcpy(out, "Sun, 00 Jan 0000 00:00:00 GMT", kDateSize);
  std::memcpy(out, kDays + weekday * 3, 3);
  put2(out + 5, date.day);
  std::memcpy(out + 8, kMonths + (date.month - 1) * 3, 3);
  put2(out + 12, static_cast<unsigned>(date.year / 100 % 100));
  put2(out + 14, static_cast<unsigned>(date.year % 100));
  put2(out + 17, second / 3600);
  put2(out + 20, second / 60 % 60);
  put2(out + 23, second % 60);
}

std::optional<int64_t> parse_date(std::string_view text, int64_t now) noexcept {
  Reader in{text};
  Civil date{};
  for (size_t day = 0; day < 7; ++day) {  // rfc850-date: "Sunday, 06-Nov-94 08:49:37 GMT"
    if (text.size() <= kLongDays[day].size() || text.substr(0, kLongDays[day].size()) != kLongDays[day]) continue;
    in.literal(kLongDays[day]);
    in.literal(", ");
    date.day = in.number(2);
    in.literal("-");
    date.month = in.name(kMonths, 12) + 1;
    in.literal("-");
    const int64_t this_year = civil_from_days(now / 86400).year;
    date.year = this_year - this_year % 100 + in.number(2);
    // One that seems more than 50 years ahead is in the past.
    if (date.year > this_year + 50) date.year -= 100;
    in.literal(" ");
    const Time time = read_time(in);
    in.literal(" GMT");
    return to_seconds(in, date, time);
  }
  in.name(kDays, 7);
  if (text.size() == kDateSize) {  // "Sun, 06 Nov 1994 08:49:37 GMT"
    in.literal(", ");
    date.day = in.number(2);
    in.literal(" ");
    date.month = in.name(kMonths, 12) + 1;
    in.literal(" ");
    date.year = in.number(4);
    in.literal(" ");
    const Time time = read_time(in);
    in.literal(" GMT");
    return to_seconds(in, date, time);
  }
  in.literal(" ");  // asctime-date: "Sun Nov  6 08:49:37 1994"
  date.month = in.name(kMonths, 12) + 1;
  in.literal(" ");
  if (in.good && !in.rest.empty() && in.rest.front() == ' ') {
    in.literal(" ");
    date.day = in.number(1);
  } else {
    date.day = in.number(2);
  }
  in.literal(" ");
  const Time time = read_time(in);
  in.literal(" ");
  date.year = in.number(4);
  return to_seconds(in, date, time);
}

}  // namespace roost::http
