#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "http/json.h"
#include "live/project.h"
#include "serve/console_files.h"
#include "serve/routes.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kExamples = 12;     ///< items shown of a node
constexpr size_t kNamedNodes = 40;   ///< children, the largest, whose words are looked up
constexpr size_t kDeadShown = 1000;  ///< codes that no item has, listed of each level

// The files.

/// What a page of ours may do: nothing but its own files and the API of the server that it came from.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// "*", or one of a list of tags, weak ones too.
bool etag_matches(std::string_view header, std::string_view etag) {
  while (!header.empty()) {
    const size_t comma = header.find(',');
    std::string_view one = header.substr(0, comma);
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
    one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
    one = one.substr(0, one.find_last_not_of(" \t") + 1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == etag) return true;
  }
  return false;
}

HttpResponse console_file(std::string_view name, const HttpRequest& request) {
  const auto files = console_files();
  const auto file = std::find_if(files.begin(), files.end(), [&](const ConsoleFile& f) { return f.name == name; });
  if (file == files.end())
    throw ProblemError({ProblemCode::not_found, "the console has no file \"" + std::string(name) + "\"", "file"});
  const bool known = etag_matches(request.headers.get("If-None-Match"), file->etag);
  HttpResponse response(known ? 304 : 200, known ? "" : std::string(file->bytes), std::string(file->content_type));
  response.headers.add("ETag", std::string(file->etag));
  response.headers.add("Cache-Control", "no-cache");  // kept, and asked for again each time: a 304 costs nothing
  response.headers.add("Content-Security-Policy", kPolicy);
  response.headers.add("Referrer-Policy", "no-referrer");
  response.headers.add("X-Frame-Options", "DENY");
  response.headers.add("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.add("Cross-Origin-Resource-Policy", "same-origin");
  return response;
}

HttpResponse redirect(const char* where) {
  HttpResponse response(302, "", "");
  response.headers.add("Location", where);
  return response;
}

// Semantic IDs.

/// A node of the trie, by the codes that lead to it.
struct CodeNode {
  int64_t depth = 0;
  int32_t node = 0;
};

std::vector<int32_t> codes_of(std::string_view path) {
  std::vector<int32_t> codes;
  std::string_view rest = path;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string_view one = rest.substr(0, comma);
    int32_t code = -1;
    const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), code);
    if (error != std::errc() || end != one.data() + one.size() || code < 0 || codes.size() == 64)
      throw ProblemError({ProblemCode::invalid_parameter,
                          "path is \"" + std::string(path) + "\", wanted codes with commas between them, such as 12,5",
                          "path"});
    codes.push_back(code);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return codes;
}

std::optional<CodeNode> child_with(const Trie& trie, CodeNode at, int32_t code) {
  if (at.depth >= trie.levels()) return std::nullopt;
  const auto [first, last] = trie.children(at.depth, at.node);
  for (int32_t node = first; node < last; ++node)
    if (trie.token(at.depth + 1, node) == code) return CodeNode{at.depth + 1, node};
  return std::nullopt;
}

std::string words_of_node(const ServingModel& model, const ModelItems& items, CodeNode at) {
  return fmt::format("{}", fmt::join(model.node_words(items, at.depth, at.node), ", "));
}

int64_t live_below(const live::CatalogueView& view, const Trie& trie, CodeNode at) {
  const auto [first, last] = trie.interval(at.depth, at.node);
  int64_t count = 0;
  for (int32_t position = first; position < last; ++position) {
    const ItemId item = trie.item_at(position);
    count += index(item) < view.size() && view.is_live(item);
  }
  return count;
}

/// The children of a node; the largest have their words.
Json children_of(const ServingModel& model, const ModelItems& items, const live::CatalogueView& view, CodeNode at) {
  Json out = Json::array();
  if (at.depth >= items.trie.levels()) return out;
  const auto [first, last] = items.trie.children(at.depth, at.node);
  std::vector<CodeNode> nodes;
  for (int32_t node = first; node < last; ++node) nodes.push_back({at.depth + 1, node});
  const auto size = [&](CodeNode node) {
    const auto [begin, end] = items.trie.interval(node.depth, node.node);
    return end - begin;
  };
  std::stable_sort(nodes.begin(), nodes.end(), [&](CodeNode a, CodeNode b) { return size(a) > size(b); });
  for (const CodeNode& node : nodes) {
    Json one = {{"code", items.trie.token(node.depth, node.node)},
                {"items", size(node)},
                {"live", live_below(view, items.trie, node)}};
    if (out.size() < kNamedNodes) one["words"] = words_of_node(model, items, node);
    out.push_back(std::move(one));
  }
  return out;
}

Json examples_of(const ModelItems& items, const live::CatalogueView& view, CodeNode at) {
  Json out = Json::array();
  const auto [first, last] = items.trie.interval(at.depth, at.node);
  const auto step = std::max<int32_t>(1, (last - first) / static_cast<int32_t>(kExamples));
  for (int32_t position = first; position < last && out.size() < kExamples; position += step) {
    const ItemId item = items.trie.item_at(position);
    if (index(item) >= view.size() || !view.is_live(item)) continue;
    Json one =
        live::Projection::parse("id,title,brand,categories,price,attributes.colour", "").project(view.item(item));
    one["semantic_id"] = items.ids.of(item);
    out.push_back(std::move(one));
  }
  return out;
}

/// How the codes of each level are used by the items that are live.
Json usage_of(const ModelItems& items, const live::CatalogueView& view) {
  Json out = Json::array();
  const int64_t size = std::min(items.size(), view.size());
  for (int64_t level = 0; level < items.ids.levels(); ++level) {
    std::vector<int64_t> counts(static_cast<size_t>(items.ids.level_sizes[static_cast<size_t>(level)]), 0);
    for (int32_t i = 0; i < size; ++i)
      if (view.is_live(ItemId{i})) ++counts[static_cast<size_t>(items.ids.of(ItemId{i})[static_cast<size_t>(level)])];
    const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
    double entropy = 0;
    Json dead = Json::array();
    int64_t used = 0;
    for (size_t code = 0; code < counts.size(); ++code) {
      if (counts[code] == 0) {
        if (dead.size() < kDeadShown) dead.push_back(code);
        continue;
      }
      ++used;
      const double share = static_cast<double>(counts[code]) / total;
      entropy -= share * std::log(share);
    }
    out.push_back({{"level", level + 1},
                   {"size", counts.size()},
                   {"used", used},
                   {"perplexity", used == 0 ? 0 : std::exp(entropy)},
                   {"semantic", level < static_cast<int64_t>(items.ids.codebooks.size())},
                   {"dead", std::move(dead)},
                   {"counts", std::move(counts)}});
  }
  return out;
}

HttpResponse semantic_ids(Service& service, const HttpRequest& request) {
  const std::vector<int32_t> codes = codes_of(query_string(request, "path", 1024).value_or(""));
  const auto model = service.models().active();
  if (!model->takes_new_items())
    throw ProblemError(
        {ProblemCode::not_found, "the model " + model->version() + " works without semantic IDs", "path"});
  const auto items = model->items();
  const auto view = service.shelf().view();
  CodeNode at;
  Json trail = Json::array();
  for (const int32_t code : codes) {
    const auto next = child_with(items->trie, at, code);
    if (!next)
      throw ProblemError({ProblemCode::not_found,
                          fmt::format("no item has a semantic ID that begins with {}",
                                      fmt::join(codes.begin(), codes.begin() + at.depth + 1, ",")),
                          "path"});
    at = *next;
    trail.push_back({{"code", code}, {"words", words_of_node(*model, *items, at)}});
  }
  const auto [first, last] = items->trie.interval(at.depth, at.node);
  Json out = {{"path", codes},
              {"levels", items->trie.levels()},
              {"model_version", model->version()},
              {"trail", std::move(trail)},
              {"items", last - first},
              {"live", live_below(*view, items->trie, at)},
              {"size", at.depth < items->trie.levels() ? items->trie.level_size(at.depth) : 0},
              {"children", children_of(*model, *items, *view, at)},
              {"examples", examples_of(*items, *view, at)}};
  if (codes.empty()) out["usage"] = usage_of(*items, *view);
  return json_response(out);
}

}  // namespace

void add_console_routes(Service& service) {
  Router& router = service.router();
  router.add({"GET", "/", Scope::none, "To the console.",
              answer_with([](const HttpRequest&) { return redirect("console/"); })});
  router.add({"GET", "/console", Scope::none, "The console.", answer_with([](const HttpRequest& request) {
                // Its files are named relative to the folder.
                if (!request.path.ends_with('/')) return redirect("console/");
                return console_file("index.html", request);
              })});
  router.add(
      {"GET", "/console/{file...}", Scope::none, "A file of the console.", answer_with([](const HttpRequest& request) {
         return console_file(request.path_parameters.get("file"), request);
       })});
  router.add({"GET", "/v1/semantic_ids", Scope::admin, "What lies below the first codes of a semantic ID.",
              on_worker(service, [&service](const HttpRequest& request) { return semantic_ids(service, request); })});
}

}  // namespace tessera::serve
