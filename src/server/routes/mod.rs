//! The routes, one file per family, with the schemas of its requests and responses.
//!
//! [`router`](mod@router) is the table of paths; [`fields`], [`inputs`] and [`text_use`] are shared by requests of
//! several dialects, and every request for vectors becomes an [`embed_call`].

pub(crate) mod classify;
pub(crate) mod cohere;
mod embed_call;
pub(crate) mod embeddings;
mod fields;
mod foreign_ids;
pub(crate) mod health;
mod inputs;
pub(crate) mod kserve;
pub(crate) mod metrics;
pub(crate) mod models;
pub(crate) mod ollama;
pub(crate) mod pooling;
pub(crate) mod rerank;
mod router;
pub(crate) mod score;
pub(crate) mod tags;
pub(crate) mod tei;
mod text_use;

#[cfg(test)]
pub(crate) use router::route_of;
pub(crate) use router::{ROUTES, Route, error_shape, is_health, router, without_v1};
