#include <nlohmann/json.hpp>

#include "live/project.h"
#include "serve/answer.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

Json explanation(const AnsweredHit& hit) {
  Json scores = {{"fused", hit.hit.score}};
  if (hit.parts.lexical_rank > 0)
    scores["text"] = {{"score", hit.parts.lexical_score}, {"rank", hit.parts.lexical_rank}};
  if (hit.parts.personal_rank > 0)
    scores["personal"] = {{"score", hit.parts.personal_score}, {"rank", hit.parts.personal_rank}};
  Json out = {{"scores", std::move(scores)}, {"pinned", hit.hit.pinned}};
  out["words"] = Json::array();
  for (const LexicalReason& reason : hit.words)
    out["words"].push_back({{"term", reason.term}, {"field", reason.field}, {"weight", reason.weight}});
  out["semantic_id"] = Json::array();
  for (const auto& [code, words] : hit.path) out["semantic_id"].push_back({{"code", code}, {"words", words}});
  out["because"] = Json::array();
  for (const Influence& influence : hit.because)
    out["because"].push_back({{"item", influence.item}, {"effect", influence.effect}});
  return out;
}

}  // namespace

Json to_json(const Answer& answer, const Question& question) {
  const live::Projection projection = live::Projection::parse(question.include_fields, question.exclude_fields);
  Json hits = Json::array();
  for (const AnsweredHit& hit : answer.hits) {
    Json one = {{"document", projection.project(answer.view->item(hit.hit.item))}, {"score", hit.hit.score}};
    one["highlights"] = Json::array();
    for (const Highlight& highlight : hit.highlights)
      one["highlights"].push_back(
          {{"field", highlight.field}, {"snippet", highlight.snippet}, {"matched_tokens", highlight.matched_tokens}});
    if (question.explain) one["explain"] = explanation(hit);
    hits.push_back(std::move(one));
  }
  Json out = {{"found", answer.found},
              {"out_of", answer.out_of},
              {"page", question.limit > 0 ? question.offset / question.limit + 1 : 1},
              {"search_time_ms", answer.milliseconds}};
  out["facet_counts"] = live::to_json(answer.facets);
  out["hits"] = std::move(hits);
  out["query_id"] = answer.query_id;
  out["model_version"] = answer.model_version;
  out["personalized"] = answer.personal;
  out["degraded"] = answer.degraded != Degraded::no;
  if (answer.degraded != Degraded::no) out["degraded_reason"] = to_string(answer.degraded);
  if (!answer.corrected_query.empty()) out["corrected_query"] = answer.corrected_query;
  if (!answer.dropped_words.empty()) out["dropped_words"] = answer.dropped_words;
  return out;
}

}  // namespace tessera::serve
