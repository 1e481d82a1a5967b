//! The architectures: one file or folder each.

pub(crate) mod albert;
pub(crate) mod architecture;
pub(crate) mod bert;
pub(crate) mod deberta_v2;
pub(crate) mod decoder;
pub(crate) mod distilbert;
pub(crate) mod electra;
pub(crate) mod gated;
pub(crate) mod gte;
pub(crate) mod jina_bert;
pub(crate) mod known;
pub(crate) mod modernbert;
pub(crate) mod mpnet;
pub(crate) mod nomic_bert;
pub(crate) mod post_norm;
pub(crate) mod roberta;
pub(crate) mod rotary;
pub(crate) mod xlm_roberta_flash;
