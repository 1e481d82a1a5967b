//! The steps of a layer, each over rows that stay in the cache.
//!
//! ```text
//! layer          attention and what follows it, over packed sequences
//! attention      the heads of a sequence that share keys and values; bias: masks and tables
//! feed_forward   all of a layer that follows its attention, block by block of rows
//! linear         a linear layer over rows: tile by tile, each with its epilogue
//! rope           rotary positions
//! store          epilogues that write to memory
//! norm           LayerNorm and RMSNorm of a row
//! activation     GELU and its kin
//! math           exp2 and GELU by polynomials
//! ```

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod bias;
pub(crate) mod feed_forward;
pub(crate) mod layer;
pub(crate) mod linear;
pub(crate) mod math;
pub(crate) mod norm;
pub(crate) mod rope;
pub(crate) mod store;
