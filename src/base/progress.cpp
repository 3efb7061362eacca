#include "base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>

namespace tessera {
namespace {

class SilentReporter : public Reporter {
 public:
  void report(const ProgressState&) override {}
  int interval_ms() const override { return 1'000'000'000; }
};

/// "3.2k steps/s" or "0.25 steps/s".
std::string describe_rate(const ProgressState& state) {
  if (state.seconds <= 0 || state.done <= 0) return "";
  return fmt::format(", {} {}/s", human_count(static_cast<double>(state.done) / state.seconds), state.unit);
}

std::string describe_time(const ProgressState& state) {
  if (state.finished) return fmt::format(", {}", human_duration(state.seconds));
  if (state.total <= 0 || state.done <= 0) return fmt::format(", {} so far", human_duration(state.seconds));
  const double left = static_cast<double>(std::max<int64_t>(0, state.total - state.done));
  return fmt::format(", ETA {}", human_duration(state.seconds * left / static_cast<double>(state.done)));
}

std::string describe_count(const ProgressState& state) {
  const std::string done = human_count(static_cast<double>(state.done));
  if (state.total <= 0) return fmt::format("{} {}", done, state.unit);
  return fmt::format("{}/{} {}", done, human_count(static_cast<double>(state.total)), state.unit);
}

/// Cuts a line to so many code points, so that the terminal does not wrap it.
void cut_to_width(std::string& line, size_t width) {
  size_t seen = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if ((static_cast<unsigned char>(line[i]) & 0xC0) == 0x80) continue;
    if (seen++ == width) {
      line.resize(i);
      return;
    }
  }
}

class BarReporter : public Reporter {
 public:
  void report(const ProgressState& state) override {
    std::string line = state.label + " ";
    if (state.total > 0) {
      constexpr int kBarWidth = 24;
      const double share = std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
      const int filled = static_cast<int>(share * kBarWidth);
      for (int i = 0; i < kBarWidth; ++i) line += i < filled ? "\u2501" : "\u2500";
      line += fmt::format(" {:3.0f}% ", std::floor(share * 100));
    }
    line += describe_count(state) + describe_rate(state) + describe_time(state);
    if (!state.note.empty()) line += ", " + state.note;
    winsize window{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1;
    if (!state.finished) cut_to_width(line, known ? window.ws_col - 1u : 79u);
    const std::lock_guard lock(mutex_);
    fmt::print(stderr, "\r\x1b[K{}{}", line, state.finished ? "\n" : "");
    std::fflush(stderr);
  }

 private:
  std::mutex mutex_;
};

class LineReporter : public Reporter {
 public:
  void report(const ProgressState& state) override {
    std::string line = fmt::format("{}: {}", state.label, describe_count(state));
    if (state.total > 0 && !state.finished)
      line += fmt::format(" ({:.0f}%)",
                          std::floor(100.0 * static_cast<double>(state.done) / static_cast<double>(state.total)));
    line += describe_rate(state) + describe_time(state);
    if (!state.note.empty()) line += ", " + state.note;
    line += '\n';
    std::fputs(line.c_str(), stderr);
    std::fflush(stderr);
  }
  int interval_ms() const override { return 10'000; }
};

}  // namespace

Reporter& silent_reporter() {
  static SilentReporter reporter;
  return reporter;
}

Reporter& stderr_reporter(bool terminal) {
  static BarReporter bar;
  static LineReporter lines;
  if (terminal) return bar;
  return lines;
}

Progress::Progress(Reporter& reporter, std::string label, int64_t total, std::string unit)
    : reporter_(reporter), start_(std::chrono::steady_clock::now()), last_(start_) {
  state_.label = std::move(label);
  state_.unit = std::move(unit);
  state_.total = total;
}

Progress::~Progress() {
  try {
    finish();
  } catch (...) {  // a destructor cannot report that the report failed
  }
}

void Progress::add(int64_t count) {
  set(state_.done + count);
}

void Progress::set(int64_t done) {
  state_.done = done;
  tell(false);
}

void Progress::finish() {
  if (state_.finished) return;
  state_.finished = true;
  tell(true);
}

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Progress::tell(bool force) {
  if (state_.finished && !force) return;
  const auto now = std::chrono::steady_clock::now();
  if (!force && now - last_ < std::chrono::milliseconds(reporter_.interval_ms())) return;
  last_ = now;
  state_.seconds = std::chrono::duration<double>(now - start_).count();
  reporter_.report(state_);
}

std::string human_count(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "?" : value > 0 ? "inf" : "-inf";
  if (value < 0) return "-" + human_count(-value);
  static constexpr const char* kSuffixes[] = {"", "k", "M", "G", "T"};
  size_t power = 0;
  while (value >= 999.5 && power + 1 < std::size(kSuffixes)) {
    value /= 1000;
    ++power;
  }
  std::string text = fmt::format("{:.{}f}", value, value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text + kSuffixes[power];
}

std::string human_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds > 1e11) return "?";
  seconds = std::max(0.0, seconds);
  if (seconds < 9.95) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h {:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d {:02}h", whole / 86400, whole / 3600 % 24);
}

}  // namespace tessera
