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

pub use checkpoint::{RawTensor, TensorData, Weights};
pub use error::WeightsError;
pub use mapped::{Access, MappedFile};
pub mod lora;
pub mod static_embedding;
pub mod torch;
