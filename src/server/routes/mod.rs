//! The routes, one file per family, with the schemas of its requests and responses.
//!
//! [`router`](mod@router) is the table of paths; [`fields`], [`inputs`] and [`text_use`] are shared by requests of
//! several dialects, and every request for vectors becomes an [`embed_call`].

pub mod classify;
pub mod cohere;
mod embed_call;
pub mod embeddings;
mod fields;
mod foreign_ids;
pub mod health;
mod inputs;
pub mod kserve;
pub mod metrics;
pub mod models;
pub mod ollama;
pub mod pooling;
pub mod rerank;
mod router;
pub mod score;
pub mod tags;
pub mod tei;
mod text_use;

#[cfg(test)]
pub use router::route_of;
pub use router::{ROUTES, Route, error_shape, is_health, router, without_v1};
