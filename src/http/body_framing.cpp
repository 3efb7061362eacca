#include "http/body_framing.h"

#include <algorithm>

namespace tessera {
namespace {

int chunk_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Control bytes (but tabs) have no place in chunk extensions and trailers.
bool has_control(std::string_view line) {
  return std::any_of(line.begin(), line.end(),
                     [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

/// "1A" or "1A;extension", without line end. @return false if it is not one, or 2^60 bytes and more
bool parse_chunk_size(std::string_view line, uint64_t& size) {
  size_t digits = 0;
  size = 0;
  while (digits < line.size() && chunk_digit(line[digits]) >= 0) {
    if (digits == 15) return false;
    size = size * 16 + static_cast<uint64_t>(chunk_digit(line[digits]));
    ++digits;
  }
  if (digits == 0 || has_control(line)) return false;
  std::string_view rest = line.substr(digits);
  while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t')) rest.remove_prefix(1);
  return rest.empty() || rest[0] == ';';
}

}  // namespace

BodyFraming BodyFraming::counted(uint64_t length) {
  BodyFraming framing;
  framing.phase_ = length > 0 ? Phase::counted : Phase::done;
  framing.left_ = length;
  return framing;
}

BodyFraming BodyFraming::chunked(size_t line_bytes) {
  BodyFraming framing;
  framing.phase_ = Phase::size_line;
  framing.line_bytes_ = line_bytes;
  return framing;
}

BodyFraming::Step BodyFraming::next_size_line(std::string_view bytes) {
  const size_t end = bytes.find('\n');
  if (end == std::string_view::npos) return {bytes.size() > line_bytes_ ? Result::bad : Result::more, 0, ""};
  if (end == 0 || end > line_bytes_ || bytes[end - 1] != '\r') return {Result::bad, 0, ""};
  if (!parse_chunk_size(bytes.substr(0, end - 1), left_)) return {Result::bad, 0, ""};
  phase_ = left_ > 0 ? Phase::data : Phase::trailers;
  return {Result::more, end + 1, ""};
}

BodyFraming::Step BodyFraming::next_trailer(std::string_view bytes) {
  const size_t end = bytes.find('\n');
  if (end == std::string_view::npos) {
    return {trailer_bytes_ + bytes.size() > line_bytes_ ? Result::bad : Result::more, 0, ""};
  }
  trailer_bytes_ += end + 1;
  if (end == 0 || bytes[end - 1] != '\r' || trailer_bytes_ > line_bytes_) return {Result::bad, 0, ""};
  if (end == 1) {
    phase_ = Phase::done;
    return {Result::done, 2, ""};
  }
  const std::string_view line = bytes.substr(0, end - 1);
  if (has_control(line) || line.find(':') == std::string_view::npos) return {Result::bad, 0, ""};
  return {Result::more, end + 1, ""};
}

BodyFraming::Step BodyFraming::next(std::string_view bytes) {
  if (phase_ == Phase::done) return {Result::done, 0, ""};
  if (bytes.empty()) return {Result::more, 0, ""};
  switch (phase_) {
    case Phase::counted:
    case Phase::data: {
      const size_t used = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
      left_ -= used;
      const bool last = left_ == 0 && phase_ == Phase::counted;
      if (left_ == 0) phase_ = last ? Phase::done : Phase::data_end;
      return {last ? Result::done : Result::more, used, bytes.substr(0, used)};
    }
    case Phase::data_end:
      if (bytes[0] != '\r' || (bytes.size() > 1 && bytes[1] != '\n')) return {Result::bad, 0, ""};
      if (bytes.size() == 1) return {Result::more, 0, ""};
      phase_ = Phase::size_line;
      return {Result::more, 2, ""};
    case Phase::size_line:
      return next_size_line(bytes);
    default:
      return next_trailer(bytes);
  }
}

}  // namespace tessera
