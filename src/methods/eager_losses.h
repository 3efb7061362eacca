#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <string>

#include "base/options.h"
#include "methods/eager_stream.h"
#include "nn/transformer.h"

namespace tessera {

/// EAGER's global contrastive task: the summary of a stream gives back its item's source vector.
struct EagerContrastOptions {
  std::string contrast = "smooth-l1";
  double weight = 1.0, semantic_weight = 1.0, temperature = 0.3;
  int64_t negatives = 2048;
  template <class F>
  void fields(F& f) {
    f("contrast", contrast, "global contrastive task: the paper's smooth-l1, the released code's infonce, or none",
      one_of({"smooth-l1", "infonce", "none"}));
    f("contrast_weight", weight, "weight of the contrastive losses (the paper's lambda 1)", range(0, 1000));
    f("contrast_semantic", semantic_weight, "of these, the semantic stream counts so many times", range(0, 1000));
    f("contrast_temperature", temperature, "infonce: temperature", range(1e-3, 100));
    f("contrast_negatives", negatives, "infonce: random items; the answer is never among its own", range(1, 1 << 20));
  }
};

/// @param guess    [N, d_x], the projected summaries; @param items  [N] int64
/// @param vectors  [num_items, d_x] float32, without gradient
/// smooth-l1: mean over all elements. infonce: cross-entropy of guess . vector / temperature against `negatives`
/// uniform items that the rows share.
at::Tensor eager_contrast(const at::Tensor& guess, const at::Tensor& items, const at::Tensor& vectors,
                          const EagerContrastOptions& options);

/// EAGER's semantic-guided transfer task.
struct EagerTransferOptions {
  bool reconstruct = true, recognise = true;
  double weight = 1.0, temperature = 1.0;
  std::string hides = "half";
  std::string direction = "semantic-to-behaviour";
  bool detach = true;
  template <class F>
  void fields(F& f) {
    f("reconstruct", reconstruct, "transfer task: masked codes are filled in with the guide's help");
    f("recognise", recognise, "transfer task: true codes are told from codes of which some are replaced");
    f("transfer_hides", hides,
      "codes that are masked or replaced: half (paper), of which those behind tell the ones before; rest (ours): all "
      "from a random one on",
      one_of({"half", "rest"}));
    f("transfer_weight", weight, "weight of the transfer losses (the paper's lambda 2)", range(0, 1000));
    f("reconstruct_temperature", temperature, "temperature of the filled-in codes", range(1e-3, 100));
    f("guide_direction", direction, "whose summary guides whose codes",
      one_of({"semantic-to-behaviour", "behaviour-to-semantic"}));
    f("detach", detach, "the guide's summary takes no gradient");
  }
  bool any() const { return reconstruct || recognise; }
};

/// Which half of each row's codes is chosen. @return [N, L] bool, max(1, L / 2) true a row, uniform
at::Tensor choose_half(int64_t rows, int64_t levels, c10::Device device);

/// All of each row's codes from a uniform one on. @return [N, L] bool, 1 to L true a row
at::Tensor choose_rest(int64_t rows, int64_t levels, c10::Device device);

/// Other nodes than the true ones: siblings, or where a node has none any other of its depth. A node that is alone at
/// its depth stays. @param path  [N, L] nodes. @return [N, L]
at::Tensor other_nodes(const EagerStream& stream, const at::Tensor& path);

/// Another path behind the codes that stay: a sibling (see other_nodes), then random children down to a leaf.
/// @param path  [N, L] nodes; @param replaced  [N, L] bool, of choose_rest. @return [N, L]
at::Tensor other_path(const EagerStream& stream, const at::Tensor& path, const at::Tensor& replaced);

/// The small bidirectional transformer that reads [CLS | codes]. Attention to a guide of one vector is a linear map of
/// it, which is added to every token.
class EagerTransfer {
 public:
  EagerTransfer() = default;
  /// @param stream  the guided one, borrowed
  EagerTransfer(Parameters& parameters, const T5Options& sizes, const EagerStream& stream,
                const EagerTransferOptions& options);

  /// @param items  [N] int64; @param guide  [N, d] float32
  /// @return scalar: reconstruction and recognition losses, those that are on
  at::Tensor loss(const at::Tensor& items, const at::Tensor& guide, bool training) const;

  /// States of token sequences. @param tokens  [N, L] of the stream's table; @param hidden  [N, L] bool, or undefined.
  /// @return [N, 1 + L, d]
  at::Tensor states(const at::Tensor& tokens, const at::Tensor& hidden, const at::Tensor& guide, bool training) const;

 private:
  at::Tensor chosen(const at::Tensor& path) const;
  at::Tensor reconstruction(const at::Tensor& states, const at::Tensor& path, const at::Tensor& hidden) const;

  const EagerStream* stream_ = nullptr;
  EagerTransferOptions options_;
  at::Tensor cls_, mask_, position_, guide_, judge_;  ///< [d], [d], [1 + L, d], [d, d], [d]
  Transformer transformer_;
};

}  // namespace tessera
