#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "methods/families.h"
#include "methods/item_votes.h"

namespace tessera {

/// An item-to-item method whose model is what each item votes for. A method gives the votes; this class is the rest.
class VotesRetriever : public Retriever {
 public:
  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    Progress progress(context.reporter, "train " + name_, 1, "passes");
    trie_ = inputs.trie;
    votes_ = ItemVotes(votes(inputs, context), inputs.split.train_counts);
    progress.add();
  }
  std::vector<Results> recommend(std::span<const Request> requests) const override {
    return votes_.answer(requests, voters_, trie_);
  }
  int64_t batch_size() const override { return 2048; }
  void save(const std::filesystem::path& folder) const override { votes_.save(folder, name_); }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    votes_ = ItemVotes::load(folder, inputs.data.items.size());
    trie_ = inputs.trie;
  }
  std::map<std::string, double> facts() const override {
    return {{"parameters", static_cast<double>(votes_.num_entries())}};
  }

 protected:
  VotesRetriever(std::string name, const VoterOptions& voters) : name_(std::move(name)), voters_(voters) {}

  /// Learns from the training items. @return [num_items, num_items], row: the voter
  virtual SparseMatrix votes(const RetrieveInputs& inputs, const MethodContext& context) const = 0;

 private:
  std::string name_;  // of the method
  VoterOptions voters_;
  const Trie* trie_ = nullptr;
  ItemVotes votes_;
};

}  // namespace tessera
