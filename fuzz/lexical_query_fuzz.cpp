// Any bytes as a query, a synonym, a text to highlight and a prefix to complete.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "lexical/highlight.h"
#include "lexical/lexical_index.h"
#include "lexical/suggest.h"

namespace {

using namespace tessera;

void expect(bool holds) {
  if (!holds) std::abort();
}

struct FuzzWorld {
  LexicalIndex index;
  Suggester suggester;
  Item item;
  FuzzWorld() {
    Item red, chinese;
    red.title = "Red Nail Polish for caf\u00e9s";
    red.brand = "Lumo";
    red.attributes = {{"colour", "red"}};
    chinese.title = "\u7ea2\u8272\u7684\u6307\u7532\u6cb9 iPhone15";
    const LexicalChange changes[] = {{ItemId{0}, &red}, {ItemId{3}, &chinese}};
    index.apply(changes, 1);
    suggester.put_items({{ItemId{0}, red.title, 1}, {ItemId{3}, chinese.title, 2}});
    item = red;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static FuzzWorld world;
  static int64_t now = 1767225600;
  if (size < 2 || size > 2000) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const uint8_t flags = data[0];
  try {
    if (flags & 1)
      world.index.set_synonyms({{flags & 2 ? text.substr(0, text.size() / 2) : "", {text, "nail polish"}}});
    LexicalQuery query;
    query.text = text;
    query.prefix = flags & 4;
    query.num_typos = data[1] % 3;
    query.all_matches = true;
    query.explain = flags & 8;
    const LexicalResult result = world.index.search(query);
    expect(result.found == static_cast<int64_t>(result.matches.size()));
    expect(result.hits.size() == result.matches.size());
    Highlighter highlighter(world.index.options());
    for (const std::string_view marked : {std::string_view(text), std::string_view(world.item.title)}) {
      HighlightOptions options;
      options.window = 1 + data[1] % 7;
      const auto found = highlighter.highlight(marked, result.terms, options);
      if (found) expect(valid_utf8(found->snippet) == found->snippet && !found->matched_tokens.empty());
    }
    if (flags & 16) world.suggester.add_query(text, 1, ++now);
    if (flags & 32) world.suggester.put_item({ItemId{flags % 5}, text, 1.0});
    for (const QuerySuggestion& one : world.suggester.suggest({.prefix = text}).queries) {
      expect(valid_utf8(one.text) == one.text);
    }
    if (flags & 64) world.suggester.remove_query(text);
  } catch (const Error& error) {
    expect(error.kind() == ErrorKind::data);
  }
  return 0;
}
