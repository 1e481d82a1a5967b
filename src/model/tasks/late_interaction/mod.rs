//! Late interaction: the settings of models with a vector for every token (ColBERT and its descendants).
//!
//! Khattab and Zaharia 2020, <https://arxiv.org/abs/2004.12832>. Three layouts are read, as `sentence_transformers`
//! reads them in `multi_vector_encoder/model.py`: its own (`model_type` "MultiVectorEncoder"), that of PyLate
//! (`model_type` "ColBERT", or prefixes in config_sentence_transformers.json), and that of Stanford's library
//! (`architectures` ["HF_ColBERT"], [`stanford`]).

mod config;
mod expansion;
pub(crate) mod stanford;

pub(crate) use config::prefixed_prompts;
pub(crate) use config::{LateInteraction, TokenMask};
pub(crate) use expansion::Expansion;
