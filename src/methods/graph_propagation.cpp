#include "methods/graph_propagation.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace tessera {

using at::Tensor;

namespace {

constexpr int64_t kColumns = 64;  // summed in registers

/// out[r, first..] = sum over the entries of row r of value x[column, first..], `width` columns; total += out.
template <int64_t width>
void gather_row(const SparseMatrix& a, int64_t r, const float* x, int64_t d, int64_t rest, float* out, float* total) {
  float sum[kColumns] = {};
  const int64_t columns = width > 0 ? width : rest;
  for (int64_t e = a.begin(r); e < a.end(r); ++e) {
    const float value = a.values[static_cast<size_t>(e)];
    const float* from = x + a.columns[static_cast<size_t>(e)] * d;
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j) sum[j] += value * from[j];
  }
  for (int64_t j = 0; j < columns; ++j) {
    out[r * d + j] = sum[j];
    total[r * d + j] += sum[j];
  }
}

/// Row boundaries of pieces with about the same number of entries.
std::vector<int64_t> balanced_pieces(const SparseMatrix& a, int64_t pieces) {
  std::vector<int64_t> bounds;
  for (int64_t p = 0; p <= pieces; ++p) {
    const int64_t work = (a.num_entries() + a.rows) * p / pieces;  // an empty row is work too
    int64_t low = 0, high = a.rows;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      a.begin(middle) + middle < work ? low = middle + 1 : high = middle;
    }
    bounds.push_back(low);
  }
  bounds.back() = a.rows;
  return bounds;
}

/// out = A x, total += out
void product(const SparseMatrix& a, std::span<const int64_t> bounds, const float* x, int64_t d, float* out,
             float* total) {
  at::parallel_for(0, static_cast<int64_t>(bounds.size()) - 1, 1, [&](int64_t first, int64_t last) {
    for (int64_t r = bounds[static_cast<size_t>(first)]; r < bounds[static_cast<size_t>(last)]; ++r) {
      int64_t j = 0;
      for (; j + kColumns <= d; j += kColumns) gather_row<kColumns>(a, r, x + j, d, 0, out + j, total + j);
      if (j < d) gather_row<0>(a, r, x + j, d, d - j, out + j, total + j);
    }
  });
}

Tensor mean_of_powers(const SparseMatrix& a, const Tensor& x, int64_t layers) {
  const Tensor start = x.contiguous();
  const int64_t d = start.size(1);
  const std::vector<int64_t> bounds = balanced_pieces(a, 64);
  Tensor total = start.clone(), now = start;
  Tensor buffers[2] = {at::empty_like(start), at::empty_like(start)};
  for (int64_t layer = 0; layer < layers; ++layer) {
    Tensor& next = buffers[layer % 2];
    product(a, bounds, now.data_ptr<float>(), d, next.data_ptr<float>(), total.data_ptr<float>());
    now = next;
  }
  return total.div_(static_cast<double>(layers + 1));
}

struct Propagate : torch::autograd::Function<Propagate> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const SparseMatrix* a,
                        int64_t layers) {
    context->saved_data["matrix"] = reinterpret_cast<int64_t>(a);
    context->saved_data["layers"] = layers;
    return mean_of_powers(*a, x, layers);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto* a = reinterpret_cast<const SparseMatrix*>(context->saved_data["matrix"].toInt());
    return {mean_of_powers(*a, gradients[0], context->saved_data["layers"].toInt()), Tensor(), Tensor()};
  }
};

}  // namespace

SparseMatrix normalised_bipartite(const SparseMatrix& had) {
  const SparseMatrix back = transpose(had);
  SparseMatrix out;
  out.rows = out.cols = had.rows + had.cols;
  const auto add = [&](const SparseMatrix& edges, const SparseMatrix& other, int64_t shift) {
    for (int64_t r = 0; r < edges.rows; ++r) {
      for (int64_t e = edges.begin(r); e < edges.end(r); ++e) {
        const int32_t c = edges.columns[static_cast<size_t>(e)];
        const auto degrees = static_cast<double>((edges.end(r) - edges.begin(r)) * (other.end(c) - other.begin(c)));
        out.columns.push_back(static_cast<int32_t>(c + shift));
        out.values.push_back(static_cast<float>(1 / std::sqrt(degrees)));
      }
      out.offsets.push_back(out.num_entries());
    }
  };
  add(had, back, had.rows);
  add(back, had, 0);
  return out;
}

Tensor propagate(const SparseMatrix& a, const Tensor& x, int64_t layers) {
  TESSERA_CHECK(a.rows == a.cols && x.dim() == 2 && x.size(0) == a.rows, shape,
                "cannot propagate {} rows over a graph of {} nodes", x.size(0), a.rows);
  return Propagate::apply(x, &a, layers);
}

}  // namespace tessera
