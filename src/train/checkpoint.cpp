#include "train/checkpoint.h"

#include <torch/torch.h>

#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"

namespace tessera {

namespace {

constexpr const char* kRemedy = "remove the file to start the training again";

nlohmann::json state_to_json(const TrainState& state) {
  return {{"step", state.step},
          {"seconds", state.seconds},
          {"best_step", state.best_step},
          {"best_value", state.best_value},
          {"last_validation", state.last_validation},
          {"since_best", state.since_best},
          {"loss_sum", state.loss_sum},
          {"loss_steps", state.loss_steps},
          {"stopped_by", state.stopped_by}};
}

TrainState state_from_json(const nlohmann::json& json) {
  TrainState state;
  json.at("step").get_to(state.step);
  json.at("seconds").get_to(state.seconds);
  json.at("best_step").get_to(state.best_step);
  json.at("best_value").get_to(state.best_value);
  json.at("last_validation").get_to(state.last_validation);
  json.at("since_best").get_to(state.since_best);
  json.at("loss_sum").get_to(state.loss_sum);
  json.at("loss_steps").get_to(state.loss_steps);
  json.at("stopped_by").get_to(state.stopped_by);
  return state;
}

bool state_is_sane(const TrainState& state) {
  const auto step_in_range = [&](int64_t step) { return step >= 0 && step <= state.step; };
  return state.step >= 0 && step_in_range(state.best_step) && step_in_range(state.last_validation) &&
         step_in_range(state.loss_steps) && state.since_best >= 0 && state.seconds >= 0;
}

/// Hash of the texts and of every tensor's name and bytes: a flipped bit is found before it is trained on.
std::string hash_contents(const std::string& identity, const std::string& state,
                          const std::map<std::string, ArrayView>& tensors) {
  ContentHash hash;
  hash.add(identity);
  hash.add(state);
  for (const auto& [name, array] : tensors) {
    hash.add(name);
    hash.add({reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size()});
  }
  return hash.hex();
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const nlohmann::json& identity, const TrainState& state,
                      const NamedTensors& tensors) {
  std::vector<at::Tensor> held;  // copies live until the file is written
  std::map<std::string, ArrayView> arrays;
  for (const auto& [name, tensor] : tensors) {
    held.push_back(tensor.detach().cpu().contiguous());
    const std::span<const float> values(held.back().data_ptr<float>(), static_cast<size_t>(held.back().numel()));
    arrays[name] = view_of(values, held.back().sizes().vec());
  }
  const std::string identity_text = identity.dump(), state_text = state_to_json(state).dump();
  write_safetensors(path, arrays,
                    {{"format", "tessera.checkpoint.1"},
                     {"identity", identity_text},
                     {"state", state_text},
                     {"hash", hash_contents(identity_text, state_text, arrays)}});
}

CheckpointFile::CheckpointFile(const std::filesystem::path& path) try : path_(path), file_(path) {
  const auto text = [&](const char* key) {
    const auto found = file_.metadata().find(key);
    TESSERA_CHECK(found != file_.metadata().end(), corrupt, "{} has no '{}' and is no checkpoint; {}", path.string(),
                  key, kRemedy);
    return found->second;
  };
  TESSERA_CHECK(text("format") == "tessera.checkpoint.1", corrupt,
                "{} has format '{}', this version reads 'tessera.checkpoint.1'; {}", path.string(), text("format"),
                kRemedy);
  TESSERA_CHECK(text("hash") == hash_contents(text("identity"), text("state"), file_.tensors()), corrupt,
                "{}: the contents do not have the hash written with them; {}", path.string(), kRemedy);
  try {
    identity_ = nlohmann::json::parse(text("identity"));
    state_ = state_from_json(nlohmann::json::parse(text("state")));
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::corrupt, "{}: {}; {}", path.string(), error.what(), kRemedy);
  }
  TESSERA_CHECK(identity_.is_object() && state_is_sane(state_), corrupt, "{}: impossible counts of steps; {}",
                path.string(), kRemedy);
} catch (const Error& error) {
  if (error.kind() != ErrorKind::corrupt || std::string_view(error.what()).ends_with(kRemedy)) throw;
  fail(error.kind(), "{}; {}", error.what(), kRemedy);
}

void CheckpointFile::check_identity(const nlohmann::json& identity) const {
  std::set<std::string> keys;
  for (const auto& [key, value] : identity.items()) keys.insert(key);
  for (const auto& [key, value] : identity_.items()) keys.insert(key);
  for (const auto& key : keys) {
    const std::string then = identity_.contains(key) ? identity_.at(key).dump() : "absent";
    const std::string now = identity.contains(key) ? identity.at(key).dump() : "absent";
    TESSERA_CHECK(
        then == now, config,
        "{} is of a training with {} = {}, now it is {}; use the settings of then to resume it, or remove the "
        "folder to start again",
        path_.string(), key, then, now);
  }
}

void CheckpointFile::load(const NamedTensors& tensors) const {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const auto found = file_.tensors().find(name);
    TESSERA_CHECK(found != file_.tensors().end(), corrupt, "{} has no tensor '{}'; {}", path_.string(), name, kRemedy);
    const ArrayView& array = found->second;
    TESSERA_CHECK(array.type == DType::f32 && tensor.sizes() == at::IntArrayRef(array.shape), corrupt,
                  "{}: tensor '{}' is {} of shape [{}], it must be f32 of shape [{}]; {}", path_.string(), name,
                  to_string(array.type), fmt::join(array.shape, ", "), fmt::join(tensor.sizes(), ", "), kRemedy);
    const auto values = array.as<float>();
    at::Tensor target = tensor.detach();  // shares storage
    target.copy_(at::from_blob(const_cast<float*>(values.data()), tensor.sizes(), at::kFloat));
  }
}

}  // namespace tessera
