//! Names of engines on the command line and in tables: `onnx`, `onnx@cuda:float16`, `tei=http://host:8080`.

mod engine_spec;
mod error;
mod options;

pub(crate) use crate::fetch::http::redacted_url;
pub(crate) use engine_spec::{EngineSpec, is_engine};
pub(crate) use error::SpecError;
