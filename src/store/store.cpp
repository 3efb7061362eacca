#include "store/store.h"

#include "base/error.h"
#include "store/redis_store.h"
#include "store/rocks_store.h"
#include "store/store_url.h"

namespace tessera {

std::unique_ptr<Store> open_store(std::string_view url, const StoreOptions& options) {
  TESSERA_CHECK(options.id_window >= 1 && options.id_window <= 1'000'000'000, config,
                "store: id_window is {}, wanted 1 to 1000000000", options.id_window);
  const StoreUrl parsed = parse_store_url(url);
  if (parsed.kind == StoreUrl::Kind::rocksdb) return std::make_unique<rocks::RocksStore>(parsed.path, options);
  return std::make_unique<redis::RedisStore>(parsed, options);
}

}  // namespace tessera
