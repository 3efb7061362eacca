#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tessera {

/// Every reason an answer can fail for, in one table. The codes are part of the API: they never change.
enum class ProblemCode {
  malformed_request,
  malformed_json,
  duplicate_json_key,
  invalid_parameter,
  missing_parameter,
  unknown_parameter,
  invalid_request,
  unauthorized,
  forbidden,
  origin_not_allowed,
  not_found,
  route_not_found,
  method_not_allowed,
  request_timeout,
  conflict,
  body_too_large,
  uri_too_long,
  unsupported_encoding,
  unsupported_media_type,
  expectation_failed,
  unprocessable,
  rate_limited,
  headers_too_large,
  internal_error,
  not_implemented,
  overloaded,
  not_ready,
  stopping,
  deadline_exceeded,
};

struct ProblemInfo {
  ProblemCode code;
  const char* name;   ///< "rate_limited": `code` of the answer, and the end of `type`
  int status;         ///< HTTP status
  const char* title;  ///< a short sentence that does not depend on the request
  const char* help;   ///< what the caller can do, for the documentation
};

/// The table, in the order of the enumeration.
std::span<const ProblemInfo> problem_table();
const ProblemInfo& info_of(ProblemCode code);

/// One failure as the caller sees it.
struct Problem {
  ProblemCode code = ProblemCode::internal_error;
  std::string detail;               ///< this occurrence, for people; must hold no secret and no path of the machine
  std::string param;                ///< the parameter or field that is wrong, or ""
  int retry_after_s = 0;            ///< > 0: sent as Retry-After
  std::string private_detail = {};  ///< for the log alone

  int status() const { return info_of(code).status; }
  const char* name() const { return info_of(code).name; }
};

/// A problem thrown through code that answers requests.
class ProblemError : public Error {
 public:
  explicit ProblemError(Problem problem);
  const Problem& problem() const { return problem_; }

 private:
  Problem problem_;
};

/// The problem of a kind of error: config -> 400, data -> 422, overload -> 503, unsupported -> 501, others -> 500.
ProblemCode problem_code_of(ErrorKind kind);

/// What to tell the caller about an exception. Messages of kinds io, corrupt, shape and internal, and of exceptions
/// that are no tessera::Error, stay in `private_detail`: they may name files.
Problem problem_of(const std::exception& error);

/// application/problem+json (RFC 9457) with `type` "/problems/<code>" and the further members code, param, request_id
/// and message (= detail, for clients of Typesense). Any bytes are fine in the arguments: invalid UTF-8 is replaced,
/// long text is cut.
/// @param instance  the request's path
std::string render_problem(const Problem& problem, std::string_view instance, std::string_view request_id);

/// The whole table as a JSON array of {code, status, title, help}.
std::string problem_table_json();

}  // namespace tessera
