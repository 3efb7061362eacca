#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "http/json.h"
#include "pipeline/compare.h"
#include "serve/routes.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

// Tasks.

Json task_to_json(const TaskInfo& task) {
  Json out = {{"id", task.id},
              {"kind", task.kind},
              {"subject", task.subject},
              {"state", to_string(task.state)},
              {"enqueued_at", task.enqueued_at}};
  if (task.started_at > 0) out["started_at"] = task.started_at;
  if (task.finished_at > 0) out["finished_at"] = task.finished_at;
  if (!task.error.empty()) out["error"] = task.error;
  return out;
}

HttpResponse accepted(const TaskInfo& task) {
  HttpResponse response = json_response(task_to_json(task), 202);
  response.headers.add("Location", "/v1/tasks/" + task.id);
  return response;
}

HttpResponse list_tasks(Service& service, const HttpRequest&) {
  Json tasks = Json::array();
  for (const TaskInfo& task : service.tasks().list()) tasks.push_back(task_to_json(task));
  return json_response(Json{{"tasks", std::move(tasks)}});
}

HttpResponse get_task(Service& service, const HttpRequest& request) {
  const std::string id(request.path_parameters.get("id"));
  const auto task = service.tasks().find(id);
  if (!task)
    throw ProblemError({ProblemCode::not_found,
                        "there is no task \"" + id + "\"; the last thousand since the start are remembered", "id"});
  return json_response(task_to_json(*task));
}

// Models.

Json model_to_json(const ServingModel* model) {
  if (model == nullptr) return nullptr;
  Json facts = Json::object();
  for (const auto& [name, value] : model->facts())
    if (value != 0) facts[name] = value;  // a model that was loaded knows nothing of its training
  return {{"version", model->version()}, {"name", model->name()}, {"method", model->method()}, {"facts", facts}};
}

/// A run whose training is finished, or nothing.
std::optional<Json> run_to_json(const fs::path& folder) {
  try {
    if (!fs::is_regular_file(folder / "recipe.toml") || !read_stage(folder / "train")) return std::nullopt;
    const Recipe recipe = load_recipe(folder / "recipe.toml");
    if (!recipe.has("retrieve")) return std::nullopt;
    Json out = {{"name", folder.filename().string()}, {"method", recipe.section("retrieve").at("name")}};
    if (const auto summary = read_summary(folder)) {
      Json metrics = Json::object();
      for (const char* metric : {"hr@10", "ndcg@10"})
        if (const auto value = metric_of(summary->metrics, "test", "filtered", metric)) metrics[metric] = *value;
      if (!metrics.empty()) out["metrics"] = std::move(metrics);
    }
    return out;
  } catch (const std::exception&) {  // a folder that is no run, or a damaged one: nothing to activate
    return std::nullopt;
  }
}

std::vector<fs::path> run_folders(const Service& service) {
  std::vector<fs::path> folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(service.context().runs, ignored))
    if (entry.is_directory(ignored)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

HttpResponse list_models(Service& service, const HttpRequest&) {
  Json runs = Json::array();
  for (const fs::path& folder : run_folders(service))
    if (auto run = run_to_json(folder)) runs.push_back(std::move(*run));
  return json_response(Json{{"active", model_to_json(service.models().active().get())},
                            {"previous", model_to_json(service.models().previous().get())},
                            {"runs", std::move(runs)}});
}

HttpResponse activate_model(Service& service, const HttpRequest& request) {
  const std::string name(request.path_parameters.get("name"));
  check_run_name(name);  // one folder below the runs, never a path
  const fs::path folder = service.context().runs / name;
  if (!run_to_json(folder)) {
    std::vector<std::string> names;
    for (const fs::path& other : run_folders(service)) names.push_back(other.filename().string());
    const std::string near = nearest(name, names);
    throw ProblemError({ProblemCode::not_found,
                        fmt::format("there is no trained run \"{}\"{}", name,
                                    near.empty() || near == name ? "" : "; did you mean \"" + near + "\"?"),
                        "name"});
  }
  return accepted(
      service.tasks().enqueue("activate_model", name, [&service, folder] { service.activate_model(folder.string()); }));
}

HttpResponse rollback_model(Service& service, const HttpRequest&) {
  const auto previous = service.models().previous();
  if (previous == nullptr)
    throw ProblemError({ProblemCode::conflict, "there is no model before this one since the start", ""});
  return accepted(
      service.tasks().enqueue("rollback_model", previous->name(), [&service] { service.rollback_model(); }));
}

// Snapshots.

Json snapshot_to_json(const SnapshotInfo& snapshot) {
  return {{"name", snapshot.name},
          {"created_at", snapshot.created_at},
          {"size_bytes", snapshot.size_bytes},
          {"num_files", snapshot.num_files}};
}

bool has_snapshot(Service& service, const std::string& name) {
  check_snapshot_name(name);
  const auto all = service.store().snapshots();
  return std::any_of(all.begin(), all.end(), [&](const SnapshotInfo& one) { return one.name == name; });
}

HttpResponse list_snapshots(Service& service, const HttpRequest&) {
  Json snapshots = Json::array();
  for (const SnapshotInfo& snapshot : service.store().snapshots()) snapshots.push_back(snapshot_to_json(snapshot));
  return json_response(Json{{"snapshots", std::move(snapshots)}});
}

HttpResponse create_snapshot(Service& service, const HttpRequest& request) {
  const nlohmann::json body = parse_body_object(request);
  refuse_unknown(body, {"name"});
  const std::string name = require_string(body, "name", 64);
  if (has_snapshot(service, name))
    throw ProblemError({ProblemCode::conflict, "there is a snapshot \"" + name + "\" already", "name"});
  return accepted(service.tasks().enqueue("snapshot", name, [&service, name] { service.store().snapshot(name); }));
}

std::string existing_snapshot(Service& service, const HttpRequest& request) {
  std::string name(request.path_parameters.get("name"));
  if (!has_snapshot(service, name))
    throw ProblemError({ProblemCode::not_found, "there is no snapshot \"" + name + "\"", "name"});
  return name;
}

HttpResponse erase_snapshot(Service& service, const HttpRequest& request) {
  const std::string name = existing_snapshot(service, request);
  service.store().erase_snapshot(name);
  return json_response(Json{{"name", name}, {"erased", true}});
}

HttpResponse restore_snapshot(Service& service, const HttpRequest& request) {
  const std::string name = existing_snapshot(service, request);
  return accepted(service.tasks().enqueue("restore", name, [&service, name] { service.restore_snapshot(name); }));
}

}  // namespace

void add_model_routes(Service& service) {
  const auto add = [&](const char* method, const char* pattern, const char* summary,
                       HttpResponse (*handler)(Service&, const HttpRequest&)) {
    service.router().add(
        {method, pattern, Scope::admin, summary,
         on_worker(service, [&service, handler](const HttpRequest& request) { return handler(service, request); })});
  };
  add("GET", "/v1/models", "The model that answers, the one before, and the trained runs.", list_models);
  add("POST", "/v1/models/{name}:activate", "Lets another trained run answer; no request fails.", activate_model);
  add("POST", "/v1/models:rollback", "Lets the model before answer again.", rollback_model);
  add("GET", "/v1/tasks", "Long work that requests have started, the newest first.", list_tasks);
  add("GET", "/v1/tasks/{id}", "One piece of long work.", get_task);
  add("GET", "/v1/snapshots", "Snapshots of the store.", list_snapshots);
  add("POST", "/v1/snapshots", "Takes a snapshot of the store while it goes on.", create_snapshot);
  add("DELETE", "/v1/snapshots/{name}", "Erases a snapshot.", erase_snapshot);
  add("POST", "/v1/snapshots/{name}:restore", "Puts a snapshot in place of the present state.", restore_snapshot);
}

}  // namespace tessera::serve
