// JSON from outside: parse_json agrees with the library's own parser on what is JSON, and the typed getters and scoped
// keys take whatever comes out of it.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "http/crypto.h"
#include "http/json.h"
#include "http/keys.h"

namespace {

using namespace tessera;

void read_fields(const nlohmann::json& object) {
  const auto quietly = [](auto&& read) {
    try {
      read();
    } catch (const Error&) {
    }
  };
  for (const char* name : {"q", "k", "a", ""}) {
    quietly([&] { optional_string(object, name, 10); });
    quietly([&] { optional_integer(object, name, -5, 1000); });
    quietly([&] { optional_number(object, name, 0, 1); });
    quietly([&] { optional_bool(object, name); });
    quietly([&] { optional_strings(object, name, 3, 4); });
  }
  quietly([&] { refuse_unknown(object, {"q", "filter_by"}); });
  quietly([&] { key_from_json(object); });
  quietly([&] { key_wish_from_json(object); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const nlohmann::json value = parse_json(text, {1 << 20, 16, 1000});
    if (!nlohmann::json::accept(text)) std::abort();
    read_fields(value);
    json_response(value);
  } catch (const ProblemError& error) {
    render_problem(error.problem(), text, "id");
    if (error.problem().code == ProblemCode::internal_error) std::abort();
  }
  static KeyRing ring;
  static const std::string signing = [] {
    KeyWish wish;
    wish.scopes = {Scope::search};
    return ring.create(wish).signing_key;
  }();
  ring.verify(base64_encode(base64_encode(hmac_sha256(signing, text)) + signing.substr(0, 4) + std::string(text)));
  ring.verify(text);
  return 0;
}
