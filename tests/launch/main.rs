//! Servers that are started and stopped: `infa serve` itself, and a program that behaves as a test wants it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod ends;
mod fake;
mod real;
mod starts;
