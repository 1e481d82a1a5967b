//! The machine's rate of matrix products, by ONNX Runtime.
#![allow(clippy::unwrap_used)]

mod support;

use std::num::NonZero;

use infa::parts::bench::machine;
use support::*;

#[test]
fn matrix_products_are_measured_as_the_engine_computes_them() {
    let runtime = runtime();
    // A debug build, with whatever else runs: no more than that it is a rate of this planet.
    let rate = machine::gemm_gflops(&runtime, NonZero::new(2).unwrap()).unwrap();
    assert!(rate > 0.1 && rate < 1e6, "{rate} GFLOP/s");
    let facts = machine::facts();
    assert_eq!(facts.onnxruntime.as_deref(), Some(runtime.version()));
    assert!(facts.onnxruntime.is_some_and(|version| version.starts_with("1.")));
}
