//! `infa serve`: the engine over HTTP, a drop-in replacement for Infinity and text-embeddings-inference.
//!
//! A request passes through `connection` (sockets, timeouts), `layers` (request id, API key, limits, error shapes),
//! `routes` (one file a family of routes, with its schemas), `models` (the choice of a model) and the engine's queue.
//! `http` reads request bodies and writes responses.

mod api_keys;
mod app;
mod connection;
mod http;
mod layers;
mod limits;
mod memory;
pub(crate) mod metrics;
pub(crate) mod models;
mod openapi;
mod options;
mod routes;
mod serve_error;
mod tls;
pub(crate) mod trace;
mod vectors;

pub use api_keys::ApiKeys;
pub use app::App;
pub use connection::{Drained, serve};
pub(crate) use http::ApiError;
pub use limits::Limits;
pub use metrics::Metrics;
pub(crate) use options::Timeouts;
pub use options::{Bound, Listen, ServerOptions, TlsFiles};
pub use serve_error::ServeError;
pub use vectors::EmbeddingDtype;
