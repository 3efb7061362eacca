#pragma once

#include <map>
#include <optional>
#include <string>

#include "nn/parameters.h"
#include "train/trainer.h"

namespace tessera {

/// What a trained method tells the report (Retriever::facts). @param parameters  none before train() or load()
inline std::map<std::string, double> train_facts(const TrainSummary& summary,
                                                 const std::optional<Parameters>& parameters) {
  return {{"parameters", static_cast<double>(parameters ? parameters->count() : 0)},
          {"train_seconds", summary.seconds},
          {"train_steps", static_cast<double>(summary.steps)},
          {"train_epochs", summary.epochs},
          {"best_step", static_cast<double>(summary.best_step)},
          {"best_validation", summary.best_value}};
}

}  // namespace tessera
