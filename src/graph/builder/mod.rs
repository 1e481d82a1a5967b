//! The parts of all architectures: nodes, constants, weights by reference, and the layers of a transformer.
//!
//! Operators are chosen by measurement on CPU: `Gemm` with a transposed B takes PyTorch's `[out, in]` weights as they
//! lie in the file and adds the bias itself; `Add` + `LayerNormalization` beats the fused `SkipLayerNormalization`
//! tenfold; `MultiHeadAttention` takes its flash path only without mask or bias, which unpadded batches seldom need.
//! For CUDA other operators are, in [`cuda`]. With [`Operators::Standard`] the same layers are written in ONNX's own operators alone.

mod attention;
mod branch;
mod cuda;
mod embeddings;
mod graph_builder;
mod grouped;
mod layers;
mod local;
mod mask;
mod matrix;
mod own_operators;
mod packed;
mod products;
mod rope;
mod value;
mod weights;

pub(super) use attention::Attention;
pub(super) use cuda::scores::{Qkv, Scores};
pub(crate) use graph_builder::{Builder, Finished, IR_VERSION, OPSET};
pub(super) use layers::Activation;
pub(super) use mask::Mask;
pub(super) use matrix::Products;
pub(super) use packed::{LayerSizes, PackedLayer, PackedLinear, PackedNorm, PackedNorms, RmsNorm};
pub(super) use rope::{GrowingRotary, Rope, Rotary};
pub(crate) use value::{Attribute, Value, attribute, value_info};
