//! Weights of a model: safetensors in place (files are mapped, tensors are borrowed from the mappings), state dicts of
//! PyTorch (`torch`), LoRA adapters (`lora`), tables of static embeddings (`static_embedding`).
//!
//! Format: <https://huggingface.co/docs/safetensors> — an 8-byte little-endian header length, a JSON header, then the
//! tensors' bytes. The header comes from strangers: its size is checked here, offsets and overlaps by the `safetensors`
//! crate. Large models are split into several files ([`shards`]).

mod adapted;
mod checkpoint;
mod error;
mod mapped;
pub(super) mod shards;
#[cfg(unix)]
mod sigbus;

pub use checkpoint::Weights;
pub(crate) use checkpoint::{RawTensor, TensorData};
pub(crate) use error::WeightsError;
pub use mapped::Access;
pub(crate) use mapped::MappedFile;
pub(crate) mod lora;
pub(crate) mod static_embedding;
pub(crate) mod torch;
