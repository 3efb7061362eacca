#include "data/time.h"

#include <array>
#include <charconv>

#include "base/error.h"

namespace tessera {

namespace {

// Days since 1970-01-01 in the proleptic Gregorian calendar; years are counted from March so that the leap day comes
// last.
int64_t days_of_date(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

int days_in_month(int64_t year, int month) {
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[static_cast<size_t>(month - 1)];
}

/// Reads text from left to right; every step says whether the text was as wanted.
class TimeScanner {
 public:
  explicit TimeScanner(std::string_view text) : text_(text) {}
  bool number(size_t digits, int low, int high, int& value) {
    if (text_.size() < digits) return false;
    value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return false;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return value >= low && value <= high;
  }
  bool one_of(std::string_view characters, char& found) {
    if (text_.empty() || characters.find(text_[0]) == std::string_view::npos) return false;
    found = text_[0];
    text_.remove_prefix(1);
    return true;
  }
  bool is(char wanted) {
    char found;
    return one_of({&wanted, 1}, found);
  }
  /// ".25", or nothing at all
  bool fraction() {
    if (!is('.')) return true;
    size_t digits = 0;
    while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') ++digits;
    text_.remove_prefix(digits);
    return digits > 0;
  }
  bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
};

/// "Z" or "+08:00".
bool scan_zone(TimeScanner& scanner, int& offset_seconds) {
  char sign;
  if (!scanner.one_of("Zz+-", sign)) return false;
  offset_seconds = 0;
  if (sign == 'Z' || sign == 'z') return true;
  int hours, minutes;
  if (!scanner.number(2, 0, 23, hours) || !scanner.is(':') || !scanner.number(2, 0, 59, minutes)) return false;
  offset_seconds = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  return true;
}

std::optional<int64_t> in_range(int64_t seconds) {
  if (seconds < kMinTime || seconds > kMaxTime) return std::nullopt;
  return seconds;
}

}  // namespace

std::optional<int64_t> parse_time(std::string_view text) {
  int64_t epoch;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (error == std::errc() && end == text.data() + text.size()) return in_range(epoch);

  TimeScanner scanner(text);
  int year, month, day, hour, minute, second, offset;
  char separator;
  if (!scanner.number(4, 1, 9999, year) || !scanner.is('-') || !scanner.number(2, 1, 12, month) || !scanner.is('-') ||
      !scanner.number(2, 1, days_in_month(year, month), day)) {
    return std::nullopt;
  }
  const int64_t midnight = days_of_date(year, month, day) * 86400;
  if (scanner.at_end()) return midnight;
  if (!scanner.one_of("Tt ", separator) || !scanner.number(2, 0, 23, hour) || !scanner.is(':') ||
      !scanner.number(2, 0, 59, minute) || !scanner.is(':') || !scanner.number(2, 0, 60, second) ||
      !scanner.fraction() || !scan_zone(scanner, offset) || !scanner.at_end()) {
    return std::nullopt;
  }
  return in_range(midnight + hour * 3600 + minute * 60 + second - offset);
}

std::string format_time(int64_t seconds) {
  TESSERA_CHECK(seconds >= kMinTime && seconds <= kMaxTime, data, "time {} is outside of the years 1 to 9999", seconds);
  int64_t days = seconds / 86400;
  int64_t rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  // The inverse of days_of_date, again with years that start in March.
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, rest / 3600, rest / 60 % 60, rest % 60);
}

}  // namespace tessera
