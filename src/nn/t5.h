#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "nn/parameters.h"

namespace tessera {

/// Sizes of a T5-style encoder-decoder (Raffel et al., arXiv:1910.10683): pre-norm RMS, no biases, relative positions,
/// ReLU feed-forward, unscaled attention. Without layers a side has no weights at all. Dimension letters:
/// docs/shapes.md.
struct T5Options {
  int64_t model_dim = 128;
  int64_t heads = 6;
  int64_t head_dim = 64;
  int64_t ff_dim = 1024;
  int64_t encoder_layers = 4;
  int64_t decoder_layers = 4;
  double dropout = 0.1;
  double table_rate = 1.0;
  /// Ours: a head of cross-attention adds a learned number to a context token by how far before the end of what its
  /// sequence sees it stands. T5's cross-attention knows no places, and behind a causal encoder a state says what came
  /// before its item, not what came after: without this the decoder cannot tell the latest item.
  bool recency = true;
  template <class F>
  void fields(F& f) {
    f("model_dim", model_dim, "width of the residual stream", range(4, 8192));
    f("heads", heads, "attention heads", range(1, 128));
    f("head_dim", head_dim, "width of a head", range(1, 512));
    f("ff_dim", ff_dim, "inner width of the feed-forward block", range(4, 65536));
    f("encoder_layers", encoder_layers, "encoder layers", range(1, 64));
    f("decoder_layers", decoder_layers, "decoder layers", range(1, 64));
    f("dropout", dropout, "dropout everywhere in the network", range(0, 0.95));
    f("table_rate", table_rate,
      "learning rate of the tables of tokens, as a multiple: they begin as N(0, 1), and a row is seldom met",
      range(0, 1000));
    f("recency", recency,
      "a decoder's head learns how far back it looks, which causal states do not say (ours); not if bidirectional");
  }
};

/// The weights of one attention block. Self-attention uses `qkv`; cross-attention `q` and `kv`.
struct T5Attention {
  at::Tensor norm;   ///< [d]
  at::Tensor qkv;    ///< [3*H*D, d]
  at::Tensor q, kv;  ///< [H*D, d], [2*H*D, d]
  at::Tensor out;    ///< [d, H*D]
};

struct T5FeedForward {
  at::Tensor norm;     ///< [d]
  at::Tensor in, out;  ///< [F, d], [d, F]
};

struct T5EncoderLayer {
  T5Attention self;
  T5FeedForward ff;
};

struct T5DecoderLayer {
  T5Attention self, cross;
  T5FeedForward ff;
};

/// The network between embeddings and output projection. A bundle of tensors: copies share them. All calls are pure.
/// Matrix products run in bfloat16 within an AutocastScope, or when the weights themselves are bfloat16 (cast()).
class T5 {
 public:
  T5() = default;
  T5(Parameters& parameters, const T5Options& options, const std::string& prefix);

  /// For inference: a copy whose matrices are `type` and which takes no gradient; norms and biases stay float32.
  T5 cast(at::ScalarType type) const;

  /// @param x     [B, S, d] float32
  /// @param mask  [B or 1, 1 or S, S] float32 added to the scores (kMasked hides), or undefined
  /// @return      [B, S, d]
  at::Tensor encode(const at::Tensor& x, const at::Tensor& mask, bool training) const;

  /// P sequences of T tokens for each of B contexts, causal within a sequence.
  /// @param y           [B, P, T, d] float32
  /// @param memory      [B, S, d], from encode()
  /// @param cross_mask  [B or 1, 1 or P, S] float32 added to the scores of each sequence. With options().recency, what
  ///                    it leaves to see stands at the beginning
  /// @return            [B, P, T, d]
  at::Tensor decode(const at::Tensor& y, const at::Tensor& memory, const at::Tensor& cross_mask, bool training) const;

  const T5Options& options() const { return options_; }
  const std::vector<T5EncoderLayer>& encoder_layers() const { return encoder_; }
  const std::vector<T5DecoderLayer>& decoder_layers() const { return decoder_; }
  const at::Tensor& encoder_norm() const { return encoder_norm_; }  ///< [d], after the last layer
  const at::Tensor& decoder_norm() const { return decoder_norm_; }
  const at::Tensor& encoder_bias() const { return encoder_bias_; }  ///< [buckets, H], shared by all layers
  const at::Tensor& decoder_bias() const { return decoder_bias_; }
  const at::Tensor& recency_bias() const { return recency_bias_; }  ///< [buckets, H]; undefined without recency

 private:
  friend class T5Beams;
  at::Tensor self_attention(const T5Attention& w, const at::Tensor& x, const at::Tensor& bias, const at::Tensor& mask,
                            bool training) const;
  at::Tensor cross_attention(const T5Attention& w, const at::Tensor& x, const at::Tensor& memory,
                             const at::Tensor& recency, const at::Tensor& mask, bool training) const;
  /// What each head adds to each context token, by its distance from the end of what the mask leaves.
  /// @return [B or 1, H, 1 or P, S]; undefined without recency
  at::Tensor recency(const at::Tensor& cross_mask) const;
  at::Tensor feed_forward(const T5FeedForward& w, const at::Tensor& x, bool training) const;
  bool low_precision(const at::Tensor& x) const;

  T5Options options_;
  std::vector<T5EncoderLayer> encoder_;
  std::vector<T5DecoderLayer> decoder_;
  at::Tensor encoder_norm_, decoder_norm_;                 ///< [d]
  at::Tensor encoder_bias_, decoder_bias_, recency_bias_;  ///< [buckets, H]
};

/// Distance from which on all positions share the last bucket.
inline constexpr int64_t kMaxDistance = 128;

/// T5's relative position buckets. @return [queries, keys] int64 in [0, buckets)
/// Distances up to half the buckets are exact, larger ones share logarithmic buckets up to `max_distance`.
at::Tensor relative_buckets(int64_t queries, int64_t keys, bool bidirectional, int64_t buckets, int64_t max_distance);

/// Incremental decoding of many beams a context: context keys and values are computed once and shared by all beams; the
/// beams' own keys and values stay where they were written and are found through parent pointers.
/// Inference only; one object a batch; not thread-safe.
class T5Beams {
 public:
  /// @param memory      [B, S, d]; @param cross_mask  [B, 1, S]; @param max_steps  tokens a sequence at most
  T5Beams(const T5& model, const at::Tensor& memory, const at::Tensor& cross_mask, int64_t max_steps);

  /// Feeds one token a beam. @param x  [B, W, d] embedded tokens
  /// @param parents  [B, W] int64: each beam's parent among the beams of the step before (ignored at the first step)
  /// @return [B, W, d], after the last norm
  at::Tensor step(const at::Tensor& x, const at::Tensor& parents);

 private:
  at::Tensor self_step(size_t layer, const at::Tensor& x);
  at::Tensor cross_step(size_t layer, const at::Tensor& x);

  const T5& model_;
  at::Tensor cross_mask_;
  at::Tensor bias_;                                     ///< [H, steps, steps]
  at::Tensor recency_;                                  ///< [B, H, 1, S], or undefined
  std::vector<at::Tensor> cross_keys_, cross_values_;   ///< by layer: [B, H, D, S], [B, H, S, D]
  std::vector<std::vector<at::Tensor>> keys_, values_;  ///< by layer and step: [B, W_t, H*D]
  std::vector<at::Tensor> ancestors_;  ///< by step: [B, W] int64, the row of step t that this beam descends from
};

}  // namespace tessera
