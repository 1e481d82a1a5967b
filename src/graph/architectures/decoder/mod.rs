//! Decoders that embed texts: Llama, Mistral, Qwen2, Qwen3, Gemma 3. RMS norms, rotary positions, keys and values shared
//! by several heads, a gated feed-forward.
//!
//! They are causal unless config.json disables it, which turns them into encoders (gte-Qwen2, EmbeddingGemma).
//!
//! Reference: `transformers`, `models/{llama,mistral,qwen2,qwen3,gemma3}/modeling_*.py` and `masking_utils.py`.

mod eurobert;
mod gemma3;
mod head;
mod layers;
mod llama;
mod stack;

pub(super) use eurobert::eurobert;
pub(super) use gemma3::gemma3;
pub(super) use llama::{llama, mistral, qwen2, qwen3};

#[cfg(test)]
mod tests;
