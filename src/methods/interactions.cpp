#include "methods/interactions.h"

#include <algorithm>
#include <vector>

namespace tessera {

SparseMatrix interactions(const Split& split, int64_t num_items) {
  SparseMatrix out;
  out.rows = split.all.num_users();
  out.cols = num_items;
  std::vector<int32_t> items;
  for (int64_t u = 0; u < out.rows; ++u) {
    items.clear();
    for (const ItemId item : split.train_history(UserId{static_cast<int32_t>(u)})) items.push_back(index(item));
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
    out.columns.insert(out.columns.end(), items.begin(), items.end());
    out.offsets.push_back(static_cast<int64_t>(out.columns.size()));
  }
  out.values.assign(out.columns.size(), 1.0f);
  return out;
}

}  // namespace tessera
