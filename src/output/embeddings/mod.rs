//! Rows of embeddings, by format.

pub(crate) mod arrow;
pub(crate) mod columns;
pub(crate) mod csv;
pub(crate) mod dtype;
pub(crate) mod encoding;
pub(crate) mod format;
pub(crate) mod json;
pub(crate) mod npy;
pub(crate) mod npz;
pub(crate) mod open;
pub(crate) mod parquet;
pub(crate) mod preview;
pub(crate) mod raw;
pub(crate) mod row;
pub(crate) mod settings;
