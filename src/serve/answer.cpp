#include "serve/answer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <unordered_set>

#include "base/error.h"
#include "live/sort.h"

namespace tessera::serve {

namespace {

constexpr int64_t kTextHits = 1000;       ///< best matches of the text that are put in order
constexpr int64_t kPersonalHits = 100;    ///< best matches of the model that are
constexpr int64_t kPersonalDepth = 1000;  ///< places down to which the model is asked at all
constexpr size_t kOccluded = 20;          ///< newest events of a history that an explanation tries to leave out
constexpr size_t kReasons = 3;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// One question on its way. Held by whatever continues it.
class Job : public std::enable_shared_from_this<Job> {
 public:
  Job(const AnswerParts& parts, Question question, std::function<void(Answer, std::exception_ptr)> done)
      : parts_(parts), question_(std::move(question)), done_(std::move(done)) {}

  void start() {
    guarded([this] {
      prepare();
      match();
      if (!asks_model()) return finish();
      ask_model();
    });
  }

 private:
  template <class Step>
  void guarded(const Step& step) {
    try {
      step();
    } catch (...) {
      done_({}, std::current_exception());
    }
  }
  /// Goes on on a worker: the thread of the model has others to serve.
  void go_on(void (Job::*step)()) {
    parts_.workers.submit([self = shared_from_this(), step] { self->guarded([&] { (self.get()->*step)(); }); }, true);
  }
  template <class Step>
  auto timed(const char* stage, const Step& step) {
    const auto begin = Clock::now();
    struct Observe {
      HistogramFamily& seconds;
      const char* stage;
      Clock::time_point begin;
      ~Observe() { seconds.at({stage}).observe(std::chrono::duration<double>(Clock::now() - begin).count()); }
    } observe{parts_.stages, stage, begin};
    return step();
  }

  bool has_text() const {
    return question_.kind == Question::Kind::search && question_.q.find_first_not_of(" *") != std::string::npos;
  }
  int64_t wanted() const { return question_.offset + question_.limit; }

  void prepare() {
    model_ = parts_.models.active();
    answer_.view = parts_.shelf.view();
    answer_.query_id = new_query_id();
    answer_.model_version = model_->version();
    answer_.out_of = answer_.view->num_live();
    const live::CatalogueView& view = *answer_.view;
    if (question_.has_history) {
      for (const std::string& id : question_.history)
        if (const auto item = view.find_slot(id)) history_.push_back(*item);
    } else {
      history_ = parts_.behaviour.history_items(*model_, view, question_.user, question_.session,
                                                static_cast<size_t>(parts_.history_items));
    }
    for (const auto* list : {&question_.exclude_ids, &question_.hidden_ids})
      for (const std::string& id : *list)
        if (const auto item = view.find_slot(id)) excluded_.push_back(*item);
    if (question_.exclude_seen) excluded_.insert(excluded_.end(), history_.begin(), history_.end());
    // What a rule hides is out from the start, so that others take its places.
    rules_ = parts_.rules();
    active_ =
        rules_->active(question_.q, question_.kind == Question::Kind::search ? "search" : "recommend", seconds_now());
    for (const live::Rule* rule : active_)
      for (const std::string& id : rule->hides)
        if (const auto item = view.find_slot(id)) excluded_.push_back(*item);
    if (const auto number = model_->dataset().users.find(question_.user)) user_ = UserId{*number};
  }

  void match() {
    allowed_ =
        timed("filter", [&] { return parts_.shelf.sellable(*answer_.view, question_.filter_by, question_.deadline); });
    if (!has_text()) {
      matches_ = allowed_;
    } else {
      timed("lexical", [&] {
        LexicalQuery query;
        query.text = question_.q;
        query.limit = std::max(kTextHits, wanted());
        query.prefix = question_.prefix;
        query.num_typos = question_.num_typos;
        query.all_matches = true;
        query.explain = question_.explain;
        query.allowed_bits = allowed_->words();
        if (question_.deadline != Clock::time_point::max()) query.deadline = question_.deadline;
        lexical_ = parts_.shelf.lexical().search(query);
        answer_.corrected_query = lexical_.corrected_query;
        answer_.dropped_words = lexical_.dropped_words;
        matches_ = std::make_shared<live::ItemSet>(live::ItemSet::of(lexical_.matches, answer_.view->size()));
      });
    }
    if (!excluded_.empty()) {
      auto rest = std::make_shared<live::ItemSet>(*matches_);
      for (const ItemId item : excluded_) rest->remove(item);
      found_ = rest->count();
      if (has_text()) std::erase_if(lexical_.hits, [&](const LexicalHit& hit) { return !rest->contains(hit.item); });
      remaining_ = rest;
    } else {
      remaining_ = matches_;
      found_ = matches_->count();
    }
  }

  bool asks_model() const {
    const bool nobody = history_.empty() && has_text();
    return found_ > 0 && question_.limit > 0 && question_.personalize > 0 && !nobody && wanted() <= kPersonalDepth;
  }

  Generation generation(std::vector<ItemId> history, int64_t k) {
    Generation generation;
    generation.model = model_;
    generation.items = items_;
    generation.history = std::move(history);
    generation.user = user_;
    generation.k = k;
    generation.deadline = question_.deadline;
    return generation;
  }

  void ask_model() {
    items_ = model_->items();
    const int64_t k = std::min(found_, has_text() ? kPersonalHits : std::max(wanted(), int64_t{1}));
    Generation asked = generation(history_, k);
    asked.exclude = excluded_;
    asked.filter = timed("filter", [&]() -> std::shared_ptr<const ItemFilter> {
      if (!has_text()) return parts_.shelf.filter_for(items_, matches_);
      return std::make_shared<const ItemFilter>(ItemFilter::from_bits(items_->trie, matches_->words()));
    });
    asked.done = [self = shared_from_this()](Results results, Degraded degraded) {
      self->personal_ = std::move(results);
      self->answer_.degraded = degraded;
      self->go_on(&Job::finish);
    };
    parts_.batcher.submit(std::move(asked));
  }

  void finish() {
    timed("rank", [&] { rank(); });
    if (!question_.facet_by.empty()) timed("facets", [&] { count_facets(); });
    timed("hydrate", [&] { mark(); });
    if (question_.explain && !answer_.hits.empty()) return explain();
    end();
  }

  void rank() {
    answer_.personal = !personal_.items.empty();
    std::vector<FusedHit> fused =
        has_text() ? fuse(lexical_.hits, personal_, question_.personalize, parts_.fusion) : fuse_without_text();
    std::vector<live::Hit> hits;
    hits.reserve(fused.size());
    for (const FusedHit& hit : fused) hits.push_back({hit.item, hit.score});
    const auto keys = live::parse_sort_by(question_.sort_by);
    if (!keys.empty()) {
      if (static_cast<int64_t>(hits.size()) < found_) {  // an order of its own is an order of all
        std::unordered_set<int32_t> present;
        for (const live::Hit& hit : hits) present.insert(index(hit.item));
        remaining_->for_each([&](ItemId item) {
          if (!present.contains(index(item))) hits.push_back({item, 0});
        });
      }
      live::sort_hits(hits, keys, *answer_.view);
    }
    apply_rules(hits, keys.empty());
    answer_.found = std::max(found_, static_cast<int64_t>(hits.size()));
    for (int64_t i = question_.offset; i < std::min<int64_t>(wanted(), static_cast<int64_t>(hits.size())); ++i) {
      AnsweredHit hit;
      hit.hit = hits[i];
      const auto part =
          std::find_if(fused.begin(), fused.end(), [&](const FusedHit& f) { return f.item == hits[i].item; });
      if (part != fused.end()) hit.parts = *part;
      answer_.hits.push_back(std::move(hit));
    }
  }

  /// The model's order; behind it, or where it has none, what most people take.
  std::vector<FusedHit> fuse_without_text() {
    std::vector<FusedHit> fused;
    std::unordered_set<int32_t> present;
    for (size_t i = 0; i < personal_.items.size(); ++i) {
      const auto score = static_cast<double>(personal_.scores[i]);
      present.insert(index(personal_.items[i]));
      fused.push_back({personal_.items[i], score, 0, score, 0, static_cast<int64_t>(i) + 1});
    }
    double score = fused.empty() ? 0 : fused.back().score;
    for (const ItemId item : *parts_.shelf.popular()) {
      if (static_cast<int64_t>(fused.size()) >= std::min(found_, wanted())) break;
      if (!remaining_->contains(item) || present.contains(index(item))) continue;
      score = std::nextafter(score - 1e-3, -1e300);
      fused.push_back({item, score});
    }
    return fused;
  }

  void apply_rules(std::vector<live::Hit>& hits, bool reorder) {
    std::vector<const live::Rule*> active = active_;
    live::Rule own;  // what the request itself pins
    own.id = "request";
    own.pins = question_.pins;
    if (!own.pins.empty()) active.insert(active.begin(), &own);
    if (active.empty()) return;
    live::ItemSet may_be_pinned = *allowed_;
    for (const ItemId item : excluded_) may_be_pinned.remove(item);
    live::apply_rules(active, hits, *answer_.view,
                      {.reorder = reorder, .allowed = &may_be_pinned, .cache = &parts_.shelf.filters()});
  }

  void count_facets() {
    const auto fields = live::parse_facet_by(question_.facet_by);
    const live::Filter filter = live::Filter::parse(question_.filter_by);
    live::FacetOptions options;
    options.max_values = question_.max_facet_values;
    options.query = question_.facet_query;
    options.disjunctive = question_.disjunctive_facets;
    // Disjunctive counts want what matches without the filter.
    std::shared_ptr<const live::ItemSet> unfiltered = matches_;
    if (options.disjunctive && !filter.accepts_all()) {
      const auto sellable = parts_.shelf.sellable(*answer_.view, "", question_.deadline);
      unfiltered = sellable;
      if (has_text()) {
        LexicalQuery query;
        query.text = question_.q;
        query.limit = 0;
        query.prefix = question_.prefix;
        query.num_typos = question_.num_typos;
        query.all_matches = true;
        query.allowed_bits = sellable->words();
        unfiltered = std::make_shared<live::ItemSet>(
            live::ItemSet::of(parts_.shelf.lexical().search(query).matches, answer_.view->size()));
      }
    }
    answer_.facets = live::count_facets(*answer_.view, fields, *unfiltered, filter, options, &parts_.shelf.filters());
  }

  void mark() {
    if (!has_text()) return;
    Highlighter highlighter(parts_.shelf.lexical().options());
    HighlightOptions options;
    options.pre = question_.highlight_pre;
    options.post = question_.highlight_post;
    for (AnsweredHit& hit : answer_.hits) {
      hit.highlights = highlighter.highlight(answer_.view->item(hit.hit.item), lexical_.terms, options);
      if (!question_.explain) continue;
      for (const LexicalHit& found : lexical_.hits)
        if (found.item == hit.hit.item) hit.words = found.why;
    }
  }

  /// Asks again with one event of the history left out each time, for the items of the page alone: what falls, fell by
  /// it.
  void explain() {
    if (items_ == nullptr) items_ = model_->items();
    explain_paths();
    occluded_.assign(history_.begin() + static_cast<int64_t>(history_.size() - std::min(history_.size(), kOccluded)),
                     history_.end());
    std::sort(occluded_.begin(), occluded_.end());
    occluded_.erase(std::unique(occluded_.begin(), occluded_.end()), occluded_.end());
    if (occluded_.empty() || personal_.items.empty() || answer_.degraded != Degraded::no) return end();
    live::ItemSet page(std::max(answer_.view->size(), items_->size()));
    for (const AnsweredHit& hit : answer_.hits)
      if (index(hit.hit.item) < items_->size()) page.add(hit.hit.item);
    const auto filter = std::make_shared<const ItemFilter>(ItemFilter::from_bits(items_->trie, page.words()));
    without_.resize(occluded_.size() + 1);
    waiting_for_ = without_.size();
    for (size_t i = 0; i < without_.size(); ++i) {
      std::vector<ItemId> history = history_;
      if (i > 0) std::erase(history, occluded_[i - 1]);
      Generation asked = generation(std::move(history), static_cast<int64_t>(answer_.hits.size()));
      asked.filter = filter;
      asked.done = [self = shared_from_this(), i](Results results, Degraded) {
        self->without_[i] = std::move(results);
        if (--self->waiting_for_ == 0) self->go_on(&Job::explain_events);
      };
      parts_.batcher.submit(std::move(asked));
    }
  }

  void explain_paths() {
    if (!model_->takes_new_items()) return;
    for (AnsweredHit& hit : answer_.hits) {
      if (index(hit.hit.item) >= items_->size()) continue;
      const int32_t position = items_->trie.position_of(hit.hit.item);
      for (int64_t depth = 1; depth <= items_->trie.levels(); ++depth) {
        const auto firsts = items_->trie.firsts(depth);
        const auto node =
            static_cast<int32_t>(std::upper_bound(firsts.begin(), firsts.end() - 1, position) - firsts.begin()) - 1;
        std::string words;
        for (const std::string& word : model_->node_words(*items_, depth, node))
          words += (words.empty() ? "" : ", ") + word;
        hit.path.emplace_back(items_->trie.token(depth, node), std::move(words));
      }
    }
  }

  void explain_events() {
    const auto score_in = [](const Results& results, ItemId item) -> std::optional<double> {
      for (size_t i = 0; i < results.items.size(); ++i)
        if (results.items[i] == item) return static_cast<double>(results.scores[i]);
      return std::nullopt;
    };
    for (AnsweredHit& hit : answer_.hits) {
      const auto whole = score_in(without_[0], hit.hit.item);
      if (!whole) continue;
      for (size_t i = 0; i < occluded_.size(); ++i)
        if (const auto less = score_in(without_[i + 1], hit.hit.item); less && *whole > *less)
          hit.because.push_back({answer_.view->item(occluded_[i]).id, *whole - *less});
      std::sort(hit.because.begin(), hit.because.end(),
                [](const Influence& a, const Influence& b) { return a.effect > b.effect; });
      if (hit.because.size() > kReasons) hit.because.resize(kReasons);
    }
    end();
  }

  void end() {
    answer_.milliseconds = milliseconds_since(start_);
    done_(std::move(answer_), nullptr);
  }

  AnswerParts parts_;
  Question question_;
  std::function<void(Answer, std::exception_ptr)> done_;
  Clock::time_point start_ = Clock::now();

  Answer answer_;
  std::shared_ptr<const ServingModel> model_;
  std::shared_ptr<const ModelItems> items_;
  UserId user_{-1};
  std::vector<ItemId> history_, excluded_, occluded_;
  std::shared_ptr<const live::ItemSet> allowed_;    ///< sellable, and accepted by the filter
  std::shared_ptr<const live::ItemSet> matches_;    ///< of these, what the text matches
  std::shared_ptr<const live::ItemSet> remaining_;  ///< of these, what is not excluded
  int64_t found_ = 0;
  std::shared_ptr<const live::Rules> rules_;  ///< keeps active_
  std::vector<const live::Rule*> active_;
  LexicalResult lexical_;
  Results personal_;
  std::vector<Results> without_;
  std::atomic<size_t> waiting_for_{0};
};

}  // namespace

void answer_question(const AnswerParts& parts, Question question,
                     std::function<void(Answer, std::exception_ptr)> done) {
  std::make_shared<Job>(parts, std::move(question), std::move(done))->start();
}

std::string new_query_id() {
  static std::atomic<uint64_t> counter{
      static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count())};
  uint64_t z = counter.fetch_add(0x9E3779B97F4A7C15ULL);  // splitmix64: every counter gives another id
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return fmt::format("{:016x}", z ^ (z >> 31));
}

}  // namespace tessera::serve
