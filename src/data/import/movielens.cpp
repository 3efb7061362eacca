// MovieLens ratings: ml-100k (u.data, u.item, u.user), ml-1m and ml-10m (ratings.dat, movies.dat, users.dat), and
// ml-latest, ml-20m, ml-25m (ratings.csv, movies.csv). A rating is an event `rating` with its value; genres are
// category paths.
#include <array>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "data/import/csv_reader.h"
#include "data/import/encoding.h"
#include "data/import/importer.h"
#include "data/item_json.h"

namespace tessera {

namespace {

namespace fs = std::filesystem;

/// The genre columns of u.item, in the order of u.genre.
constexpr std::array<const char*, 19> kGenres100k{"unknown",   "Action",   "Adventure",   "Animation", "Children's",
                                                  "Comedy",    "Crime",    "Documentary", "Drama",     "Fantasy",
                                                  "Film-Noir", "Horror",   "Musical",     "Mystery",   "Romance",
                                                  "Sci-Fi",    "Thriller", "War",         "Western"};

/// "Toy Story (1995)" -> "1995", or "".
std::string year_of_title(std::string_view title) {
  title = trimmed(title);
  if (title.size() < 6 || title.back() != ')' || title[title.size() - 6] != '(') return {};
  const std::string_view year = title.substr(title.size() - 5, 4);
  return year.find_first_not_of("0123456789") == std::string_view::npos ? std::string(year) : std::string();
}

Item movie(std::string_view id, std::string_view title) {
  TESSERA_CHECK(!trimmed(id).empty(), data, "it has no id");
  Item item;
  item.id = std::string(trimmed(id));
  item.title = utf8_or_latin1(trimmed(title));
  if (const std::string year = year_of_title(title); !year.empty()) item.attributes["year"] = year;
  return item;
}

/// "Animation|Comedy" as paths of one name each.
void add_genres(Item& item, std::string_view genres) {
  if (genres == "(no genres listed)") return;
  for (const std::string_view genre : split_text(genres, "|")) {
    if (!trimmed(genre).empty()) item.categories.push_back({utf8_or_latin1(trimmed(genre))});
  }
}

/// The lines of a file that split into fields, each as one row of the job.
template <class Row>
void read_fields(ImportJob& job, const fs::path& file, std::string_view separator, size_t min_fields, const Row& row) {
  for_each_line(file, [&](std::string_view text, int64_t line) {
    if (trimmed(text).empty()) return;
    job.row(file, line, [&] {
      const auto fields = split_text(text, separator);
      TESSERA_CHECK(fields.size() >= min_fields, data, "{} fields between '{}', wanted {}", fields.size(),
                    separator == "\t" ? "<tab>" : separator, min_fields);
      row(fields);
    });
  });
}

/// Attributes of users who rated something; others are dropped.
void describe_user(Dataset& dataset, std::string_view user, const nlohmann::json& attributes) {
  dataset.user_attributes.resize(static_cast<size_t>(dataset.users.size()));
  const auto number = dataset.users.find(user);
  if (number) dataset.user_attributes[static_cast<size_t>(*number)] = to_line(attributes);
}

void read_100k(ImportJob& job, RatingSink& ratings, const fs::path& folder, const fs::path& events) {
  read_fields(job, events, "\t", 4, [&](const std::vector<std::string_view>& fields) {
    ratings.rating(fields[0], fields[1], parse_number(fields[2], "rating"), parse_integer(fields[3], "timestamp"));
  });
  if (const auto items = find_file(folder, "u.item")) {
    read_fields(job, *items, "|", 5 + kGenres100k.size(), [&](const std::vector<std::string_view>& fields) {
      Item item = movie(fields[0], fields[1]);
      for (size_t g = 1; g < kGenres100k.size(); ++g) {
        if (fields[5 + g] == "1") item.categories.push_back({kGenres100k[g]});
      }
      ratings.describe(std::move(item));
    });
  }
  if (const auto users = find_file(folder, "u.user")) {
    read_fields(job, *users, "|", 4, [&](const std::vector<std::string_view>& fields) {
      describe_user(job.dataset, fields[0],
                    {{"age", std::string(fields[1])},
                     {"gender", std::string(fields[2])},
                     {"occupation", std::string(fields[3])}});
    });
  }
}

void read_1m(ImportJob& job, RatingSink& ratings, const fs::path& folder, const fs::path& events) {
  read_fields(job, events, "::", 4, [&](const std::vector<std::string_view>& fields) {
    ratings.rating(fields[0], fields[1], parse_number(fields[2], "rating"), parse_integer(fields[3], "timestamp"));
  });
  if (const auto items = find_file(folder, "movies.dat")) {
    read_fields(job, *items, "::", 3, [&](const std::vector<std::string_view>& fields) {
      Item item = movie(fields[0], fields[1]);
      add_genres(item, fields.back());
      ratings.describe(std::move(item));
    });
  }
  if (const auto users = find_file(folder, "users.dat")) {
    read_fields(job, *users, "::", 4, [&](const std::vector<std::string_view>& fields) {
      describe_user(job.dataset, fields[0],
                    {{"gender", std::string(fields[1])},
                     {"age", std::string(fields[2])},
                     {"occupation", std::string(fields[3])}});
    });
  }
}

/// Reads a CSV file whose first line must be a known header.
template <class Row>
void read_headed(ImportJob& job, const fs::path& file, const std::vector<std::string_view>& header, const Row& row) {
  const auto record = [&](const CsvRecord& csv) {
    if (csv.line == 1) {
      TESSERA_CHECK(std::equal(csv.fields.begin(), csv.fields.end(), header.begin(), header.end()), data,
                    "{}:1: wanted the header '{}', found '{}'", file.string(), fmt::join(header, ","),
                    fmt::join(csv.fields, ","));
      return;
    }
    job.row(file, csv.line, [&] {
      TESSERA_CHECK(csv.fields.size() == header.size(), data, "{} fields, wanted {}", csv.fields.size(), header.size());
      row(csv.fields);
    });
  };
  for_each_record(file, ',', record, [&](int64_t line, int64_t num_lines, const char* reason) {
    job.bad_rows(file, line, reason, num_lines);
  });
}

void read_latest(ImportJob& job, RatingSink& ratings, const fs::path& folder, const fs::path& events) {
  using Fields = std::span<const std::string_view>;
  read_headed(job, events, {"userId", "movieId", "rating", "timestamp"}, [&](Fields fields) {
    ratings.rating(fields[0], fields[1], parse_number(fields[2], "rating"), parse_integer(fields[3], "timestamp"));
  });
  if (const auto items = find_file(folder, "movies.csv")) {
    read_headed(job, *items, {"movieId", "title", "genres"}, [&](Fields fields) {
      Item item = movie(fields[0], fields[1]);
      add_genres(item, fields[2]);
      ratings.describe(std::move(item));
    });
  }
}

}  // namespace

void import_movielens(ImportJob& job, const fs::path& source) {
  struct Layout {
    const char* events;
    void (*read)(ImportJob&, RatingSink&, const fs::path&, const fs::path&);
  };
  static constexpr Layout kLayouts[] = {{"u.data", read_100k}, {"ratings.dat", read_1m}, {"ratings.csv", read_latest}};
  const fs::path folder = folder_of(source);
  RatingSink ratings(job.dataset, job.options.all_items);
  for (const Layout& layout : kLayouts) {
    if (!fs::is_directory(source) && plain_name(source) != layout.events) continue;
    const auto events = fs::is_directory(source) ? find_file(folder, layout.events) : std::optional(source);
    if (!events) continue;
    layout.read(job, ratings, folder, *events);
    if (!job.dataset.user_attributes.empty()) {
      job.dataset.user_attributes.resize(static_cast<size_t>(job.dataset.users.size()));
    }
    if (const int64_t without = ratings.finish(); without > 0) {
      job.note(fmt::format("{} rated movies have no title", without));
    }
    return;
  }
  fail(ErrorKind::data, "{}: holds none of u.data, ratings.dat and ratings.csv", source.string());
}

}  // namespace tessera
