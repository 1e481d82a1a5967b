//! Model weights → ONNX graph.
//!
//! The graph is small and built in memory; the weights stay where they are, in the mapped safetensors file, and are
//! handed to the session by address ([`Initializer`]). One file an architecture; [`builder`] carries what they share.

mod architectures;
mod build;
mod builder;
pub(crate) mod config;
pub(crate) mod cost;
mod error;
pub(crate) mod export;
pub(crate) mod int8;
pub(crate) mod probe;
mod proto;
mod request;
mod types;

pub use architectures::known::supported;
pub(crate) use error::GraphError;

pub use build::build;
pub(crate) use build::{Description, build_int8, build_watched, describe, has_own_layers, positions_of};
pub use request::{Answer, Lexical, Operators, Output, Precision, Request, Rows};
pub(crate) use types::below_root;
pub use types::{ATTENTION_MASK, Feed, Graph, INPUT_IDS, LENGTHS, Layout, POSITION_IDS, TOKEN_TYPE_IDS};
pub(crate) use types::{Element, Initializer, OPERATOR, OPERATOR_DOMAIN, WEIGHTS_FOLDER};
