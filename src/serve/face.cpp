#include "serve/face.h"

#include <nlohmann/json.hpp>

#include "http/json.h"
#include "serve/routes.h"

namespace tessera::serve {

Question face_question(const nlohmann::json& object, Question::Kind kind, Clock::time_point start,
                       int64_t deadline_ms) {
  HttpRequest request;
  request.method = "POST";
  request.start = start;
  request.body = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  Question question = question_from(request, kind, deadline_ms);
  question.disjunctive_facets = false;  // clients of the faces ask once for each facet themselves
  return question;
}

std::string filter_value(const std::string& value, const char* param) {
  if (value.empty() || value.size() > 512 || value.find('`') != std::string::npos)
    throw ProblemError(
        {ProblemCode::invalid_parameter,
         "a value to filter by has 1 to 512 bytes and no back-tick; found \"" + value.substr(0, 60) + "\"", param});
  return "`" + value + "`";
}

std::vector<nlohmann::json> body_objects(const HttpRequest& request, size_t most) {
  nlohmann::json body = parse_json(request.body);
  std::vector<nlohmann::json> objects;
  if (body.is_array()) {
    if (body.size() > most)
      throw ProblemError(
          {ProblemCode::body_too_large, fmt::format("more than {} at once: send them in parts", most), ""});
    for (auto& one : body) objects.push_back(std::move(one));
  } else {
    objects.push_back(std::move(body));
  }
  for (size_t i = 0; i < objects.size(); ++i)
    if (!objects[i].is_object())
      throw ProblemError({ProblemCode::unprocessable, fmt::format("element {} of the body is no JSON object", i + 1),
                          fmt::format("[{}]", i)});
  return objects;
}

}  // namespace tessera::serve
