//! Values of flags of `infa serve`.

use std::fmt;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;

use crate::model::pooling::Pooling;
use crate::runtime::device::{Device, DeviceError, Dtype, GpuIds};
use crate::server::EmbeddingDtype;

/// Engine of a served model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServeEngine {
    /// ONNX Runtime in this process
    Onnx,
    /// Infinity's
    Torch,
    /// Infinity's
    Optimum,
    /// Infinity's
    Ctranslate2,
    /// Infinity's
    Neuron,
}

/// Level of the server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, ValueEnum)]
pub enum LogLevel {
    /// Errors that end the server
    Critical,
    /// Errors
    Error,
    /// Warnings
    #[value(alias = "warn")]
    Warning,
    /// Every request
    #[default]
    Info,
    /// Decisions and their reasons
    Debug,
    /// All events
    Trace,
}

/// An API key. Debug output hides it.
#[derive(Clone)]
pub struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

pub(super) fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    Ok(text.into())
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err("there is true and false".into()),
    }
}

/// Parses the name of a variant.
fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, true).map_err(|_| {
        let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
        format!("there is {}", names.join(", "))
    })
}

pub(super) fn device(text: &str) -> Result<Device, String> {
    match text {
        "mps" => Err("infa computes on the CPU and on NVIDIA GPUs: leave --device out, or say cpu or cuda".into()),
        _ => text.parse().map_err(|e: DeviceError| e.to_string()),
    }
}

pub(super) fn gpu_ids(text: &str) -> Result<GpuIds, DeviceError> {
    GpuIds::parse(text)
}

pub(super) fn dtype(text: &str) -> Result<Dtype, String> {
    match text {
        "fp8" => Err("there is no fp8; the format of 8 bits is int8".into()),
        _ => choice(text),
    }
}

pub(super) fn engine(text: &str) -> Result<ServeEngine, String> {
    match text {
        "debugengine" => Err("Infinity's engine for tests, which computes no model, is not here; there is onnx".into()),
        _ => choice(text),
    }
}

pub(super) fn pooling(text: &str) -> Result<Option<Pooling>, String> {
    match text {
        // A SPLADE model is recognised by its files: TEI's value adds nothing.
        "auto" | "splade" => Ok(None),
        _ => choice(text).map(Some).map_err(|names| format!("{names}, auto")),
    }
}

pub(super) fn embedding_dtype(text: &str) -> Result<EmbeddingDtype, ValueError> {
    EmbeddingDtype::deserialize(text.into_deserializer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_shown() {
        assert!(!format!("{:?}", ApiKey("secret".into())).contains("secret"));
    }
}
