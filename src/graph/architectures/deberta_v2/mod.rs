//! DeBERTa-v2 and v3: attention by content and by relative position, each apart; post-norm transformer layers.
//!
//! Reference: `transformers`, `models/deberta_v2/modeling_deberta_v2.py`; He et al. 2020,
//! <https://arxiv.org/abs/2006.03654>, and 2021, <https://arxiv.org/abs/2111.09543>.

mod encoder;
mod relative;
mod relative_cuda;
mod settings;

pub(crate) use encoder::read;
