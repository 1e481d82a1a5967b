//! `infa serve`: the engine over HTTP, a drop-in for Infinity and text-embeddings-inference.
//!
//! A request's way: `connection` (sockets, timeouts) → `layers` (request id, key, limits) → `routes` (one file a
//! family of routes, its schemas beside it) → [`service`] (what a model can be asked) → the engine's queue.

mod app;
mod connection;
mod embedding_dtype;
mod error;
mod extract;
mod floats;
mod known_fields;
mod layers;
mod memory;
pub mod metrics;
pub mod models;
mod openapi;
mod options;
mod routes;
mod serve_error;
pub mod service;
mod tls;
pub mod trace;
mod vectors;
mod warm_up;
mod whole;

pub use app::{App, Limits};
pub use connection::{Drained, serve};
pub use embedding_dtype::EmbeddingDtype;
pub use error::ApiError;
pub use layers::{ApiKeys, RequestId};
pub use metrics::Metrics;
pub use options::{Bound, Listen, ServerOptions, Timeouts, TlsFiles};
pub use serve_error::ServeError;
