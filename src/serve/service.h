#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "http/access_log.h"
#include "http/gateway.h"
#include "http/health.h"
#include "http/keys.h"
#include "http/metrics.h"
#include "http/router.h"
#include "http/server.h"
#include "serve/answer.h"
#include "serve/clock.h"
#include "serve/options.h"
#include "serve/tasks.h"

namespace tessera::serve {

/// The service: a run behind HTTP, with everything that changes while it runs. Made in the order in which things depend
/// on each other; the listener opens last and closes first.
class Service {
 public:
  /// Opens the run and the store, brings what was written since over the dataset, and asks the model a few questions so
  /// that the first request finds it warm. No port is open yet.
  /// @param context  where runs live; its log gets a line for each step
  /// @throws Error
  Service(const std::string& run, RunContext context, ServeOptions options);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Binds and answers. @throws Error(config) for an address that others can reach while there is no key; Error(io)
  void start();
  /// Stops accepting, finishes what is in work within `grace`, closes the store. A second call does nothing.
  void stop(std::chrono::milliseconds grace);
  int port() const;
  std::string address() const;  ///< "http://127.0.0.1:8420"

  // What routes use. All of it is safe from any thread.
  const ServeOptions& options() const { return options_; }
  const RunContext& context() const { return context_; }
  Store& store() { return *store_; }
  ModelSlot& models() { return models_; }
  Shelf& shelf() { return *shelf_; }
  Behaviour& behaviour() { return *behaviour_; }
  Batcher& batcher() { return *batcher_; }
  Workers& workers() { return *workers_; }
  Metrics& metrics() { return metrics_; }
  KeyRing& keys() { return *keys_; }
  AccessLog& access_log() { return *log_; }
  Readiness& readiness() { return readiness_; }
  Tasks& tasks() { return *tasks_; }
  Router& router() { return router_; }
  AnswerParts answer_parts();
  /// Held while keys are changed.
  std::mutex& changing_keys() { return changing_keys_; }
  int64_t uptime_seconds() const {
    return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_).count();
  }
  /// Counts an answer in degraded_responses_total and the like.
  void count(const Answer& answer);
  /// Counts an event that was taken, in events_ingested_total.
  void count(const Event& event);

  std::shared_ptr<const live::Rules> rules() const;
  /// Durable first. @throws Error
  void put_rule(live::Rule rule);
  bool erase_rule(const std::string& id);
  std::vector<std::pair<std::string, Synonym>> synonyms() const;  ///< by id
  void put_synonym(const std::string& id, const Synonym& synonym);
  bool erase_synonym(const std::string& id);

  /// Loads another run beside the one that answers, gives it the live items, warms it, and swaps: no request fails.
  /// Requests of two callers go one after the other. @throws Error if it cannot be loaded; the old one goes on
  void activate_model(const std::string& run);
  /// Puts a snapshot in place of the present state while the service answers: items, histories, rules, synonyms, people
  /// and events are those of the snapshot. Keys stay as they are, so that nobody is locked out and nothing that was
  /// taken back works again. @throws Error if there is no such snapshot or it is damaged: nothing has changed then
  void restore_snapshot(const std::string& name);
  /// The model before, again. @throws Error(data) if there is none
  void rollback_model();

 private:
  void load_merchandising();
  void publish_synonyms();
  void warm_up(const ServingModel& model) const;
  void answer_with_model(const std::shared_ptr<ServingModel>& model);
  void add_metrics();

  RunContext context_;
  ServeOptions options_;
  Metrics metrics_;
  Readiness readiness_;
  std::unique_ptr<Store> store_;
  ModelSlot models_;
  std::unique_ptr<Shelf> shelf_;
  std::unique_ptr<Behaviour> behaviour_;
  std::unique_ptr<HistogramFamily> stages_;
  std::unique_ptr<CounterFamily> degraded_, events_;
  std::unique_ptr<MetricCounter> cold_;
  std::unique_ptr<Batcher> batcher_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<KeyStore> key_store_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<AccessLog> log_;
  std::unique_ptr<Tasks> tasks_;
  mutable std::mutex merchandising_;
  std::shared_ptr<const live::Rules> rules_;
  std::map<std::string, Synonym> synonyms_;
  std::mutex activating_, changing_keys_;
  const Clock::time_point started_ = Clock::now();
  Router router_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<HttpServer> server_;
  bool stopped_ = false;
};

}  // namespace tessera::serve
