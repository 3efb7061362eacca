#include "serve/service.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "http/json.h"
#include "serve/routes.h"

namespace tessera::serve {

namespace fs = std::filesystem;

namespace {

/// Keys as documents of the store.
class StoredKeys : public KeyStore {
 public:
  explicit StoredKeys(Store& store) : store_(store) {}
  void save(const KeyRecord& record) override {
    store_.commit(WriteBatch().put("keys", record.id, key_to_json(record).dump()));
  }
  void remove(const std::string& id) override { store_.commit(WriteBatch().erase("keys", id)); }

 private:
  Store& store_;
};

std::vector<KeyRecord> stored_keys(Store& store) {
  std::vector<KeyRecord> records;
  store.for_each("keys", [&](std::string_view, std::string_view value) {
    records.push_back(key_from_json(nlohmann::json::parse(value)));
  });
  return records;
}

/// "127.0.0.1:8420", "[::1]:8420"
std::pair<std::string, int> address_and_port(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  int port = -1;
  try {
    if (colon != std::string::npos) port = std::stoi(listen.substr(colon + 1));
  } catch (const std::exception&) {
    port = -1;
  }
  TESSERA_CHECK(colon != std::string::npos && colon > 0 && port >= 0 && port <= 65535, config,
                "listen is \"{}\", wanted ADDRESS:PORT, such as 127.0.0.1:8420", listen);
  std::string address = listen.substr(0, colon);
  if (address.front() == '[' && address.back() == ']') address = address.substr(1, address.size() - 2);
  return {address, port};
}

/// Where the text index of a store in a folder lies: beside it, as it follows this store's writes and can always be
/// made anew from them. Of a store elsewhere it is temporary.
fs::path text_folder(const std::string& state, const std::string& dataset_hash) {
  constexpr std::string_view kLocal = "rocksdb:";
  const std::string folder = state.starts_with(kLocal) ? state.substr(kLocal.size()) : state;
  if (state.starts_with("redis")) return {};
  return fs::path(fs::path(folder) / ".").parent_path().string() + "-text-" + dataset_hash.substr(0, 12);
}

Synonym synonym_from(const nlohmann::json& json) {
  Synonym synonym;
  synonym.root = json.value("root", "");
  synonym.words = json.at("synonyms").get<std::vector<std::string>>();
  return synonym;
}

}  // namespace

Service::Service(const std::string& run, RunContext context, ServeOptions options)
    : context_(std::move(context)), options_(std::move(options)) {
  const auto say = [this](const std::string& line) {
    if (context_.log) context_.log(line);
  };
  readiness_.set(ServerPhase::starting);
  address_and_port(options_.listen);
  const auto model = ServingModel::open(run, context_);
  say(fmt::format("serve: model {} ({}) over {} items", model->version(), model->method(), model->items()->size()));
  const fs::path folder = options_.state.empty() ? find_run(run, context_.runs) / "state" : fs::path();
  StoreOptions store_options;
  const MetricHistogram sync =
      metrics_.histogram("wal_fsync_duration_seconds", "time to make writes durable", Metrics::stage_seconds());
  store_options.on_sync = [sync](double seconds, uint64_t) { sync.observe(seconds); };
  const std::string state = options_.state.empty() ? folder.string() : options_.state;
  store_ = open_store(state, store_options);
  if (!options_.restore.empty()) {
    store_->restore(options_.restore);
    // The text index may have followed writes that are not in the snapshot, though it has others of the same numbers.
    if (const fs::path text = text_folder(state, model->dataset().content_hash); !text.empty()) fs::remove_all(text);
    say(fmt::format("serve: the store is that of the snapshot {}", options_.restore));
  }
  for (const std::string& warning : store_->facts().warnings) say("serve: " + warning);
  shelf_ = std::make_unique<Shelf>(model->dataset(), model->split().train_counts, *store_, options_.lexical,
                                   text_folder(state, model->dataset().content_hash));
  say(fmt::format("serve: {} items can be searched", shelf_->view()->num_live()));
  shelf_->activate(model);
  models_.activate(model);
  behaviour_ = std::make_unique<Behaviour>(*store_, options_.history);
  stages_ = std::make_unique<HistogramFamily>(stage_seconds(metrics_));
  batcher_ = std::make_unique<Batcher>(options_.batcher, metrics_, *stages_);
  workers_ =
      std::make_unique<Workers>(static_cast<int>(options_.workers), static_cast<size_t>(options_.max_waiting_requests));
  key_store_ = std::make_unique<StoredKeys>(*store_);
  keys_ = std::make_unique<KeyRing>(key_store_.get());
  keys_->load(stored_keys(*store_));
  tasks_ = std::make_unique<Tasks>();
  load_merchandising();
  add_metrics();
  log_ = std::make_unique<AccessLog>(options_.access_log.empty() ? nullptr : make_file_sink(options_.access_log),
                                     AccessLog::Options{.slow_ms = static_cast<int>(options_.slow_ms)});
  add_health_routes(router_, readiness_);
  add_problem_routes(router_);
  add_metrics_route(router_, metrics_, Scope::admin);
  add_answer_routes(*this);
  add_item_routes(*this);
  add_event_routes(*this);
  add_console_routes(*this);
  add_admin_routes(*this);
  add_model_routes(*this);
  add_gorse_routes(*this);
  add_typesense_routes(*this);
  readiness_.set(ServerPhase::warming);
  warm_up(*model);
  readiness_.set(ServerPhase::ready);
}

Service::~Service() {
  stop(std::chrono::milliseconds(0));
}

void Service::start() {
  const auto [address, port] = address_and_port(options_.listen);
  check_bind(address, !keys_->empty());
  gateway_ = std::make_unique<Gateway>(router_, *keys_, metrics_, *log_,
                                       GatewayOptions{.bind_address = address,
                                                      .cors_origins = options_.cors_origins,
                                                      .anonymous_rate_per_second = options_.anonymous_rate,
                                                      .anonymous_burst = options_.anonymous_rate});
  ServerOptions server;
  server.address = address;
  server.port = port;
  server.io_threads = static_cast<int>(options_.io_threads);
  server.max_in_flight = static_cast<int>(options_.max_in_flight);
  server_ = std::make_unique<HttpServer>(server, gateway_->handlers());
  add_server_metrics(metrics_, server_->counters());
  server_->start();
}

void Service::stop(std::chrono::milliseconds grace) {
  if (stopped_) return;
  stopped_ = true;
  readiness_.set(ServerPhase::stopping);
  if (server_) server_->stop(grace);
  if (tasks_) tasks_->stop();
  if (batcher_) batcher_->stop();
  if (workers_) workers_->stop();
  if (keys_) keys_->flush();
  if (log_) log_->flush();
}

int Service::port() const {
  return server_ ? server_->port() : 0;
}

std::string Service::address() const {
  const std::string host = address_and_port(options_.listen).first;
  return fmt::format("http://{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port());
}

AnswerParts Service::answer_parts() {
  return {models_, *shelf_, *behaviour_, *batcher_, *workers_, *stages_, [this] { return rules(); }, options_.fusion};
}

void Service::count(const Answer& answer) {
  if (answer.degraded != Degraded::no) degraded_->at({to_string(answer.degraded)}).add();
  if (!answer.personal) cold_->add();
  if (answer.degraded == Degraded::model_failed && context_.log)
    if (const std::string error = batcher_->take_error(); !error.empty())
      context_.log("serve: the model failed: " + error);
}

void Service::count(const Event& event) {
  events_->at({event.action}).add();
}

std::shared_ptr<const live::Rules> Service::rules() const {
  const std::lock_guard lock(merchandising_);
  return rules_;
}

void Service::put_rule(live::Rule rule) {
  const std::lock_guard lock(merchandising_);
  auto next = std::make_shared<live::Rules>(*rules_);
  const std::string id = rule.id, text = live::to_json(rule).dump();
  next->put(std::move(rule));
  store_->commit(WriteBatch().put("rules", id, text));
  rules_ = std::move(next);
}

bool Service::erase_rule(const std::string& id) {
  const std::lock_guard lock(merchandising_);
  auto next = std::make_shared<live::Rules>(*rules_);
  if (!next->erase(id)) return false;
  store_->commit(WriteBatch().erase("rules", id));
  rules_ = std::move(next);
  return true;
}

std::vector<std::pair<std::string, Synonym>> Service::synonyms() const {
  const std::lock_guard lock(merchandising_);
  return {synonyms_.begin(), synonyms_.end()};
}

void Service::put_synonym(const std::string& id, const Synonym& synonym) {
  const std::lock_guard lock(merchandising_);
  auto old = synonyms_;
  synonyms_[id] = synonym;
  try {
    publish_synonyms();  // refuses what cannot be
    nlohmann::json json = {{"synonyms", synonym.words}};
    if (!synonym.root.empty()) json["root"] = synonym.root;
    store_->commit(WriteBatch().put("synonyms", id, json.dump()));
  } catch (...) {
    synonyms_ = std::move(old);
    publish_synonyms();
    throw;
  }
}

bool Service::erase_synonym(const std::string& id) {
  const std::lock_guard lock(merchandising_);
  if (!synonyms_.contains(id)) return false;
  store_->commit(WriteBatch().erase("synonyms", id));
  synonyms_.erase(id);
  publish_synonyms();
  return true;
}

void Service::publish_synonyms() {
  std::vector<Synonym> all;
  for (const auto& [id, synonym] : synonyms_) all.push_back(synonym);
  shelf_->lexical().set_synonyms(std::move(all));
}

void Service::restore_snapshot(const std::string& name) {
  // Whoever changes what is kept in memory beside the store waits.
  const std::scoped_lock lock(activating_, changing_keys_, merchandising_);
  const std::vector<KeyRecord> keys = stored_keys(*store_);
  shelf_->restore(name, models_.active()->dataset().items);
  WriteBatch batch;
  for (const KeyRecord& key : stored_keys(*store_)) batch.erase("keys", key.id);
  for (const KeyRecord& key : keys) batch.put("keys", key.id, key_to_json(key).dump());
  if (!batch.empty()) store_->commit(batch);
  load_merchandising();
}

void Service::load_merchandising() {
  auto rules = std::make_shared<live::Rules>();
  store_->for_each("rules", [&](std::string_view, std::string_view value) {
    rules->put(live::rule_from_json(nlohmann::json::parse(value)));
  });
  rules_ = std::move(rules);
  synonyms_.clear();
  store_->for_each("synonyms", [&](std::string_view key, std::string_view value) {
    synonyms_[std::string(key)] = synonym_from(nlohmann::json::parse(value));
  });
  publish_synonyms();
}

void Service::warm_up(const ServingModel& model) const {
  const auto items = model.items();
  const Split& split = model.split();
  for (size_t i = 0; i < std::min<size_t>(8, split.test.size()); ++i) {
    Request request;
    request.history = split.history(split.test[i]);
    model.recommend({&request, 1}, *items);
  }
}

void Service::activate_model(const std::string& run) {
  const std::lock_guard lock(activating_);
  const auto model = ServingModel::open(run, context_);
  TESSERA_CHECK(model->dataset().content_hash == models_.active()->dataset().content_hash, data,
                "the run {} was trained on another dataset than the one served: start the service with it instead",
                run);
  warm_up(*model);
  answer_with_model(model);
}

void Service::rollback_model() {
  const std::lock_guard lock(activating_);
  const auto model = models_.previous();
  TESSERA_CHECK(model != nullptr, data, "there is no model before this one");
  answer_with_model(model);
}

void Service::answer_with_model(const std::shared_ptr<ServingModel>& model) {
  shelf_->activate(model);
  models_.activate(model);
  metrics_.info("model_info", "the model that answers", {{"version", model->version()}, {"method", model->method()}});
}

void Service::add_metrics() {
  degraded_ = std::make_unique<CounterFamily>(
      metrics_.counters("degraded_responses_total", "answers that are less than they could be",
                        {{"reason", {"small_beam", "queue_full", "deadline", "model_failed"}}}));
  events_ = std::make_unique<CounterFamily>(
      metrics_.counters("events_ingested_total", "events that were taken",
                        {{"action", {"impression", "search", "view", "click", "cart", "order", "rating"}}}));
  cold_ =
      std::make_unique<MetricCounter>(metrics_.counter("cold_requests_total", "answers in which the model had no say"));
  metrics_.gauge_from("items", "items that are not erased",
                      [this] { return static_cast<double>(shelf_->view()->num_live()); });
  metrics_.gauge_from("users", "users of the dataset",
                      [this] { return static_cast<double>(models_.active()->dataset().users.size()); });
  metrics_.gauge_from("events", "events in the store",
                      [this] { return static_cast<double>(behaviour_->num_events()); });
  metrics_.gauge_from("requests_waiting", "requests that wait for a worker",
                      [this] { return static_cast<double>(workers_->waiting()); });
  const auto model = models_.active();
  metrics_.info("model_info", "the model that answers", {{"version", model->version()}, {"method", model->method()}});
}

}  // namespace tessera::serve
