// JSON that a caller of the service sends: events, items, rules and keys are read or refused, what was read is written
// and read alike, and an item can be put, filtered and projected.
#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "http/json.h"
#include "live/filter.h"
#include "live/live_catalogue.h"
#include "live/project.h"
#include "live/rules.h"
#include "scratch.h"
#include "serve/event.h"

using namespace tessera;
using fuzz::expect;

namespace {

void read_event(const nlohmann::json& value) {
  const serve::Event event = serve::event_from_json(value, 77);
  const nlohmann::json written = serve::event_to_json(event);
  expect(serve::event_to_json(serve::event_from_json(nlohmann::json::parse(to_line(written)), 0)) == written);
}

void put_item(const nlohmann::json& value) {
  const Item item = item_from_json(value);
  const std::string written = item_to_json(item);
  expect(item_to_json(item_from_json(parse_object(written))) == written);
  live::LiveCatalogue catalogue;
  catalogue.apply({live::Change::put(item)});
  const auto view = catalogue.view();
  const auto slot = view->find(item.id);
  expect(slot.has_value() && view->num_live() == 1);
  expect(live::Filter::parse("price:>=0 || !price:>=0").evaluate(*view).count() == 1);
  live::Projection::parse("", "title").project(view->item(*slot));
  catalogue.apply({live::Change::erase(item.id)});
  expect(catalogue.view()->num_live() == 0);
}

void read_rule(const nlohmann::json& value) {
  const live::Rule rule = live::rule_from_json(value);
  const nlohmann::json written = live::to_json(rule);
  expect(live::to_json(live::rule_from_json(written)) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  nlohmann::json value;
  try {
    value = parse_json({reinterpret_cast<const char*>(data), size});
  } catch (const ProblemError&) {
    return 0;
  }
  fuzz::read_or_refuse(ErrorKind::data, [&] { read_event(value); });
  fuzz::read_or_refuse(ErrorKind::data, [&] { put_item(value); });
  fuzz::read_or_refuse(ErrorKind::data, [&] { read_rule(value); });
  return 0;
}
