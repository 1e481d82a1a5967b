//! nomic_bert (nomic-embed-text v1 and v1.5): BERT with rotary positions, a gated feed-forward and no biases.
//!
//! Its config.json has two spellings. That of the Hub has GPT-2's keys (`n_embd`) and many settings of its own; that of
//! `transformers` has BERT's (`hidden_size`) and fixes the rest. Tensors have the Hub's names
//! (`encoder.layers.0.attn.Wqkv.weight`) in both, unless `transformers` saved with its own.
//!
//! Reference: `transformers`, `models/nomic_bert/modeling_nomic_bert.py`; for the Hub's settings the code beside the
//! weights of nomic-ai/nomic-bert-2048; Nussbaum et al. 2024, <https://arxiv.org/abs/2402.01613>.

mod encoder;
mod settings;

pub(crate) use encoder::read;
