//! `--engine torch` and its kin: the real worker script and the real binary, with pretended libraries, so that only
//! Python itself is needed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../cli/run.rs"]
#[allow(dead_code)]
mod run;

mod binary;
mod engines;
mod failures;
mod fake;
mod openvino;
mod orphans;
mod values;
