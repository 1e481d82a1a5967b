//! Graphs for ONNX Runtime's CUDA provider.
//!
//! Every value stays on the GPU: shapes, positions and masks come as inputs ([`Feed`](crate::graph::Feed)), since arithmetic
//! on shapes is done on the CPU. No operator needs cuDNN, which is optional there: products are `FusedMatMul`, sums over
//! tokens are products, too. `Gemm` is avoided as it writes a bias over the whole output first, and then reads it back.
//!
//! Layers are written from their descriptions ([`PackedLayer`](super::packed::PackedLayer)), so that biases, residuals, norms
//! and activations are fused: nine nodes for a layer of BERT, one of which only renames dimensions. What has no
//! description (DeBERTa) is written by the same parts.
//!
//! | layout | tokens | attention |
//! |---|---|---|
//! | unpadded | `[tokens, width]`, one text behind the other | `PackedMultiHeadAttention`: float32 and float16, not causal |
//! | padded | `[batch, sequence, width]` | ONNX's `Attention`, causal by its attribute, else with a bias for padding |

mod attention;
mod bias;
mod convolution;
mod feeds;
mod layer;
mod linear;
mod numbers;
mod pooling;
mod rotary;
pub(super) mod scores;
pub(super) mod target;
