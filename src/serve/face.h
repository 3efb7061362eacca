#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "serve/answer.h"

namespace tessera::serve {

// What the compatibility faces share: how the calls of another product become questions of ours.

/// The question that an object of our own parameter names asks (docs/http-api.md). The embedded parameters must be in
/// it already: see narrow_by_key.
/// @param start  when the request came: the deadline counts from there
/// @throws ProblemError
Question face_question(const nlohmann::json& object, Question::Kind kind, Clock::time_point start, int64_t deadline_ms);

/// "`value`" for a filter. @throws ProblemError if it holds a back-tick, which cannot be written there
std::string filter_value(const std::string& value, const char* param);

/// The JSON objects of a body that is one object or a list of them. @throws ProblemError beyond `most`
std::vector<nlohmann::json> body_objects(const HttpRequest& request, size_t most);

}  // namespace tessera::serve
