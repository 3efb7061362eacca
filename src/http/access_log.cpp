#include "http/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "http/router.h"
#include "http/url.h"

namespace tessera {
namespace {

int open_log(const std::filesystem::path& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

class FileLogSink final : public LogSink {
 public:
  explicit FileLogSink(std::filesystem::path path) : path_(std::move(path)), file_(open_log(path_)) {
    TESSERA_CHECK(file_.get() >= 0, io, "{}: cannot be opened for the access log: {}", path_.string(),
                  std::strerror(errno));
  }
  bool write(std::string_view lines) override {
    while (!lines.empty()) {
      const ssize_t written = ::write(file_.get(), lines.data(), lines.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      lines.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  }
  void reopen() override {
    FileDescriptor fresh(open_log(path_));
    if (fresh.get() >= 0) file_ = std::move(fresh);  // else the old file goes on
  }

 private:
  std::filesystem::path path_;
  FileDescriptor file_;
};

class CallbackLogSink final : public LogSink {
 public:
  explicit CallbackLogSink(std::function<void(std::string_view)> write) : write_(std::move(write)) {}
  bool write(std::string_view lines) override {
    write_(lines);
    return true;
  }

 private:
  std::function<void(std::string_view)> write_;
};

void append_json_text(std::string& out, std::string_view text, size_t limit) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool valid = is_utf8(text);
  const bool cut = text.size() > limit;
  out += '"';
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && (!valid || cut))) {
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      out += c;
    }
  }
  out.append(cut ? "...\"" : "\"");
}

void append_field(std::string& line, std::string_view name, std::string_view value, size_t limit = 2048) {
  line.append(",\"").append(name).append("\":");
  append_json_text(line, value, limit);
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = static_cast<std::time_t>(millis / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, millis % 1000);
}

}  // namespace

std::unique_ptr<LogSink> make_file_sink(const std::filesystem::path& path) {
  return std::make_unique<FileLogSink>(path);
}
std::unique_ptr<LogSink> make_callback_sink(std::function<void(std::string_view lines)> write) {
  return std::make_unique<CallbackLogSink>(std::move(write));
}

std::string access_log_line(const HttpExchange& exchange, bool slow) {
  std::string line = fmt::format("{{\"time\":\"{}\"", utc_now());
  append_field(line, "request_id", exchange.request_id);
  append_field(line, "peer", exchange.peer);
  append_field(line, "method", mask_keys(exchange.method), 20);
  append_field(line, "target", mask_target(exchange.target));
  if (exchange.route != nullptr) append_field(line, "route", exchange.route->pattern);
  line += fmt::format(",\"status\":{}", exchange.status);
  if (exchange.problem[0] != '\0') append_field(line, "code", exchange.problem);
  if (!exchange.key_id.empty()) append_field(line, "key_id", exchange.key_id);
  line += fmt::format(",\"bytes_in\":{},\"bytes_out\":{},\"duration_ms\":{:.3f}", exchange.bytes_in, exchange.bytes_out,
                      exchange.seconds * 1e3);
  if (!exchange.user_agent.empty()) append_field(line, "user_agent", mask_keys(exchange.user_agent), 200);
  if (!exchange.private_detail.empty()) append_field(line, "error", mask_keys(exchange.private_detail), 1000);
  if (slow) line += ",\"slow\":true";
  if (exchange.broken) line += ",\"broken\":true";
  line += "}\n";
  return line;
}

struct AccessLog::Impl {
  std::unique_ptr<LogSink> sink;
  size_t queue_lines = 0;
  std::atomic<int> slow_ms{-1};
  std::atomic<bool> only_slow{false};
  std::atomic<int64_t> dropped{0};

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> queue;
  bool busy = false, reopen = false, stop = false;
  std::thread writer;

  void push(std::string line) {
    bool first = false;
    {
      const std::lock_guard lock(mutex);
      if (queue.size() >= queue_lines) {
        dropped.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      first = queue.empty();
      queue.push_back(std::move(line));
    }
    if (first) changed.notify_all();
  }

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return stop || reopen || !queue.empty(); });
      const bool opens = std::exchange(reopen, false);
      if (queue.empty() && !opens) return;
      std::vector<std::string> lines;
      lines.swap(queue);
      busy = true;
      lock.unlock();
      write_lines(lines, opens);
      lock.lock();
      busy = false;
      changed.notify_all();
    }
  }

  void write_lines(const std::vector<std::string>& lines, bool opens) {
    bool written = false;
    try {
      if (opens) sink->reopen();
      std::string text;
      for (const std::string& line : lines) text += line;
      written = text.empty() || sink->write(text);
    } catch (const std::exception&) {
      written = false;
    }
    if (!written) dropped.fetch_add(static_cast<int64_t>(lines.size()), std::memory_order_relaxed);
  }
};

AccessLog::AccessLog(std::unique_ptr<LogSink> sink, const Options& options) : impl_(std::make_unique<Impl>()) {
  impl_->sink = std::move(sink);
  impl_->queue_lines = options.queue_lines;
  impl_->slow_ms = options.slow_ms;
  impl_->only_slow = options.only_slow;
  if (impl_->sink != nullptr) impl_->writer = std::thread([impl = impl_.get()] { impl->run(); });
}

AccessLog::~AccessLog() {
  if (!impl_->writer.joinable()) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->changed.notify_all();
  impl_->writer.join();
}

void AccessLog::write(const HttpExchange& exchange) {
  if (impl_->sink == nullptr) return;
  const int slow_ms = impl_->slow_ms.load(std::memory_order_relaxed);
  const bool slow = slow_ms >= 0 && exchange.seconds * 1e3 >= slow_ms;
  if (impl_->only_slow.load(std::memory_order_relaxed) && !slow && exchange.status < 500) return;
  impl_->push(access_log_line(exchange, slow));
}

void AccessLog::set_slow_ms(int slow_ms) {
  impl_->slow_ms.store(slow_ms, std::memory_order_relaxed);
}
int AccessLog::slow_ms() const {
  return impl_->slow_ms.load(std::memory_order_relaxed);
}
void AccessLog::set_only_slow(bool only_slow) {
  impl_->only_slow.store(only_slow, std::memory_order_relaxed);
}
int64_t AccessLog::dropped() const {
  return impl_->dropped.load(std::memory_order_relaxed);
}

void AccessLog::reopen() {
  if (impl_->sink == nullptr) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->reopen = true;
  }
  impl_->changed.notify_all();
}

void AccessLog::flush() {
  if (impl_->sink == nullptr) return;
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [&] { return impl_->queue.empty() && !impl_->busy && !impl_->reopen; });
}

}  // namespace tessera
