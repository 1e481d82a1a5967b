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
mod start;
mod unix_socket;
