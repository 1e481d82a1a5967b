//! Graphs for GPUs, without a GPU: ONNX Runtime's CPU provider computes them, with kernels of this test for the operators
//! that only its CUDA provider has. What they give is compared with the graphs for CPUs and with the stored answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../src/graph/proto.rs"]
#[allow(dead_code, unreachable_pub)]
mod proto;
#[path = "../support/mod.rs"]
mod support;

mod emulation;
mod errors;
mod feeds;
mod fidelity;
mod heads;
mod kernels;
mod layers;
mod model;
mod operators;
