#include "pipeline/run.h"

#include <algorithm>
#include <chrono>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "methods/catalog.h"
#include "pipeline/importing.h"
#include "pipeline/report.h"
#include "pipeline/run_evaluate.h"
#include "pipeline/token_report.h"

namespace tessera {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr Stage kStages[] = {Stage::data, Stage::embed, Stage::tokenize, Stage::train, Stage::evaluate};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Contents of the files that a method's options name, so that other vectors under the same path count as new.
json hash_named_files(const json& table) {
  json hashes = json::object();
  for (const auto& [key, value] : table.items()) {
    if (value.is_object()) hashes[key] = hash_named_files(value);
    if ((key != "path" && key != "ids") || !value.is_string()) continue;
    const fs::path path = value.get<std::string>();
    if (fs::is_regular_file(path)) hashes[key] = hash_source(path);
  }
  return hashes;
}

/// Whether hash_named_files() found any.
bool names_files(const json& hashes) {
  return std::any_of(hashes.begin(), hashes.end(),
                     [](const json& value) { return value.is_string() || names_files(value); });
}

/// Of a finished training and of those within it.
void remove_checkpoints(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().filename() == "checkpoint.safetensors") found.push_back(entry.path());
  for (const fs::path& file : found) fs::remove(file);
}

/// Points `link` at `target` below the run's folder.
void refresh_link(const fs::path& link, const fs::path& target) {
  std::error_code ignored;
  fs::remove(link, ignored);
  fs::create_symlink(target, link, ignored);
  // A file system without links still gets the file.
  if (ignored) fs::copy_file(link.parent_path() / target, link, fs::copy_options::overwrite_existing, ignored);
}

}  // namespace

const char* to_string(Stage stage) {
  switch (stage) {
    case Stage::data:
      return "data";
    case Stage::embed:
      return "embed";
    case Stage::tokenize:
      return "tokenize";
    case Stage::train:
      return "train";
    case Stage::evaluate:
      return "evaluate";
  }
  return "";
}

struct Run::Loaded {
  std::unique_ptr<Dataset> dataset;
  std::unique_ptr<Split> split;
  std::unique_ptr<Matrix> vectors;
  std::unique_ptr<SemanticIds> ids;
  std::unique_ptr<Trie> trie;
  std::unique_ptr<Retriever> retriever;

  /// Forgets what came from a stage and from those after it.
  void forget_from(Stage stage) {
    retriever.reset();
    if (stage <= Stage::tokenize) trie.reset(), ids.reset();
    if (stage <= Stage::embed) vectors.reset();
    if (stage <= Stage::data) split.reset(), dataset.reset();
  }
};

Run::Run(Recipe recipe, RunContext context)
    : recipe_(std::move(recipe)),
      context_(std::move(context)),
      name_(recipe_.run().name),
      folder_(context_.runs / name_),
      loaded_(std::make_unique<Loaded>()) {
  check_run_name(name_);
}

Run::~Run() = default;

fs::path find_run(const std::string& name, const fs::path& runs) {
  TESSERA_CHECK(!name.empty(), config, "the name of a run is empty");
  for (const fs::path& folder : {fs::path(name), runs / name})
    if (fs::is_regular_file(folder / "recipe.toml")) return folder.lexically_normal();
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(runs, ignored))
    if (fs::is_regular_file(entry.path() / "recipe.toml")) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  const std::string near = nearest(name, names);
  if (names.empty())
    fail(ErrorKind::config, "there is no run \"{}\", nor any other in {}: `tessera run RECIPE.toml` makes one", name,
         runs.string());
  fail(ErrorKind::config, "there is no run \"{}\" in {}{} (there are: {})", name, runs.string(),
       near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near), fmt::join(names, ", "));
}

std::unique_ptr<Run> Run::open(const std::string& name, RunContext context) {
  const fs::path folder = find_run(name, context.runs);
  Recipe recipe = load_recipe(folder / "recipe.toml");
  resolve_recipe(recipe);
  auto run = std::make_unique<Run>(std::move(recipe), std::move(context));
  run->context_.runs = folder.has_parent_path() ? folder.parent_path() : fs::path(".");
  run->folder_ = folder;
  return run;
}

fs::path Run::folder() const {
  return folder_;
}

void Run::log(const std::string& line) const {
  if (context_.log) context_.log(line);
}

bool Run::wanted(Stage stage) const {
  if (stage == Stage::data) return true;
  if (stage == Stage::embed) return recipe_.has("embed");
  if (stage == Stage::tokenize) return recipe_.has("tokenize");
  return recipe_.has("retrieve");
}

json Run::retrieve_options(bool answering) const {
  json options = json::object();
  if (!wanted(Stage::train)) return options;
  const json table = recipe_.section("retrieve");
  const std::vector<std::string>& names = find_method("retrieve", table.at("name").get<std::string>()).answer_options;
  for (const auto& [key, value] : table.items())
    if ((std::find(names.begin(), names.end(), key) != names.end()) == answering) options[key] = value;
  return options;
}

std::string Run::hash_of(Stage stage) {
  const RunOptions run = recipe_.run();
  const auto before = [&](Stage earlier) { return wanted(earlier) ? json(records_.at(earlier).hash) : json(); };
  json inputs = {{"seed", run.seed}};
  switch (stage) {
    case Stage::data: {
      // Where the source lies is no part of what it holds.
      json options = recipe_.section("data");
      options.erase("source");
      inputs = {{"source", hash_source(find_source(recipe_))}, {"options", options}};
      break;
    }
    case Stage::embed:
      inputs.update({{"data", before(Stage::data)},
                     {"split", recipe_.section("split")},
                     {"options", recipe_.section("embed")},
                     {"files", hash_named_files(recipe_.section("embed"))}});
      break;
    case Stage::tokenize:
      inputs.update({{"embed", before(Stage::embed)}, {"options", recipe_.section("tokenize")}});
      break;
    case Stage::train:
      inputs.update({{"data", before(Stage::data)},
                     {"split", recipe_.section("split")},
                     {"embed", before(Stage::embed)},
                     {"tokenize", before(Stage::tokenize)},
                     {"options", retrieve_options(false)}});
      if (const json files = hash_named_files(recipe_.section("retrieve")); names_files(files)) inputs["files"] = files;
      break;
    case Stage::evaluate:
      inputs.update({{"train", before(Stage::train)},
                     {"answer", retrieve_options(true)},
                     {"options", recipe_.section("evaluate")}});
      break;
  }
  return stage_hash(to_string(stage), inputs);
}

void Run::write_recipe() const {
  Recipe kept = recipe_;
  // The run must find its data again from any folder.
  kept.tree["data"]["source"] = find_source(recipe_).string();
  write_file(folder() / "recipe.toml", to_toml(kept));
}

void Run::up_to(Stage last) {
  find_source(recipe_);  // nothing is written for data that is not there
  const FileLock lock(context_.runs / ".cache" / "locks" / ("run-" + name_), FileLock::Wait::no, "the run " + name_);
  fs::create_directories(folder());
  write_recipe();
  for (const Stage stage : kStages) {
    if (stage > last) break;
    if (!wanted(stage)) {
      TESSERA_CHECK(stage != last, config, "{}: there is no section [{}], so there is nothing to {}", recipe_.origin,
                    stage >= Stage::train ? "retrieve" : to_string(stage), to_string(stage));
      continue;
    }
    const std::string hash = hash_of(stage);
    const auto done = context_.force ? std::nullopt : read_stage(stage_folder(stage));
    if (done && done->hash == hash) {
      records_[stage] = *done;
      log(fmt::format("{}: up to date", to_string(stage)));
      continue;
    }
    loaded_->forget_from(stage);
    records_[stage] = work(stage, hash);
    log(fmt::format("{}: done in {}", to_string(stage), human_duration(records_[stage].seconds)));
  }
  if (last == Stage::evaluate) write_report(folder(), context_.runs);
  if (fs::exists(stage_folder(Stage::train) / "train.jsonl"))
    refresh_link(folder() / "train.jsonl", "train/train.jsonl");
  if (fs::exists(stage_folder(Stage::evaluate) / "metrics.json"))
    refresh_link(folder() / "metrics.json", "evaluate/metrics.json");
}

StageRecord Run::work(Stage stage, const std::string& hash) {
  if (stage == Stage::train) return train(hash);
  if (stage == Stage::evaluate) return evaluate(hash);
  StageRecord record = work_shared(stage, hash);
  fs::create_directories(stage_folder(stage));
  write_stage(stage_folder(stage), record);
  return record;
}

StageRecord Run::work_shared(Stage stage, const std::string& hash) {
  const fs::path target = context_.runs / ".cache" / fmt::format("{}-{}", to_string(stage), hash);
  // Two runs that need the same output: the second waits for the first, and finds it.
  const FileLock lock(context_.runs / ".cache" / "locks" / target.filename(), FileLock::Wait::yes, target.string());
  if (!context_.force) {
    if (auto shared = read_stage(target); shared && shared->hash == hash) {
      log(fmt::format("{}: shared with an earlier run", to_string(stage)));
      return *shared;
    }
  }
  StageRecord record{to_string(stage), hash, 0, {}, {}, json::object()};
  const auto start = std::chrono::steady_clock::now();
  if (stage == Stage::data && is_dataset_folder(find_source(recipe_))) {
    record.folder = find_source(recipe_);
    record.outputs = {"dataset.json"};
    loaded_->dataset = std::make_unique<Dataset>(load_dataset(record.folder));
    record.facts = dataset_facts(*loaded_->dataset);
    record.seconds = seconds_since(start);
    return record;
  }
  AtomicFolder folder(target);
  record.folder = folder.path();
  fill_shared(stage, folder.path(), record);
  remove_checkpoints(folder.path());
  record.seconds = seconds_since(start);
  write_stage(folder.path(), record);
  folder.commit();
  record.folder = target;
  return record;
}

void Run::fill_shared(Stage stage, const fs::path& folder, StageRecord& record) {
  const MethodContext context{static_cast<uint64_t>(recipe_.run().seed), *context_.reporter, folder};
  if (stage == Stage::data) {
    const std::string source = find_source(recipe_).string();
    log(fmt::format("data: importing {}", source));
    ImportReport report;
    auto dataset = std::make_unique<Dataset>(import_source(recipe_, *context_.reporter, report));
    for (const std::string& note : report.notes) log("data: " + note);
    if (report.bad_rows > 0) log(fmt::format("data: {} of {} rows kept out", report.bad_rows, report.rows));
    save_dataset(*dataset, folder / "dataset");
    record.outputs = {"dataset/dataset.json"};
    record.facts = dataset_facts(*dataset);
    loaded_->dataset = std::move(dataset);
  } else if (stage == Stage::embed) {
    auto matrix = std::make_unique<Matrix>(make_embedder(recipe_.section("embed"))->embed(dataset(), split(), context));
    TESSERA_CHECK(matrix->rows == dataset().items.size(), internal, "embed gave {} vectors for {} items", matrix->rows,
                  dataset().items.size());
    write_safetensors(folder / "vectors.safetensors", {{"vectors", view_of(*matrix)}},
                      {{"method", recipe_.section("embed").at("name").get<std::string>()}});
    record.outputs = {"vectors.safetensors"};
    record.facts = {{"items", matrix->rows}, {"dim", matrix->cols}};
    loaded_->vectors = std::move(matrix);
  } else {
    auto ids = std::make_unique<SemanticIds>(make_tokenizer(recipe_.section("tokenize"))->fit(*vectors(), context));
    save_semantic_ids(*ids, folder / "semantic_ids.safetensors");
    const json quality = token_report(*ids, *vectors(), split(), context.seed);
    write_file(folder / "quality.json", quality.dump(2) + "\n");
    record.outputs = {"semantic_ids.safetensors", "quality.json"};
    record.facts = {{"levels", ids->levels()}, {"level_sizes", ids->level_sizes}};
    loaded_->ids = std::move(ids);
  }
}

/// What another run of the same training left, put here; nothing where there is none.
std::optional<StageRecord> Run::copy_of_training(const std::string& hash) {
  if (context_.force) return std::nullopt;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(context_.runs, ignored)) {
    auto record = read_stage(entry.path() / to_string(Stage::train));
    if (!record || record->hash != hash) continue;
    AtomicFolder folder(stage_folder(Stage::train));
    fs::copy(record->folder, folder.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    record->folder = folder.path();
    write_stage(folder.path(), *record);
    folder.commit();
    record->folder = stage_folder(Stage::train);
    refresh_link(this->folder() / "train.jsonl", "train/train.jsonl");
    log(fmt::format("train: the same as of the run {}", entry.path().filename().string()));
    return record;
  }
  return std::nullopt;
}

StageRecord Run::train(const std::string& hash) {
  const fs::path folder = stage_folder(Stage::train);
  const fs::path started = folder / "started.json";
  const bool resumes = !context_.force && fs::is_regular_file(started) && read_file(started) == hash;
  if (!resumes) {
    if (auto copied = copy_of_training(hash)) return *copied;
    fs::remove_all(folder);
    fs::create_directories(folder);
    write_file(started, hash);
  } else {
    log("train: going on from what an interrupted run left");
  }
  if (!fs::exists(folder / "train.jsonl")) write_file(folder / "train.jsonl", "");
  refresh_link(this->folder() / "train.jsonl", "train/train.jsonl");
  const auto start = std::chrono::steady_clock::now();
  auto retriever = make_retriever(recipe_.section("retrieve"));
  retriever->train(inputs(), {static_cast<uint64_t>(recipe_.run().seed), *context_.reporter, folder});
  retriever->save(folder);
  StageRecord record{to_string(Stage::train), hash, seconds_since(start), {}, folder, retriever->facts()};
  record.outputs = {"model.safetensors"};
  write_stage(folder, record);
  remove_checkpoints(folder);
  fs::remove(started);
  loaded_->retriever = std::move(retriever);
  return record;
}

StageRecord Run::evaluate(const std::string& hash) {
  const auto start = std::chrono::steady_clock::now();
  const fs::path target = stage_folder(Stage::evaluate);
  AtomicFolder folder(target);
  StageRecord record{to_string(Stage::evaluate), hash, 0, {}, folder.path(), json::object()};
  record.outputs = write_evaluation(*this, folder.path());
  record.seconds = seconds_since(start);
  write_stage(folder.path(), record);
  folder.commit();
  record.folder = target;
  return record;
}

const StageRecord& Run::record(Stage stage) {
  const auto known = records_.find(stage);
  if (known != records_.end()) return known->second;
  auto found = read_stage(stage_folder(stage));
  TESSERA_CHECK(found.has_value(), data, "the run {} has no finished stage {}; `tessera run {}` finishes it", name_,
                to_string(stage), (folder() / "recipe.toml").string());
  return records_[stage] = std::move(*found);
}

const Dataset& Run::dataset() {
  if (!loaded_->dataset) {
    const StageRecord& stage = record(Stage::data);
    const fs::path inside = stage.folder / "dataset";
    loaded_->dataset = std::make_unique<Dataset>(load_dataset(fs::exists(inside) ? inside : stage.folder));
  }
  return *loaded_->dataset;
}

const Split& Run::split() {
  if (!loaded_->split) loaded_->split = std::make_unique<Split>(make_split(dataset(), recipe_.split()));
  return *loaded_->split;
}

const Matrix* Run::vectors() {
  if (!wanted(Stage::embed)) return nullptr;
  if (!loaded_->vectors) {
    const fs::path file = record(Stage::embed).folder / "vectors.safetensors";
    const SafetensorsFile tensors(file);
    loaded_->vectors = std::make_unique<Matrix>(to_matrix(tensors.at("vectors"), file.string()));
    TESSERA_CHECK(loaded_->vectors->rows == dataset().items.size(), corrupt,
                  "{}: {} vectors for the {} items of the dataset; run the recipe again with --force", file.string(),
                  loaded_->vectors->rows, dataset().items.size());
  }
  return loaded_->vectors.get();
}

const SemanticIds* Run::ids() {
  if (!wanted(Stage::tokenize)) return nullptr;
  if (!loaded_->ids) {
    const fs::path file = record(Stage::tokenize).folder / "semantic_ids.safetensors";
    loaded_->ids = std::make_unique<SemanticIds>(load_semantic_ids(file));
    TESSERA_CHECK(loaded_->ids->num_items() == dataset().items.size(), corrupt,
                  "{}: {} semantic IDs for the {} items of the dataset; run the recipe again with --force",
                  file.string(), loaded_->ids->num_items(), dataset().items.size());
  }
  return loaded_->ids.get();
}

const Trie* Run::trie() {
  if (ids() == nullptr) return nullptr;
  if (!loaded_->trie) loaded_->trie = std::make_unique<Trie>(*ids());
  return loaded_->trie.get();
}

RetrieveInputs Run::inputs() {
  return {dataset(), split(), vectors(), ids(), trie()};
}

const Retriever& Run::retriever() {
  if (!loaded_->retriever) {
    TESSERA_CHECK(wanted(Stage::train), data, "the recipe of run {} has no section [retrieve], so nothing can answer",
                  name_);
    const StageRecord& stage = record(Stage::train);
    auto retriever = make_retriever(recipe_.section("retrieve"));
    retriever->load(stage.folder, inputs());
    loaded_->retriever = std::move(retriever);
  }
  return *loaded_->retriever;
}

}  // namespace tessera
