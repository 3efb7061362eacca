#include "data/import/csv_reader.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/import/encoding.h"

namespace tessera {

namespace {

constexpr size_t kMaxRecord = 1 << 20;

char guess_separator(std::string_view line) {
  char best = ',';
  for (const char candidate : {';', '\t'}) {
    if (std::count(line.begin(), line.end(), candidate) > std::count(line.begin(), line.end(), best)) best = candidate;
  }
  return best;
}

/// Takes records apart; the fields are views into the record or into a buffer of its own.
class CsvSplitter {
 public:
  /// @return nullptr, or what is wrong with the record
  const char* split(std::string_view record, char separator) {
    fields_.clear();
    buffer_.clear();
    buffer_.reserve(record.size());  // views into the buffer must not move
    for (;;) {
      if (record.starts_with('"')) {
        if (!quoted_field(record)) return "a quote is not closed";
      } else {
        const size_t end = std::min(record.find(separator), record.size());
        if (record.substr(0, end).find('"') != std::string_view::npos)
          return "a quote stands inside of a field without quotes";
        fields_.push_back(record.substr(0, end));
        record.remove_prefix(end);
      }
      if (record.empty()) return nullptr;
      if (record[0] != separator) return "text follows a closing quote";
      record.remove_prefix(1);
    }
  }
  std::span<const std::string_view> fields() const { return fields_; }

 private:
  bool quoted_field(std::string_view& record) {
    const size_t begin = buffer_.size();
    record.remove_prefix(1);
    for (;;) {
      const size_t quote = record.find('"');
      if (quote == std::string_view::npos) return false;
      buffer_ += record.substr(0, quote);
      record.remove_prefix(quote + 1);
      if (!record.starts_with('"')) break;
      buffer_ += '"';
      record.remove_prefix(1);
    }
    fields_.push_back(std::string_view(buffer_).substr(begin));
    return true;
  }

  std::vector<std::string_view> fields_;
  std::string buffer_;
};

}  // namespace

void for_each_record(const std::filesystem::path& path, char separator,
                     const std::function<void(const CsvRecord&)>& record,
                     const std::function<void(int64_t, int64_t, const char*)>& malformed) {
  CsvSplitter splitter;
  std::string open;  // a record that goes on in the next line
  int64_t open_line = 0, last_line = 0;
  const auto deliver = [&](std::string_view text, int64_t line, int64_t num_lines) {
    const char* problem = is_utf8(text) ? splitter.split(text, separator) : "it is not UTF-8";
    if (problem != nullptr) {
      malformed(line, num_lines, problem);
    } else {
      record({splitter.fields(), line});
    }
  };
  for_each_line(path, [&](std::string_view text, int64_t line) {
    last_line = line;
    if (separator == 0) separator = guess_separator(text);
    const bool odd_quotes = std::count(text.begin(), text.end(), '"') % 2 == 1;
    if (open_line == 0) {
      if (text.empty()) return;
      if (!odd_quotes) return deliver(text, line, 1);
      open = text;
      open_line = line;
      return;
    }
    open += '\n';
    open += text;
    if (odd_quotes) {
      deliver(open, open_line, line - open_line + 1);
      open_line = 0;
    } else if (open.size() > kMaxRecord) {
      malformed(open_line, line - open_line + 1, "a quote is not closed within 1 MiB");
      open_line = 0;
    }
  });
  if (open_line != 0)
    malformed(open_line, last_line - open_line + 1, "a quote is not closed before the end of the file");
}

}  // namespace tessera
