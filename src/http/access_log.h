#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/exchange.h"

namespace tessera {

/// Where log lines go. Called from one thread at a time.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// @param lines  whole lines, each with its line end. @return false if they could not be written
  virtual bool write(std::string_view lines) = 0;
  /// Opens the file of this name anew, after log rotation has moved it away.
  virtual void reopen() {}
};

/// Appends to a file. @throws Error(io) naming the path if it cannot be opened
std::unique_ptr<LogSink> make_file_sink(const std::filesystem::path& path);
std::unique_ptr<LogSink> make_callback_sink(std::function<void(std::string_view lines)> write);

/// One JSON line a request: time, request_id, peer, method, target (secrets masked), route, status, code, key_id,
/// bytes_in, bytes_out, duration_ms, user_agent; `slow` and, for failures of ours, `error`. Lines are written by a
/// thread of its own; when it cannot keep up, lines are dropped and counted, requests never wait. Thread-safe.
class AccessLog {
 public:
  struct Options {
    size_t queue_lines = 8192;
    int slow_ms = -1;        ///< requests that take at least as long are slow; < 0: none is
    bool only_slow = false;  ///< log slow requests and status >= 500 alone
  };

  /// @param sink  owned; may be null, then nothing is logged
  AccessLog(std::unique_ptr<LogSink> sink, const Options& options);
  ~AccessLog();  ///< writes what is queued

  void write(const HttpExchange& exchange);

  /// May be changed while requests run.
  void set_slow_ms(int slow_ms);
  int slow_ms() const;
  void set_only_slow(bool only_slow);

  void reopen();            ///< before the next line; for SIGHUP
  void flush();             ///< waits until everything queued is written
  int64_t dropped() const;  ///< lines lost to a full queue or a sink that failed

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The line of one exchange, with line end.
std::string access_log_line(const HttpExchange& exchange, bool slow);

}  // namespace tessera
