//! Model weights → ONNX graph.
//!
//! The graph is small and built in memory; the weights stay where they are, in the mapped safetensors file, and are
//! handed to the session by address ([`Initializer`]). One file an architecture; [`builder`] carries what they share.

mod architectures;
mod build;
mod builder;
pub mod config;
pub mod cost;
mod error;
pub mod export;
pub mod int8;
pub mod probe;
mod proto;
mod request;
mod types;

pub use architectures::known::supported;
pub use error::GraphError;

pub use build::{Description, build, build_int8, build_watched, describe, positions_of};
pub use request::{Answer, Lexical, Operators, Output, Request, Rows};
pub(crate) use types::below_root;
pub use types::{
    ATTENTION_MASK, Element, Graph, INPUT_IDS, Initializer, LENGTHS, OPERATOR, OPERATOR_DOMAIN, POSITION_IDS,
    TOKEN_TYPE_IDS, WEIGHTS_FOLDER,
};
