#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tessera {

/// One state of a long piece of work, as a listener sees it.
struct ProgressState {
  std::string label;  ///< "train tiger"
  std::string unit;   ///< "steps"
  int64_t done = 0;
  int64_t total = 0;   ///< 0: unknown
  double seconds = 0;  ///< since the start
  std::string note;    ///< "loss 3.21", free text
  bool finished = false;
};

/// Receives progress. The library never prints: the program decides what a report looks like.
class Reporter {
 public:
  virtual ~Reporter() = default;
  /// Called from the thread that does the work, at most every `interval_ms` for each Progress, and once at its end.
  virtual void report(const ProgressState& state) = 0;
  virtual int interval_ms() const { return 100; }
};

/// A reporter that says nothing.
Reporter& silent_reporter();

/// A bar on a terminal (stderr), else one line each ten seconds; rate and ETA in both.
/// @param terminal  whether stderr is a terminal
Reporter& stderr_reporter(bool terminal);

/// Counts one piece of work and tells the reporter. Finishes on destruction. Not thread-safe.
class Progress {
 public:
  Progress(Reporter& reporter, std::string label, int64_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(int64_t count = 1);
  void set(int64_t done);
  void note(std::string text) { state_.note = std::move(text); }
  void finish();
  double seconds() const;

 private:
  void tell(bool force);

  Reporter& reporter_;
  ProgressState state_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_{};
};

/// "3.2k", "1.25M": a count for people.
std::string human_count(double value);
/// "4m 12s", "1h 03m": a duration for people.
std::string human_duration(double seconds);

}  // namespace tessera
