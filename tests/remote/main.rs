//! `--engine NAME=URL`, the whole binary: against servers that follow a script, and against `infa serve`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod fake;
#[path = "../cli/run.rs"]
#[allow(dead_code)]
mod run;
#[path = "../serve/running.rs"]
#[allow(dead_code)]
mod running;

mod failures;
mod flags;
mod protocols;
mod spread;
mod tls;
mod triton;
