#pragma once

#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "data/simulate/simulate.h"
#include "http/client.h"
#include "pipeline/stage.h"
#include "serve/service.h"

namespace tessera::test {

using Json = nlohmann::json;

/// Two trained runs over a small simulated shop, `tiger` and `tiger2`. They are kept beside the program between tests:
/// every test is a process of its own, and training for each would take longer than all of them.
class TinyRuns {
 public:
  static const TinyRuns& get() {
    static const TinyRuns runs;
    return runs;
  }
  RunContext context() const {
    RunContext context;
    context.runs = folder_ / "runs";
    return context;
  }

 private:
  TinyRuns() : folder_(std::filesystem::path(TESSERA_PROGRAM).parent_path() / "serve-test") {
    std::filesystem::create_directories(folder_);
    const FileLock lock(folder_ / "lock", FileLock::Wait::yes, "the runs of the tests");
    if (!std::filesystem::exists(folder_ / "shop" / "dataset.json")) {
      SimulateOptions options;
      options.items = 200;
      options.users = 120;
      options.days = 20;
      options.sessions_per_user = 6;
      options.pictures = false;
      options.ceiling_users = 0;
      SimulatedShop shop = simulate_shop(options, silent_reporter());
      save_shop(shop, folder_ / "shop");
    }
    for (const char* name : {"tiger", "tiger2"}) {
      Recipe recipe = parse_recipe(kRecipe, std::string(name) + ".toml");
      apply_set(recipe, "data=" + (folder_ / "shop").string());
      apply_set(recipe, std::string("name=") + name);
      apply_set(recipe, name == std::string("tiger") ? "seed=42" : "seed=43");
      resolve_recipe(recipe);
      tessera::Run(recipe, context()).up_to(Stage::train);
    }
  }

  static constexpr const char* kRecipe = R"toml(
[embed]
name = "text-svd"
dim = 8
max_df = 1.0
[tokenize]
name = "rq-kmeans"
levels = 2
codebook_size = [8]
[retrieve]
name = "tiger"
model_dim = 16
heads = 2
head_dim = 8
ff_dim = 32
encoder_layers = 1
decoder_layers = 1
max_steps = 60
beam = 20
[evaluate]
resamples = 50
)toml";
  std::filesystem::path folder_;
};

/// What came back.
struct Answered {
  int status = 0;
  Json body;
  HttpResponse raw;

  /// The ids of the hits.
  std::vector<std::string> ids() const {
    std::vector<std::string> ids;
    if (body.contains("hits"))
      for (const Json& hit : body["hits"]) ids.push_back(hit["document"]["id"]);
    return ids;
  }
  bool has(const std::string& id) const {
    const auto all = ids();
    return std::find(all.begin(), all.end(), id) != all.end();
  }
};

/// One caller, for one thread.
class Caller {
 public:
  explicit Caller(int port, std::string key = "") : client_(ClientOptions{.port = port}) {
    if (!key.empty()) client_.set_header("X-API-Key", std::move(key));
  }
  Answered ask(const std::string& method, const std::string& target, const std::string& body = "",
               const char* type = "application/json") {
    HttpHeaders headers;
    if (!body.empty()) headers.add("Content-Type", type);
    HttpResponse response = client_.send(method, target, body, headers);
    Answered answered{response.status, Json::parse(response.body, nullptr, false), {}};
    answered.raw = std::move(response);
    return answered;
  }
  Answered get(const std::string& target) { return ask("GET", target); }
  Answered post(const std::string& target, const Json& body) { return ask("POST", target, body.dump()); }
  Answered put(const std::string& target, const Json& body) { return ask("PUT", target, body.dump()); }

 private:
  HttpClient client_;
};

/// A service over a tiny run, on a free port, with a state of its own.
class Served {
 public:
  using ServeOptions = serve::ServeOptions;
  explicit Served(std::function<void(ServeOptions&)> change = {}) : change_(std::move(change)) { open(); }
  ~Served() { close(); }
  void open() {
    serve::ServeOptions options;
    options.listen = "127.0.0.1:0";
    options.state = (state_ / "state").string();
    if (change_) change_(options);
    RunContext context = TinyRuns::get().context();
    context.log = [this](const std::string& line) {
      const std::lock_guard lock(log_mutex_);
      log_ += line + "\n";
    };
    service_ = std::make_unique<serve::Service>("tiger", context, options);
    service_->start();
    caller_.emplace(service_->port(), key_);
  }
  void close() {
    caller_.reset();
    if (service_) service_->stop(std::chrono::seconds(5));
    service_.reset();
  }
  void restart() { close(), open(); }
  void use_key(const std::string& key) { key_ = key, caller_.emplace(service_->port(), key_); }

  serve::Service& service() { return *service_; }
  Caller* operator->() { return &*caller_; }
  Caller caller(const std::string& key = "") { return Caller(service_->port(), key.empty() ? key_ : key); }
  std::filesystem::path state() const { return state_ / "state"; }
  /// The lines of the log since the first start.
  std::string logged() const {
    const std::lock_guard lock(log_mutex_);
    return log_;
  }
  const Dataset& data() { return service_->models().active()->dataset(); }
  /// The person of the dataset with the longest history.
  std::string user() {
    const auto model = service_->models().active();
    UserId best{0};
    for (int u = 0; u < static_cast<int>(data().users.size()); ++u)
      if (model->split().all.of(UserId{u}).size() > model->split().all.of(best).size()) best = UserId{u};
    return data().users.names().at(static_cast<size_t>(index(best)));
  }
  std::string item(int i) { return data().items[ItemId{i}].id; }
  /// Waits until a task has ended. @return as /v1/tasks/{id} has it
  Json wait_for(const Answered& accepted) {
    if (accepted.status != 202) return {{"state", "refused"}, {"answer", accepted.body}};
    for (int i = 0; i < 2000; ++i) {
      const Answered task = (*this)->get("/v1/tasks/" + accepted.body["id"].get<std::string>());
      const std::string state = task.body.value("state", "");
      if (state != "enqueued" && state != "processing") return task.body;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return {{"state", "never"}};
  }

 private:
  std::function<void(ServeOptions&)> change_;
  TemporaryFolder state_;
  mutable std::mutex log_mutex_;
  std::string log_;
  std::unique_ptr<serve::Service> service_;
  std::string key_;
  std::optional<Caller> caller_;
};

/// A complete item; `title` is what it is found by.
inline Json item_of(const std::string& title, double price = 10, bool available = true) {
  Json item = {{"title", title}, {"brand", "Quibble"}, {"price", price}, {"available", available}};
  item["categories"] = Json::parse(R"([["Odd","Things"]])");
  item["attributes"]["colour"] = "red";
  return item;
}

}  // namespace tessera::test
