//! Rows of embeddings, by format.

pub(crate) mod csv;
pub(crate) mod format;
pub(crate) mod json;
pub(crate) mod npy;
pub(crate) mod open;
pub(crate) mod preview;
pub(crate) mod row;
