#include "http/client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>

#include "http/compression.h"

namespace tessera {
namespace {

namespace client_http = boost::beast::http;
using ClientError = boost::system::error_code;

std::string lossless(boost::beast::string_view text) {
  return std::string(text.data(), text.size());
}

}  // namespace

struct HttpClient::Impl {
  explicit Impl(ClientOptions the_options) : options(std::move(the_options)) {}

  ClientOptions options;
  HttpHeaders headers;
  boost::asio::io_context context{1};
  std::optional<boost::beast::tcp_stream> stream;
  boost::beast::flat_buffer buffer;
  bool answer_begun = false;

  /// Runs one asynchronous operation to its end; its timeout is the stream's.
  template <class Start>
  ClientError run(Start&& start) {
    ClientError result;
    start([&result](ClientError error, auto&&...) { result = error; });
    context.restart();
    context.run();
    return result;
  }

  void connect();
  client_http::request<client_http::string_body> make(std::string_view method, std::string_view target,
                                                      std::string_view body, const HttpHeaders& own) const;
  ClientError exchange(client_http::request<client_http::string_body>& request, HttpResponse& response);
  HttpResponse decoded(HttpResponse response) const;
};

void HttpClient::Impl::connect() {
  boost::asio::ip::tcp::resolver resolver(context);
  ClientError error;
  const auto found = resolver.resolve(options.host, std::to_string(options.port), error);
  TESSERA_CHECK(!error, io, "{}: cannot be resolved: {}", options.host, error.message());
  stream.emplace(context);
  buffer.clear();
  stream->expires_after(std::chrono::milliseconds(options.connect_timeout_ms));
  error = run([&](auto done) { stream->async_connect(found, std::move(done)); });
  if (error) {
    stream.reset();
    fail(ErrorKind::io, "{} port {} cannot be reached: {}", options.host, options.port, error.message());
  }
  stream->socket().set_option(boost::asio::ip::tcp::no_delay(true), error);
}

client_http::request<client_http::string_body> HttpClient::Impl::make(std::string_view method, std::string_view target,
                                                                      std::string_view body,
                                                                      const HttpHeaders& own) const {
  client_http::request<client_http::string_body> request;
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.version(11);
  request.set(client_http::field::host, fmt::format("{}:{}", options.host, options.port));
  if (options.accept_gzip) request.set(client_http::field::accept_encoding, "gzip");
  if (!body.empty()) request.set(client_http::field::content_type, "application/json");
  for (const HttpHeaders* list : {&headers, &own}) {
    for (const NameValue& field : list->all()) request.set(field.name, field.value);
  }
  request.body() = body;
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") request.content_length(body.size());
  return request;
}

ClientError HttpClient::Impl::exchange(client_http::request<client_http::string_body>& request,
                                       HttpResponse& response) {
  answer_begun = false;
  stream->expires_after(std::chrono::milliseconds(options.timeout_ms));
  // The answer counts even when sending failed: a server may refuse a body and close.
  const ClientError written = run([&](auto done) { client_http::async_write(*stream, request, std::move(done)); });
  client_http::response_parser<client_http::string_body> parser;
  parser.body_limit(options.max_body_bytes);
  parser.header_limit(64 << 10);
  parser.skip(request.method() == client_http::verb::head);
  ClientError error = run([&](auto done) { client_http::async_read_header(*stream, buffer, parser, std::move(done)); });
  // Beast 1.74 forgets its own limit when head and body come together.
  const bool too_large = !error && parser.content_length().value_or(0) > options.max_body_bytes;
  if (too_large) error = client_http::error::body_limit;
  if (!error) error = run([&](auto done) { client_http::async_read(*stream, buffer, parser, std::move(done)); });
  answer_begun = parser.got_some();
  if (error) return answer_begun || !written ? error : written;
  const auto& message = parser.get();
  response.status = static_cast<int>(message.result_int());
  response.content_type = lossless(message[client_http::field::content_type]);
  for (const auto& field : message) response.headers.add(lossless(field.name_string()), lossless(field.value()));
  response.body = std::move(parser.get().body());
  if (!parser.keep_alive() || written) stream.reset();
  return {};
}

HttpResponse HttpClient::Impl::decoded(HttpResponse response) const {
  const auto encoding = content_encoding_from(response.headers.get("Content-Encoding"));
  if (!encoding || *encoding == ContentEncoding::identity || response.body.empty()) return response;
  BodyDecoder decoder(*encoding);
  std::string body;
  const auto result = decoder.feed(response.body, body, options.max_body_bytes);
  TESSERA_CHECK(result == BodyDecoder::Result::ok && decoder.finish(), corrupt,
                "{} port {}: the compressed answer cannot be decoded, or has more than {} bytes", options.host,
                options.port, options.max_body_bytes);
  response.body = std::move(body);
  return response;
}

HttpClient::HttpClient(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

void HttpClient::set_header(std::string name, std::string value) {
  impl_->headers.set(name, std::move(value));
}
void HttpClient::close() {
  impl_->stream.reset();
}

HttpResponse HttpClient::send(std::string_view method, std::string_view target, std::string_view body,
                              const HttpHeaders& headers) {
  Impl& impl = *impl_;
  auto request = impl.make(method, target, body, headers);
  const bool repeatable = method != "POST" && method != "PATCH";
  for (int attempt = 0;; ++attempt) {
    const bool kept = impl.stream.has_value();
    if (!kept) impl.connect();
    HttpResponse response;
    const ClientError error = impl.exchange(request, response);
    if (!error) return impl.decoded(std::move(response));
    impl.stream.reset();
    if (kept && attempt == 0 && repeatable && !impl.answer_begun) continue;
    const bool ours = error == boost::beast::error::timeout || error.category() == boost::system::system_category() ||
                      error == client_http::error::end_of_stream || error == client_http::error::partial_message;
    fail(ours ? ErrorKind::io : ErrorKind::corrupt, "{} port {}: {} {} failed: {}", impl.options.host,
         impl.options.port, method, target.substr(0, target.find('?')), error.message());
  }
}

UrlParts split_url(std::string_view url) {
  static constexpr std::string_view kScheme = "http://";
  TESSERA_CHECK(url.substr(0, kScheme.size()) == kScheme, config, "\"{}\" must begin with http://", url);
  std::string_view rest = url.substr(kScheme.size());
  UrlParts parts;
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  parts.target = slash == rest.size() ? "/" : std::string(rest.substr(slash));
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view digits = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parts.port);
    TESSERA_CHECK(error == std::errc() && end == digits.data() + digits.size() && parts.port > 0 && parts.port < 65536,
                  config, "\"{}\" has no usable port", url);
    authority = authority.substr(0, colon);
  }
  if (authority.size() > 2 && authority.front() == '[' && authority.back() == ']') {
    authority = authority.substr(1, authority.size() - 2);
  }
  TESSERA_CHECK(!authority.empty(), config, "\"{}\" names no host", url);
  parts.host = authority;
  return parts;
}

}  // namespace tessera
