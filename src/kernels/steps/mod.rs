//! The steps of a layer, each over rows that stay in the cache.
//!
//! ```text
//! layer          attention and what follows it, over packed sequences
//! attention      the heads of a sequence that share keys and values; bias: masks and tables
//! feed_forward   all of a layer that follows its attention, block by block of rows
//! linear         a linear layer over rows: tile by tile, each with its epilogue
//! store          epilogues that write to memory
//! norm           LayerNorm and RMSNorm of a row
//! activation     GELU and its kin
//! math           exp2 and GELU by polynomials
//! ```

pub mod activation;
pub mod attention;
pub mod bias;
pub mod feed_forward;
pub mod layer;
pub mod linear;
pub mod math;
pub mod norm;
pub mod store;
