// Amazon reviews with metadata, in the layouts of 2014 and 2018 (reviewerID, asin, overall, unixReviewTime;
// meta_*.json, in 2014 as Python dicts) and of 2023 (user_id, parent_asin, rating, timestamp in milliseconds;
// meta_*.jsonl). A review is an event `rating` with its stars; its text is not kept.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "data/import/encoding.h"
#include "data/import/importer.h"
#include "data/import/python_literal.h"
#include "data/item_json.h"

namespace tessera {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr size_t kMaxAttributeBytes = 200;

std::string string_or_empty(const Json& row, const char* key) {
  const auto it = row.find(key);
  return it != row.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::string required_string(const Json& row, const char* key) {
  std::string value = string_or_empty(row, key);
  TESSERA_CHECK(!value.empty(), data, "it has no {}", key);
  return value;
}

double required_number(const Json& row, const char* key) {
  const auto it = row.find(key);
  TESSERA_CHECK(it != row.end() && it->is_number(), data, "it has no number '{}'", key);
  return it->get<double>();
}

int64_t required_integer(const Json& row, const char* key) {
  const auto it = row.find(key);
  TESSERA_CHECK(it != row.end() && it->is_number_integer(), data, "it has no whole number '{}'", key);
  return it->get<int64_t>();
}

void add_review(const Json& row, RatingSink& ratings) {
  const bool is_2023 = row.contains("parent_asin");
  if (is_2023) {
    ratings.rating(required_string(row, "user_id"), required_string(row, "parent_asin"), required_number(row, "rating"),
                   required_integer(row, "timestamp") / 1000);
  } else {
    ratings.rating(required_string(row, "reviewerID"), required_string(row, "asin"), required_number(row, "overall"),
                   required_integer(row, "unixReviewTime"));
  }
}

/// A string, or the strings of a list one after the other.
std::string joined_text(const Json& row, const char* key) {
  const auto it = row.find(key);
  if (it == row.end()) return {};
  if (it->is_string()) return without_entities(it->get<std::string>());
  std::string text;
  if (!it->is_array()) return text;
  for (const Json& part : *it) {
    if (!part.is_string() || part.get_ref<const std::string&>().empty()) continue;
    if (!text.empty()) text += ' ';
    text += without_entities(part.get<std::string>());
  }
  return text;
}

/// A number, or the number in "$12.99". A range or anything else is unknown: NaN.
double price_of(const Json& row) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  const auto it = row.find("price");
  if (it == row.end()) return kUnknown;
  double price = kUnknown;
  if (it->is_number()) {
    price = it->get<double>();
  } else if (it->is_string()) {
    std::string digits = it->get<std::string>();
    digits.erase(std::remove(digits.begin(), digits.end(), ','), digits.end());
    std::string_view text = trimmed(digits);
    if (text.starts_with('$')) text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), price);
    if (error != std::errc() || end != text.data() + text.size()) price = kUnknown;
  }
  return std::isfinite(price) && price >= 0 ? price : kUnknown;
}

void add_path(Item& item, const Json& names) {
  std::vector<std::string> path;
  for (const Json& name : names) {
    if (name.is_string() && !name.get_ref<const std::string&>().empty()) {
      path.push_back(without_entities(name.get<std::string>()));
    }
  }
  if (!path.empty()) item.categories.push_back(std::move(path));
}

/// `categories` as list of paths (2014) or one path (2023), or `category` as one path (2018).
void add_categories(Item& item, const Json& row) {
  for (const char* key : {"categories", "category"}) {
    const auto it = row.find(key);
    if (it == row.end() || !it->is_array() || it->empty()) continue;
    if (!it->front().is_array()) {
      add_path(item, *it);
    } else {
      for (const Json& path : *it) {
        if (path.is_array()) add_path(item, path);
      }
    }
    return;
  }
}

void add_details(Item& item, const Json& row) {
  const auto details = row.find("details");
  if (details == row.end() || !details->is_object()) return;
  for (const auto& [key, value] : details->items()) {
    const std::string text = value.is_string()   ? without_entities(value.get<std::string>())
                             : value.is_number() ? value.dump()
                                                 : "";
    if (!text.empty() && text.size() <= kMaxAttributeBytes) item.attributes[key] = text;
  }
}

Item product_of(const Json& row) {
  Item item;
  item.id = row.contains("parent_asin") ? required_string(row, "parent_asin") : required_string(row, "asin");
  item.title = without_entities(string_or_empty(row, "title"));
  item.brand = without_entities(string_or_empty(row, row.contains("brand") ? "brand" : "store"));
  const char* bullet_points = row.contains("features") ? "features" : "feature";
  item.description = joined_text(row, bullet_points);
  const std::string description = joined_text(row, "description");
  if (!item.description.empty() && !description.empty()) item.description += ' ';
  item.description += description;
  item.price = price_of(row);
  add_categories(item, row);
  add_details(item, row);
  return item;
}

/// Strict JSON, or a Python dict as in 2014.
Json parse_amazon_row(std::string_view text) {
  const Json parsed = Json::parse(text, nullptr, false);
  const Json row = parsed.is_discarded() ? parse_python_literal(text) : parsed;
  TESSERA_CHECK(row.is_object(), data, "wanted an object");
  return row;
}

struct AmazonFiles {
  std::vector<fs::path> reviews, meta;
};

bool is_json_lines(const fs::path& path) {
  const std::string ending = fs::path(plain_name(path)).extension().string();
  return ending == ".json" || ending == ".jsonl";
}

/// The files of a folder; for a single file of reviews, the metadata whose name goes with it (meta_Beauty.json.gz for
/// reviews_Beauty_5.json.gz) or the only one there is.
AmazonFiles find_amazon_files(const fs::path& source) {
  AmazonFiles files;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder_of(source))) {
    if (entry.is_regular_file() && is_json_lines(entry.path())) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    const bool is_meta = path.filename().string().starts_with("meta_");
    (is_meta ? files.meta : files.reviews).push_back(path);
  }
  if (fs::is_directory(source)) return files;
  files.reviews = {source};
  if (files.meta.size() <= 1) return files;
  const std::string name = plain_name(source);
  std::erase_if(files.meta, [&](const fs::path& meta) {
    const std::string category = fs::path(plain_name(meta)).stem().string().substr(std::string("meta_").size());
    return name.find(category) == std::string::npos;
  });
  return files;
}

}  // namespace

void import_amazon(ImportJob& job, const fs::path& source) {
  const AmazonFiles files = find_amazon_files(source);
  TESSERA_CHECK(!files.reviews.empty(), data, "{}: holds no reviews (*.json or *.jsonl beside meta_*)",
                source.string());
  RatingSink ratings(job.dataset, job.options.all_items);
  for (const fs::path& file : files.reviews) {
    for_each_line(file, [&](std::string_view text, int64_t line) {
      if (!trimmed(text).empty()) job.row(file, line, [&] { add_review(parse_amazon_row(text), ratings); });
    });
  }
  for (const fs::path& file : files.meta) {
    for_each_line(file, [&](std::string_view text, int64_t line) {
      if (!trimmed(text).empty()) job.row(file, line, [&] { ratings.describe(product_of(parse_amazon_row(text))); });
    });
  }
  if (files.meta.empty()) job.note("there is no meta_* file: items have ids, but no texts");
  if (const int64_t without = ratings.finish(); without > 0 && !files.meta.empty()) {
    job.note(fmt::format("{} reviewed items have no metadata", without));
  }
}

}  // namespace tessera
