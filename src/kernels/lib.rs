//! Arithmetic of infa for layers of encoders on CPUs: products in int8, bfloat16 and float32 with what follows them fused.
//!
//! Every kernel is written once over [`simd::Simd`], and gives the same bits on every instruction set. What is unsafe is in
//! `simd/`.
//!
//! ```text
//! operator    what a graph calls
//! encoder     a layer of an encoder as an operator
//! linear      a linear layer alone as an operator
//! mean        the mean of a sequence's rows as an operator
//! rates       the time of each step, for benchmarks
//! sets        instruction sets, and the kinds of elements and the tiles that each computes with
//! steps/      the steps of a layer
//! operands/   the operands of products, laid out for tiles
//! simd/       vectors of sixteen lanes
//! ```

pub mod encoder;
mod linear;
mod mean;
mod operands;
mod operator;
pub mod rates;
mod sets;
mod simd;
mod steps;
#[cfg(test)]
mod tests;

pub use linear::linear;
pub use mean::mean;
pub use operands::matrix::{Matrix, Numbers};
pub use operator::{Inputs, Misfit, Operator, Scratch};
pub use sets::{Format, NAMES, Set};
pub use steps::activation::Activation;
pub use steps::layer::Picked;
pub use steps::rope::Rope;
