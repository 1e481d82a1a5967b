//! `infa serve`: the engine over HTTP, a drop-in for Infinity and text-embeddings-inference.
//!
//! A request's way: `connection` (sockets, timeouts) → `layers` (request id, key, limits) → `routes` (one file a
//! family of routes, its schemas beside it) → [`service`] (what a model can be asked) → the engine's queue.

mod app;
mod connection;
mod error;
mod extract;
pub mod models;
mod routes;
pub mod service;

pub use app::{App, Limits};
pub use connection::{Listen, serve};
pub use error::ApiError;
