//! `infa serve`, the whole binary, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod fake;
#[path = "../support/hub_server.rs"]
mod hub_server;
mod raw;
mod running;

mod auth;
mod bad_input;
mod choice;
mod classify;
mod cohere;
mod connection;
mod deployments;
mod drain;
mod embedding_fields;
mod embeddings;
mod examples;
mod fields;
mod flags;
mod hostile;
mod hosts;
mod kserve;
mod limits;
mod load;
mod metrics;
mod misspelt;
mod model_files;
mod models;
mod ollama;
mod openapi;
mod rerank;
mod rerank_dialects;
mod score;
mod signals;
mod slashes;
mod start;
mod system_limits;
mod tei;
mod tei_start;
mod terminal;
mod traces;
mod truncation;
mod unix_socket;
mod vertex;
