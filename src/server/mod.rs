//! `infa serve`: the engine over HTTP, a drop-in for Infinity and text-embeddings-inference.
//!
//! A request's way: `connection` (sockets, timeouts) → `layers` (request id, key, limits, shapes of errors) → `routes`
//! (one file a family of routes, its schemas beside it) → `models` (which model answers) → the engine's queue. `http`
//! reads bodies and writes replies.

mod api_keys;
mod app;
mod connection;
mod http;
mod layers;
mod limits;
mod memory;
pub mod metrics;
pub mod models;
mod openapi;
mod options;
mod routes;
mod serve_error;
mod tls;
pub mod trace;
mod vectors;

pub use api_keys::ApiKeys;
pub use app::App;
pub use connection::{Drained, serve};
pub use http::ApiError;
pub use limits::Limits;
pub use metrics::Metrics;
pub use options::{Bound, Listen, ServerOptions, Timeouts, TlsFiles};
pub use serve_error::ServeError;
pub use vectors::EmbeddingDtype;
