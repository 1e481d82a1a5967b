//! A model through ONNX Runtime, one one-thread session a core.

mod checks;
mod engine;
mod submit;
mod tokenize;

pub(crate) use checks::check_task;
pub(crate) use checks::max_length;
pub use engine::OnnxEngine;
pub(super) use submit::IN_FLIGHT;
pub(super) use tokenize::ids_as_they_are;
