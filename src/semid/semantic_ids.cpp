#include "semid/semantic_ids.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

#include "base/array_file.h"
#include "base/error.h"

namespace tessera {

namespace {

constexpr int64_t kMaxLevels = 64;
/// The metadata key of a file that holds `level_sizes`; not part of SemanticIds::metadata.
constexpr const char* kLevelSizesKey = "level_sizes";

std::string level_sizes_to_text(const std::vector<int32_t>& sizes) {
  return fmt::format("{}", fmt::join(sizes, ","));
}

std::vector<int32_t> level_sizes_from_text(std::string_view text, const std::string& where) {
  std::vector<int32_t> sizes;
  while (true) {
    int32_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    TESSERA_CHECK(error == std::errc() && size >= 1, corrupt,
                  "{}: metadata `level_sizes` is not a list of positive integers", where);
    sizes.push_back(size);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.empty()) return sizes;
    TESSERA_CHECK(text.front() == ',', corrupt, "{}: metadata `level_sizes` holds '{}' where a comma is wanted", where,
                  text.front());
    text.remove_prefix(1);
  }
}

/// Every invariant of SemanticIds that a file could break.
void check(const SemanticIds& ids, ErrorKind kind, const std::string& where) {
  const int64_t levels = ids.levels();
  if (levels < 1 || levels > kMaxLevels) fail(kind, "{}: {} levels, 1 to {} are possible", where, levels, kMaxLevels);
  const auto count = static_cast<int64_t>(ids.codes.size());
  if (count % levels != 0) fail(kind, "{}: {} codes are not a multiple of {} levels", where, count, levels);
  for (int64_t l = 0; l < levels; ++l) {
    const int32_t size = ids.level_sizes[static_cast<size_t>(l)];
    if (size < 1) fail(kind, "{}: level {} has {} codes, at least 1 is needed", where, l, size);
    for (int64_t i = l; i < count; i += levels) {
      const int32_t code = ids.codes[static_cast<size_t>(i)];
      if (code < 0 || code >= size) {
        fail(kind, "{}: item {} holds code {} at level {}, codebook has {} (was it trained with other levels?)", where,
             i / levels, code, l, size);
      }
    }
  }
  const auto num_books = static_cast<int64_t>(ids.codebooks.size());
  if (num_books > levels) fail(kind, "{}: {} codebooks for {} levels", where, num_books, levels);
  for (int64_t l = 0; l < num_books; ++l) {
    const Matrix& book = ids.codebooks[static_cast<size_t>(l)];
    const int32_t size = ids.level_sizes[static_cast<size_t>(l)];
    if (book.rows != size) fail(kind, "{}: codebook.{} has {} rows, level has {} codes", where, l, book.rows, size);
    if (book.cols != ids.codebooks[0].cols) {
      fail(kind, "{}: codebook.{} has dimension {}, codebook.0 has {}", where, l, book.cols, ids.codebooks[0].cols);
    }
  }
}

}  // namespace

void append_collision_level(SemanticIds& ids) {
  check(ids, ErrorKind::data, "semantic IDs");
  const int64_t levels = ids.levels();
  const int64_t num_items = ids.num_items();
  std::vector<int32_t> order(static_cast<size_t>(num_items));
  std::iota(order.begin(), order.end(), 0);
  const auto row = [&](int32_t item) { return ids.of(ItemId{item}); };
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return std::lexicographical_compare(row(a).begin(), row(a).end(), row(b).begin(), row(b).end());
  });
  std::vector<int32_t> place(static_cast<size_t>(num_items));
  int32_t largest = 0;
  for (size_t i = 1; i < order.size(); ++i) {
    const auto now = row(order[i]), before = row(order[i - 1]);
    const bool equal = std::equal(now.begin(), now.end(), before.begin());
    place[static_cast<size_t>(order[i])] = equal ? place[static_cast<size_t>(order[i - 1])] + 1 : 0;
    largest = std::max(largest, place[static_cast<size_t>(order[i])]);
  }
  std::vector<int32_t> codes;
  codes.reserve(static_cast<size_t>(num_items * (levels + 1)));
  for (int32_t item = 0; item < num_items; ++item) {
    codes.insert(codes.end(), row(item).begin(), row(item).end());
    codes.push_back(place[static_cast<size_t>(item)]);
  }
  ids.codes = std::move(codes);
  ids.level_sizes.push_back(largest + 1);
}

void save_semantic_ids(const SemanticIds& ids, const std::filesystem::path& file) {
  check(ids, ErrorKind::data, "semantic IDs");
  std::map<std::string, ArrayView> tensors;
  tensors["codes"] = view_of(std::span<const int32_t>(ids.codes), {ids.num_items(), ids.levels()});
  for (size_t l = 0; l < ids.codebooks.size(); ++l) {
    tensors[fmt::format("codebook.{}", l)] = view_of(ids.codebooks[l]);
  }
  auto metadata = ids.metadata;
  metadata[kLevelSizesKey] = level_sizes_to_text(ids.level_sizes);
  write_safetensors(file, tensors, metadata);
}

SemanticIds load_semantic_ids(const std::filesystem::path& file) {
  const SafetensorsFile source(file);
  const std::string where = file.string();
  SemanticIds ids;
  ids.metadata = source.metadata();
  const auto sizes = ids.metadata.find(kLevelSizesKey);
  TESSERA_CHECK(sizes != ids.metadata.end(), corrupt, "{}: no metadata `level_sizes` (is it a file of semantic IDs?)",
                where);
  ids.level_sizes = level_sizes_from_text(sizes->second, where);
  ids.metadata.erase(sizes);

  const ArrayView& codes = source.at("codes");
  TESSERA_CHECK(codes.type == DType::i32 && codes.shape.size() == 2, corrupt,
                "{}: `codes` must be i32 [num_items, levels], it is {} with {} dimensions", where,
                to_string(codes.type), codes.shape.size());
  TESSERA_CHECK(codes.shape[1] == ids.levels(), corrupt, "{}: `codes` has {} columns, metadata names {} levels", where,
                codes.shape[1], ids.levels());
  TESSERA_CHECK(codes.shape[0] <= std::numeric_limits<int32_t>::max(), corrupt, "{}: {} items, at most 2^31-1 fit",
                where, codes.shape[0]);
  const auto values = codes.as<int32_t>();
  ids.codes.assign(values.begin(), values.end());

  const size_t num_books = source.tensors().size() - 1;
  for (size_t l = 0; l < num_books; ++l) {
    const std::string name = fmt::format("codebook.{}", l);
    const ArrayView& book = source.at(name);
    TESSERA_CHECK(book.type == DType::f32 && book.shape.size() == 2, corrupt,
                  "{}: `{}` must be f32 [codes, dim], it is {} with {} dimensions", where, name, to_string(book.type),
                  book.shape.size());
    ids.codebooks.push_back(to_matrix(book, where + ": " + name));
  }
  check(ids, ErrorKind::corrupt, where);
  return ids;
}

}  // namespace tessera
