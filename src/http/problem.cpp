#include "http/problem.h"

#include <array>
#include <nlohmann/json.hpp>

namespace tessera {
namespace {

using enum ProblemCode;

constexpr std::array<ProblemInfo, 29> kProblems{{
    {malformed_request, "malformed_request", 400, "The request is not valid HTTP",
     "Send HTTP/1.1 with one Host header, a valid percent-encoded target and one way of framing the body."},
    {malformed_json, "malformed_json", 400, "The body is not valid JSON",
     "The detail names the byte. Numbers must be finite, depth is limited, text is UTF-8."},
    {duplicate_json_key, "duplicate_json_key", 400, "An object has the same key twice", "Send every key once."},
    {invalid_parameter, "invalid_parameter", 400, "A parameter has a value that is not allowed",
     "`param` names it; the detail gives the value found and the values allowed."},
    {missing_parameter, "missing_parameter", 400, "A parameter is missing", "`param` names it."},
    {unknown_parameter, "unknown_parameter", 400, "There is no such parameter",
     "`param` names it; the detail gives the nearest name there is."},
    {invalid_request, "invalid_request", 400, "The request cannot be carried out as it is",
     "The detail says what to change."},
    {unauthorized, "unauthorized", 401, "A valid API key is needed",
     "Send `Authorization: Bearer KEY` or `X-API-Key: KEY`. The key may be unknown, expired or disabled."},
    {forbidden, "forbidden", 403, "The API key does not allow this", "Use a key with the scope that the detail names."},
    {origin_not_allowed, "origin_not_allowed", 403, "Requests from this origin are not allowed",
     "Add the origin to the allowed ones, or create an API key: without any key only local pages may call."},
    {not_found, "not_found", 404, "There is no such resource", "Check the id; encode a `/` inside it as %2F."},
    {route_not_found, "route_not_found", 404, "There is no such path", "The detail gives the nearest path there is."},
    {method_not_allowed, "method_not_allowed", 405, "The path does not take this method",
     "The header Allow lists them."},
    {request_timeout, "request_timeout", 408, "The request did not arrive in time", "Send it again, without pauses."},
    {conflict, "conflict", 409, "The resource is in another state than the request supposes",
     "Read it again, then decide."},
    {body_too_large, "body_too_large", 413, "The body is too large",
     "The limit counts the body after decompression. Split it."},
    {uri_too_long, "uri_too_long", 414, "The target is too long", "Use POST with a body."},
    {unsupported_encoding, "unsupported_encoding", 415, "The body's Content-Encoding is not supported",
     "Use gzip, zstd or identity, and one of them only."},
    {unsupported_media_type, "unsupported_media_type", 415, "The body's Content-Type is not supported",
     "The detail gives the types that are."},
    {expectation_failed, "expectation_failed", 417, "The expectation cannot be met", "Only `100-continue` is known."},
    {unprocessable, "unprocessable", 422, "The content cannot be used", "The detail says which part and why."},
    {rate_limited, "rate_limited", 429, "Too many requests", "Wait for the seconds in Retry-After."},
    {headers_too_large, "headers_too_large", 431, "The header fields are too large", "Send fewer or shorter ones."},
    {internal_error, "internal_error", 500, "The server failed",
     "Not the caller's fault. The server's log has the reason under the request id."},
    {not_implemented, "not_implemented", 501, "The server cannot do this", "The detail says what is missing."},
    {overloaded, "overloaded", 503, "The server has too much to do", "Wait for the seconds in Retry-After."},
    {not_ready, "not_ready", 503, "The server is not ready yet", "Wait until /readyz answers 200."},
    {stopping, "stopping", 503, "The server is stopping", "Ask another one."},
    {deadline_exceeded, "deadline_exceeded", 503, "The answer was not ready in time",
     "Ask for less, or again later: the seconds are in Retry-After."},
}};

constexpr bool in_order() {
  for (size_t i = 0; i < kProblems.size(); ++i) {
    if (static_cast<size_t>(kProblems[i].code) != i) return false;
  }
  return true;
}
static_assert(in_order(), "the table follows the enumeration");

struct KindRow {
  ErrorKind kind;
  ProblemCode code;
  bool message_is_public;
};
constexpr std::array<KindRow, 8> kKinds{{
    {ErrorKind::config, invalid_request, true},
    {ErrorKind::data, unprocessable, true},
    {ErrorKind::shape, internal_error, false},
    {ErrorKind::io, internal_error, false},
    {ErrorKind::corrupt, internal_error, false},
    {ErrorKind::unsupported, not_implemented, true},
    {ErrorKind::overload, overloaded, true},
    {ErrorKind::internal, internal_error, false},
}};

const KindRow& row_of(ErrorKind kind) {
  for (const KindRow& row : kKinds) {
    if (row.kind == kind) return row;
  }
  return kKinds.back();
}

ErrorKind kind_of_status(int status) {
  if (status == 503 || status == 429) return ErrorKind::overload;
  if (status == 501) return ErrorKind::unsupported;
  if (status == 422) return ErrorKind::data;
  return status < 500 ? ErrorKind::config : ErrorKind::internal;
}

std::string cut_text(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
  return std::string(text.substr(0, limit)) + "…";
}

}  // namespace

std::span<const ProblemInfo> problem_table() {
  return kProblems;
}

const ProblemInfo& info_of(ProblemCode code) {
  const size_t row = static_cast<size_t>(code);
  return kProblems[row < kProblems.size() ? row : static_cast<size_t>(internal_error)];
}

ProblemError::ProblemError(Problem problem)
    : Error(kind_of_status(problem.status()), problem.detail), problem_(std::move(problem)) {}

ProblemCode problem_code_of(ErrorKind kind) {
  return row_of(kind).code;
}

Problem problem_of(const std::exception& error) {
  if (const auto* problem = dynamic_cast<const ProblemError*>(&error)) return problem->problem();
  const auto* ours = dynamic_cast<const Error*>(&error);
  const KindRow& row = row_of(ours != nullptr ? ours->kind() : ErrorKind::internal);
  Problem problem{row.code, "", "", 0};
  if (row.message_is_public) {
    problem.detail = error.what();
  } else {
    problem.detail = "The server failed; its log has the reason under this request id.";
    problem.private_detail = error.what();
  }
  if (row.code == overloaded) problem.retry_after_s = 1;
  return problem;
}

std::string render_problem(const Problem& problem, std::string_view instance, std::string_view request_id) {
  const ProblemInfo& info = info_of(problem.code);
  nlohmann::ordered_json json;
  json["type"] = std::string("/problems/") + info.name;
  json["title"] = info.title;
  json["status"] = info.status;
  const std::string detail = cut_text(problem.detail.empty() ? info.title : problem.detail, 1000);
  json["detail"] = detail;
  if (!instance.empty()) json["instance"] = cut_text(instance, 300);
  json["code"] = info.name;
  if (!problem.param.empty()) json["param"] = cut_text(problem.param, 200);
  if (!request_id.empty()) json["request_id"] = cut_text(request_id, 200);
  json["message"] = detail;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string problem_table_json() {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const ProblemInfo& info : kProblems) {
    rows.push_back({{"code", info.name}, {"status", info.status}, {"title", info.title}, {"help", info.help}});
  }
  return rows.dump();
}

}  // namespace tessera
