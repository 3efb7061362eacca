// Bring your own vectors: a .npy or .safetensors file with one row an item.
//
// Rows follow the catalogue, or `ids` names a text file with the item id of each row, one a line. Every value must be
// finite. float16, float32 and float64 are read; vectors are used as they are unless `normalise` is set.
#include <algorithm>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "methods/catalog.h"
#include "methods/linear_algebra.h"

namespace tessera::methods::file {

namespace {

struct Options {
  std::string path;
  std::string tensor;
  std::string ids;
  std::string missing = "error";
  bool normalise = false;
  template <class F>
  void fields(F& f) {
    f("path", path, "the .npy or .safetensors file");
    f("tensor", tensor, "which tensor of a .safetensors file (none named: its only one)");
    f("ids", ids, "text file with the item id of each row (none named: rows follow the catalogue)");
    f("missing", missing, "what an item without a row does, with `ids`: stop, or get a zero vector",
      one_of({"error", "zero"}));
    f("normalise", normalise, "scale vectors to length 1");
  }
};

Matrix read_vectors(const Options& options) {
  const std::filesystem::path path = options.path;
  if (path.extension() == ".npy") return to_matrix(NpyFile(path).array(), options.path);
  TESSERA_CHECK(path.extension() == ".safetensors", config, "[file] path is '{}', wanted a .npy or .safetensors file",
                options.path);
  const SafetensorsFile source(path);
  if (!options.tensor.empty()) return to_matrix(source.at(options.tensor), options.path + ": " + options.tensor);
  TESSERA_CHECK(source.tensors().size() == 1, config, "{} holds {} tensors: name one with `tensor`", options.path,
                source.tensors().size());
  const auto& [name, array] = *source.tensors().begin();
  return to_matrix(array, options.path + ": " + name);
}

/// Rows in the order of the catalogue.
Matrix reorder(const Matrix& rows, const Dataset& data, const Options& options) {
  Matrix vectors(data.items.size(), rows.cols);
  std::vector<bool> present(static_cast<size_t>(data.items.size()), false);
  int64_t row = 0;
  for_each_line(options.ids, [&](std::string_view id, int64_t line) {
    TESSERA_CHECK(row < rows.rows, data, "{}:{}: more ids than the {} rows of {}", options.ids, line, rows.rows,
                  options.path);
    const auto item = data.items.find(id);
    if (item) {  // an id of another catalogue is no error: vectors may cover more than this dataset
      const auto place = static_cast<size_t>(index(*item));
      TESSERA_CHECK(!present[place], data, "{}:{}: item '{}' stands there twice", options.ids, line, id);
      present[place] = true;
      std::copy(rows.row(row).begin(), rows.row(row).end(), vectors.row(index(*item)).begin());
    }
    ++row;
  });
  TESSERA_CHECK(row == rows.rows, data, "{} names {} rows, {} has {}", options.ids, row, options.path, rows.rows);
  int64_t found = 0;
  for (const bool here : present) found += here ? 1 : 0;
  TESSERA_CHECK(found > 0, data, "{} names no item of this dataset (are these the ids of another catalogue?)",
                options.ids);
  for (size_t i = 0; i < present.size(); ++i) {
    TESSERA_CHECK(present[i] || options.missing == "zero", data,
                  "{} has no row for item '{}' and {} others (set missing = \"zero\" to give them zero vectors)",
                  options.ids, data.items[ItemId{static_cast<int32_t>(i)}].id, data.items.size() - found - 1);
  }
  return vectors;
}

class FileVectors : public Embedder {
 public:
  explicit FileVectors(Options options) : options_(std::move(options)) {
    TESSERA_CHECK(!options_.path.empty(), config, "[file] needs a `path` to a .npy or .safetensors file");
  }

  Matrix embed(const Dataset& data, const Split&, const MethodContext&) override {
    Matrix vectors = read_vectors(options_);
    TESSERA_CHECK(vectors.cols >= 1, shape, "{}: vectors have no dimensions", options_.path);
    if (!options_.ids.empty()) {
      vectors = reorder(vectors, data, options_);
    } else {
      TESSERA_CHECK(vectors.rows == data.items.size(), shape,
                    "{} has {} rows, the catalogue {} items (name the items of its rows with `ids`)", options_.path,
                    vectors.rows, data.items.size());
    }
    if (options_.normalise) normalise_rows(vectors);
    return vectors;
  }

 private:
  Options options_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, FileVectors>("file", "vectors from a .npy or .safetensors file", "", "");
}

}  // namespace tessera::methods::file
