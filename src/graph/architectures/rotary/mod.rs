//! The settings of rotary embeddings in config.json, in all their spellings.
//!
//! `transformers` 5 writes `rope_parameters`; before, there were `rope_theta` and `rope_scaling`, whose `rope_type` was
//! once called `type`. As there, `rope_scaling` goes before `rope_parameters` and a base in either before `rope_theta`.
//! Reference: `transformers`, `modeling_rope_utils.py`.

mod rotation;
mod scaling;

pub(crate) use rotation::{Rotation, Surroundings};
