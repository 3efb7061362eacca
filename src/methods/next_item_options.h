#pragma once

#include "methods/item_loss.h"
#include "methods/item_transformer.h"
#include "methods/validation.h"
#include "train/trainer.h"

namespace tessera {

/// What SASRec and the methods built on it have in common: a transformer over the history, a loss of the next item.
struct NextItemOptions {
  ItemTransformerOptions network;
  ItemLoss loss;
  ValidationOptions validation;
  TrainOptions train;

  NextItemOptions() {
    train.batch_size = 256;
    train.learning_rate = 1e-3;
    train.schedule = "constant";
  }
  template <class F>
  void fields(F& f) {
    network.fields(f);
    loss.fields(f);
    validation.fields(f);
    train.fields(f);
  }
};

}  // namespace tessera
