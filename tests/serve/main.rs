//! `infa serve`, the whole binary, over real sockets.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod fake;
mod raw;
mod running;

mod auth;
mod connection;
mod drain;
mod limits;
#[path = "../support/hub_server.rs"]
mod hub_server;
mod running;

mod flags;
mod models;
mod signals;
mod start;
mod unix_socket;
