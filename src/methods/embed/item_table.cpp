// Item vectors that a retriever has learned: trains it and takes its item table, for example SASRec's.
//
//   [embed]
//   name = "item-table"
//   model = { name = "sasrec", max_epochs = 20 }
// Any retrieve method will do that needs no other stage and saves a tensor [num_items, dim]; rows behind the items
// (padding) are left out. No paper; EAGER's handbook entry (3.3) names SASRec's table as a substitute for DIN's.
#include <algorithm>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "methods/catalog.h"
#include "methods/linear_algebra.h"

namespace tessera::methods::item_table {

using nlohmann::json;

namespace {

struct Options {
  std::string tensor = "item";
  bool normalise = false;
  template <class F>
  void fields(F& f) {
    f("tensor", tensor, "which tensor of the trained model has a row an item");
    f("normalise", normalise, "scale vectors to length 1");
  }
};

class ItemTable : public Embedder {
 public:
  ItemTable(Options options, json model) : options_(std::move(options)), model_(std::move(model)) {}

  Matrix embed(const Dataset& data, const Split& split, const MethodContext& context) override {
    const auto retriever = make_retriever(model_);
    retriever->train({data, split}, context);
    const auto parent = context.folder.empty() ? std::filesystem::temp_directory_path() : context.folder;
    const AtomicFolder saved(parent / "item-table");  // never committed: gone when the table has been read
    retriever->save(saved.path());
    const std::filesystem::path file = saved.path() / "model.safetensors";
    const SafetensorsFile tensors(file);
    const Matrix table = to_matrix(tensors.at(options_.tensor), file.string());
    TESSERA_CHECK(table.rows >= data.items.size(), shape, "[item-table] tensor '{}' has {} rows for {} items",
                  options_.tensor, table.rows, data.items.size());
    Matrix vectors(data.items.size(), table.cols);
    std::copy_n(table.values.begin(), vectors.values.size(), vectors.values.begin());
    if (options_.normalise) normalise_rows(vectors);
    return vectors;
  }

 private:
  Options options_;
  json model_;
};

std::unique_ptr<Embedder> make(const json& table) {
  TESSERA_CHECK(table.is_object(), config, "[item-table] options must be a table");
  json own = table, model = {{"name", "sasrec"}};
  if (own.contains("model")) {
    TESSERA_CHECK(own.at("model").is_object(), config,
                  "[item-table] model is a value, wanted a table such as model = {{ name = \"sasrec\" }}");
    model.update(own.at("model"));
    own.erase("model");
  }
  Options options;
  assign(options, own, "[item-table]");
  const MethodInfo& info = find_method("retrieve", model.at("name").get<std::string>());
  TESSERA_CHECK(info.needs.empty(), config, "[item-table] the model {} needs {}, which an embedder has not", info.name,
                info.needs);
  make_retriever(model);
  return std::make_unique<ItemTable>(std::move(options), std::move(model));
}

}  // namespace

MethodInfo info() {
  MethodInfo info;
  info.name = "item-table";
  info.summary = "the item vectors that a retriever learns, such as sasrec's";
  info.parts = {{"model", "retrieve"}};
  info.defaults = [] {
    Options options;
    json table = list_options(options).dump();
    table["model"] = {{"name", "sasrec"}};
    return table;
  };
  info.help = [] {
    Options options;
    return list_options(options).help() + "  model  table of a retrieve method that needs no other stage\n";
  };
  info.make_embedder = make;
  return info;
}

}  // namespace tessera::methods::item_table
