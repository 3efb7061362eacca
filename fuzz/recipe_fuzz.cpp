// Any bytes as a recipe, and its lines as assignments of --set: read or refused with Error(config).
#include <cstdint>

#include "base/error.h"
#include "pipeline/recipe.h"
#include "scratch.h"

using namespace tessera;
using fuzz::expect;

namespace {

template <class Options>
void read_section(const Recipe& recipe, const char* name) {
  if (!recipe.has(name)) return;
  fuzz::read_or_refuse(ErrorKind::config, [&] {
    Options options;
    assign(options, recipe.section(name), name);
    const nlohmann::json whole = list_options(options).dump();
    Options again;
    assign(again, whole, name);
    expect(list_options(again).dump() == whole);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Recipe recipe;
  fuzz::read_or_refuse(ErrorKind::config, [&] { recipe = parse_recipe(text, "fuzz.toml"); });
  for (const auto& [key, line] : recipe.lines) expect(line >= 1 && !key.empty());
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    fuzz::read_or_refuse(ErrorKind::config, [&] { apply_set(recipe, rest.substr(0, end)); });
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  read_section<RunOptions>(recipe, "run");
  read_section<ImportOptions>(recipe, "data");
  read_section<SplitOptions>(recipe, "split");
  read_section<EvaluateOptions>(recipe, "evaluate");
  return 0;
}
