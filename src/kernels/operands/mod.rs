//! The operands of products, laid out so that a tile reads them one behind the other.
//!
//! ```text
//! matrix     linear layers from the matrices of a model's file
//! bounded    integers so small that sums of two products have 16 bits
//! rows       rows of activations, quantised or not
//! columns    keys and values
//! weights    weights
//! tile       the product of a few rows with a few columns
//! kind       the elements: bytes, 16-bit integers, bfloat16, f32; the inner loop of products
//! unrolled   loops over registers
//! ```

pub(crate) mod bounded;
pub(crate) mod columns;
pub(crate) mod kind;
pub(crate) mod matrix;
pub(crate) mod rows;
pub(crate) mod tile;
pub(crate) mod unrolled;
pub(crate) mod weights;
