#include "nn/table_rows.h"

#include <torch/torch.h>

#include "base/error.h"

namespace tessera {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

namespace {

struct TableRowsFunction : torch::autograd::Function<TableRowsFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& table, const Tensor& rows) {
    context->save_for_backward({table, rows});
    return at::embedding(table, rows);
  }
  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor rows = saved[1].contiguous(), from = grads[0].to(at::kFloat).contiguous(), sum = gradient_of(saved[0]);
    const int64_t d = sum.size(1), count = rows.numel();
    const int64_t* row = rows.data_ptr<int64_t>();
    const float* g = from.data_ptr<float>();
    float* to = sum.data_ptr<float>();
    for (int64_t i = 0; i < count; ++i) {
#pragma omp simd
      for (int64_t j = 0; j < d; ++j) to[row[i] * d + j] += g[i * d + j];
    }
    return {Tensor(), Tensor()};
  }
};

}  // namespace

Tensor table_rows(const Tensor& table, const Tensor& rows) {
  if (!table.is_cpu() || !table.requires_grad() || !at::GradMode::is_enabled()) return at::embedding(table, rows);
  TESSERA_CHECK(table.is_leaf() && table.scalar_type() == at::kFloat && table.is_contiguous(), internal,
                "table_rows: wanted a contiguous float32 leaf");
  return TableRowsFunction::apply(table, rows);
}

Tensor gradient_of(const Tensor& leaf) {
  Tensor& gradient = leaf.mutable_grad();
  if (!gradient.defined()) gradient = at::zeros_like(leaf.detach());
  return gradient;
}

}  // namespace tessera
