#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "http/metrics.h"
#include "lexical/highlight.h"
#include "live/facets.h"
#include "live/hit.h"
#include "live/rules.h"
#include "serve/batcher.h"
#include "serve/behaviour.h"
#include "serve/fusion.h"
#include "serve/shelf.h"
#include "serve/workers.h"

namespace tessera::serve {

/// A search or a recommendation, as the routes read it from a request. Checked as far as types and ranges go.
struct Question {
  enum class Kind { search, recommend };
  Kind kind = Kind::search;
  std::string q;                     ///< search; "" or "*": every item
  std::string user, session;         ///< who asks; both "": nobody known
  std::vector<std::string> history;  ///< item ids, oldest first, in place of what is known of the user
  bool has_history = false;
  std::string filter_by, facet_by, facet_query, sort_by, include_fields, exclude_fields, scene;
  std::vector<std::string> exclude_ids, hidden_ids;
  std::vector<live::Rule::Pin> pins;
  int64_t offset = 0, limit = 10;
  int64_t max_facet_values = 10;
  int64_t num_typos = 2;
  bool prefix = true;
  bool exclude_seen = false;  ///< items of the history are not answered
  double personalize = 1.0;   ///< 0: the same for everybody
  bool explain = false;
  bool disjunctive_facets = true;
  std::string highlight_pre = "<mark>", highlight_post = "</mark>";
  Clock::time_point deadline = Clock::time_point::max();
};

/// A part of an explanation: an event of the history, and by how much the score falls without it (in nats).
struct Influence {
  std::string item;
  double effect;
};

struct AnsweredHit {
  live::Hit hit;
  FusedHit parts;
  std::vector<Highlight> highlights;
  std::vector<LexicalReason> words;                   ///< explain: each word's part of the text's score
  std::vector<Influence> because;                     ///< explain: the events that raised the score most, at most three
  std::vector<std::pair<int32_t, std::string>> path;  ///< explain: each code, and the words that mark it
};

struct Answer {
  int64_t found = 0, out_of = 0;
  std::vector<AnsweredHit> hits;  ///< the page that was asked for
  std::vector<live::FacetCounts> facets;
  std::string corrected_query;
  std::vector<std::string> dropped_words;
  Degraded degraded = Degraded::no;
  bool personal = false;  ///< the model had a say
  std::string query_id, model_version;
  double milliseconds = 0;
  std::shared_ptr<const live::CatalogueView> view;  ///< what the items of the hits are read from
};

/// What answering needs; all borrowed, all safe to use from many threads.
struct AnswerParts {
  ModelSlot& models;
  Shelf& shelf;
  Behaviour& behaviour;
  Batcher& batcher;
  Workers& workers;
  HistogramFamily stages;  ///< stage_duration_seconds
  std::function<std::shared_ptr<const live::Rules>()> rules;
  FusionOptions fusion;
  int64_t history_items = 50;  ///< of a person that the model may see
};

/// Answers a question: text search over what may be sold, the model's ranking of the matches for this person, both put
/// together, rules, order, page, facets, highlights, explanation. Runs on the calling thread until the model is asked,
/// and goes on on a worker. `done` is called once, with the answer or the exception.
void answer_question(const AnswerParts& parts, Question question, std::function<void(Answer, std::exception_ptr)> done);

/// The answer in the names of docs/http-api.md.
nlohmann::ordered_json to_json(const Answer& answer, const Question& question);

/// A fresh id for an answer: 16 hex digits.
std::string new_query_id();

}  // namespace tessera::serve
