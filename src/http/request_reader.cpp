#include "http/request_reader.h"

#include <boost/beast/http/basic_parser.hpp>
#include <cstring>
#include <random>

#include "http/body_framing.h"
#include "http/compression.h"
#include "http/crypto.h"
#include "http/url.h"

namespace tessera {

namespace beast_http = boost::beast::http;

/// Collects the head of a request. Bodies are skipped: the parser is complete at the empty line.
class HeadParser final : public beast_http::basic_parser<true> {
 public:
  using BeastError = boost::beast::error_code;
  using BeastText = boost::beast::string_view;

  HeadParser(HttpRequest& request, const RequestLimits& limits) : request_(request), limits_(limits) {
    header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    body_limit(boost::none);
    skip(true);
  }
  bool too_many_headers = false;
  int version = 11;

 private:
  void on_request_impl(beast_http::verb, BeastText method, BeastText target, int the_version,
                       BeastError& error) override {
    version = the_version;
    request_.method = to_std(method);
    request_.target = to_std(target);
    error = {};
  }
  void on_response_impl(int, BeastText, int, BeastError& error) override { error = {}; }
  void on_field_impl(beast_http::field, BeastText name, BeastText value, BeastError& error) override {
    error = {};
    if (request_.headers.all().size() >= limits_.num_headers) {
      too_many_headers = true;
      error = beast_http::error::header_limit;
      return;
    }
    request_.headers.add(to_std(name), to_std(value));
  }
  void on_header_impl(BeastError& error) override { error = {}; }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, BeastError& error) override { error = {}; }
  std::size_t on_body_impl(BeastText body, BeastError& error) override {
    error = {};
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, BeastText, BeastError& error) override { error = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, BeastText body, BeastError& error) override {
    error = {};
    return body.size();
  }
  void on_finish_impl(BeastError& error) override { error = {}; }
  static std::string to_std(BeastText text) { return std::string(text.data(), text.size()); }

  HttpRequest& request_;
  const RequestLimits& limits_;
};

namespace {

/// What Beast lets through and we do not. @return "" if all is well
std::string check_framing(const HttpRequest& request, bool http_1_0, bool is_chunked) {
  const HttpHeaders& headers = request.headers;
  if (headers.count("Host") > 1) return "There is more than one Host header.";
  if (!http_1_0 && !headers.has("Host")) return "HTTP/1.1 needs a Host header.";
  if (headers.count("Content-Length") > 1) return "There is more than one Content-Length header.";
  if (headers.has("Transfer-Encoding")) {
    if (http_1_0) return "HTTP/1.0 has no Transfer-Encoding.";
    if (headers.has("Content-Length")) return "Content-Length and Transfer-Encoding exclude each other.";
    if (!is_chunked || headers.count("Transfer-Encoding") > 1 ||
        !equal_ignoring_case(headers.get("Transfer-Encoding"), "chunked")) {
      return "The only Transfer-Encoding known is \"chunked\".";
    }
  }
  return "";
}

}  // namespace

struct RequestReader::Impl {
  explicit Impl(const RequestLimits& the_limits) : limits(the_limits), parser(request, limits) {}

  size_t feed_head(std::string_view bytes);
  size_t feed_body(std::string_view bytes);
  void check_head();
  void check_target();
  void fail(ProblemCode code, std::string detail) {
    state = State::failed;
    problem = {code, std::move(detail), "", 0};
  }
  /// Leading empty lines are allowed (RFC 9112, section 2.2).
  static size_t empty_lines(std::string_view bytes) {
    size_t used = 0;
    while (bytes.size() >= used + 2 && bytes[used] == '\r' && bytes[used + 1] == '\n') used += 2;
    return used;
  }

  RequestLimits limits;
  HttpRequest request;
  HeadParser parser;
  State state = State::head;
  Problem problem;
  BodyFraming framing = BodyFraming::counted(0);
  std::optional<BodyDecoder> decoder;
  bool announces_body = false, expects_continue = false, http_1_0 = false, started = false;
  bool wants_keep_alive = false;
  std::optional<uint64_t> content_length;
  size_t head_bytes = 0;
};

size_t RequestReader::Impl::feed_head(std::string_view bytes) {
  size_t used = 0;
  if (!started) {
    used = empty_lines(bytes);
    head_bytes += used;
    bytes.remove_prefix(used);
    if (head_bytes > limits.header_bytes) fail(ProblemCode::malformed_request, "The request begins with empty lines.");
    if (bytes.empty() || bytes == "\r" || state == State::failed) return used;
    started = true;
  }
  HeadParser::BeastError error;
  const size_t taken = parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  used += taken;
  head_bytes += taken;
  const bool too_long = head_bytes + (parser.is_header_done() ? 0 : bytes.size() - taken) > limits.header_bytes;
  if (error == beast_http::error::header_limit || (too_long && (!error || error == beast_http::error::need_more))) {
    const bool in_target = request.method.empty();
    fail(in_target ? ProblemCode::uri_too_long : ProblemCode::headers_too_large,
         in_target                 ? fmt::format("The request line is longer than {} bytes.", limits.header_bytes)
         : parser.too_many_headers ? fmt::format("There are more than {} header fields.", limits.num_headers)
                                   : fmt::format("The head is longer than {} bytes.", limits.header_bytes));
  } else if (error && error != beast_http::error::need_more) {
    fail(ProblemCode::malformed_request, fmt::format("The head cannot be read: {}.", error.message()));
  } else if (parser.is_header_done()) {
    check_head();
  }
  return used;
}

void RequestReader::Impl::check_head() {
  request.start = HttpRequest::Clock::now();
  http_1_0 = parser.version == 10;
  wants_keep_alive = parser.keep_alive();
  state = State::headed;
  const std::string_view id = request.headers.get("X-Request-ID");
  if (is_request_id(id)) request.request_id = id;
  const bool is_chunked = parser.chunked();
  const std::string bad = check_framing(request, http_1_0, is_chunked);
  if (!bad.empty()) return fail(ProblemCode::malformed_request, bad);
  check_target();
  if (state == State::failed) return;
  if (const auto length = parser.content_length()) content_length = *length;
  announces_body = is_chunked || content_length.value_or(0) > 0;
  framing = is_chunked ? BodyFraming::chunked(limits.header_bytes) : BodyFraming::counted(content_length.value_or(0));
  if (const std::string_view expect = request.headers.get("Expect"); !expect.empty() && !http_1_0) {
    if (!equal_ignoring_case(expect, "100-continue")) {
      return fail(ProblemCode::expectation_failed, "The only expectation known is \"100-continue\".");
    }
    expects_continue = announces_body;
  }
}

void RequestReader::Impl::check_target() {
  if (request.target.size() > limits.target_bytes) {
    return fail(ProblemCode::uri_too_long,
                fmt::format("The target has {} bytes, allowed are {}.", request.target.size(), limits.target_bytes));
  }
  const auto parts = split_target(request.target);
  if (!parts) return fail(ProblemCode::malformed_request, "The target must begin with \"/\" or \"http://host/\".");
  request.path = parts->path;
  const auto decoded = percent_decode(request.path);
  if (!decoded || !is_utf8(*decoded) || decoded->find('\0') != std::string::npos) {
    return fail(ProblemCode::malformed_request, "The path is not percent-encoded UTF-8, or holds a NUL.");
  }
  try {
    request.query = parse_query(parts->query);
  } catch (const ProblemError& error) {
    fail(error.problem().code, error.problem().detail);
  }
}

size_t RequestReader::Impl::feed_body(std::string_view bytes) {
  size_t used = 0;
  while (state == State::body) {
    const BodyFraming::Step step = framing.next(bytes.substr(used));
    used += step.used;
    if (!step.data.empty()) {
      const BodyDecoder::Result result = decoder->feed(step.data, request.body, limits.body_bytes);
      if (result == BodyDecoder::Result::too_large) {
        fail(ProblemCode::body_too_large, fmt::format("The body has more than {} bytes.", limits.body_bytes));
      } else if (result == BodyDecoder::Result::corrupt) {
        fail(ProblemCode::malformed_request, "The body does not follow its Content-Encoding.");
      }
    }
    if (state == State::failed) break;
    if (step.result == BodyFraming::Result::bad) {
      fail(ProblemCode::malformed_request, "The chunked body does not follow its format, or a line of it is too long.");
    } else if (step.result == BodyFraming::Result::done) {
      state = State::done;
      if (!decoder->finish()) fail(ProblemCode::malformed_request, "The compressed body is not complete.");
    } else if (step.used == 0) {
      break;
    }
  }
  return used;
}

RequestReader::RequestReader(const RequestLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

size_t RequestReader::feed(std::string_view bytes) {
  if (impl_->state == State::head) return impl_->feed_head(bytes);
  if (impl_->state == State::body) return impl_->feed_body(bytes);
  return 0;
}

RequestReader::State RequestReader::state() const {
  return impl_->state;
}
HttpRequest& RequestReader::request() {
  return impl_->request;
}

void RequestReader::accept_body(size_t body_bytes) {
  Impl& s = *impl_;
  TESSERA_CHECK(s.state == State::headed, internal, "accept_body is called before the head is read, or twice");
  s.limits.body_bytes = std::min(s.limits.body_bytes, body_bytes);
  if (!s.announces_body) {
    s.state = State::done;
    return;
  }
  const auto encoding = content_encoding_from(s.request.headers.get("Content-Encoding"));
  if (!encoding || s.request.headers.count("Content-Encoding") > 1) {
    return s.fail(ProblemCode::unsupported_encoding, "The Content-Encoding must be gzip, zstd or identity.");
  }
  if (s.content_length.value_or(0) > s.limits.body_bytes) {
    return s.fail(ProblemCode::body_too_large,
                  fmt::format("The body has {} bytes, allowed are {}.", *s.content_length, s.limits.body_bytes));
  }
  s.decoder.emplace(*encoding);
  s.state = State::body;
}

bool RequestReader::has_body() const {
  return impl_->announces_body;
}
std::optional<uint64_t> RequestReader::body_length() const {
  return impl_->content_length;
}
bool RequestReader::expects_continue() const {
  return impl_->expects_continue;
}
bool RequestReader::keep_alive() const {
  return impl_->wants_keep_alive;
}
bool RequestReader::is_http_1_0() const {
  return impl_->http_1_0;
}
const Problem& RequestReader::problem() const {
  return impl_->problem;
}

bool is_request_id(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != ':' && c != '-') return false;
  }
  return text.substr(0, 4) != "tsk_";
}

std::string make_request_id() {
  thread_local std::mt19937_64 generator = [] {
    const std::string seed = random_bytes(32);
    std::seed_seq sequence(seed.begin(), seed.end());
    return std::mt19937_64(sequence);
  }();
  std::string bytes(16, '\0');
  const uint64_t high = generator(), low = generator();
  std::memcpy(bytes.data(), &high, 8);
  std::memcpy(bytes.data() + 8, &low, 8);
  return to_hex(bytes);
}

}  // namespace tessera
