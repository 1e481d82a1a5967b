//! Settings that a model or an engine cannot follow. The command line and the server each have their own names for
//! them.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Setting {
    Engine,
    ModelId,
    Revision,
    OnnxFile,
    Device,
    Dtype,
    Kernels,
    Calibrate,
    CopyWeights,
    OutputType,
    /// Query, document, or neither.
    Role,
    /// Inputs of two texts.
    Pairs,
    MaxLength,
    Truncate,
    Pooling,
    /// Vectors of length 1.
    Normalize,
    /// Vectors of any length.
    Unscaled,
    Dimensions,
    Prompt,
    PromptName,
    RawScores,
}

impl Setting {
    /// Its name in messages; that of the field in requests that have one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::ModelId => "model",
            Self::Revision => "revision",
            Self::OnnxFile => "onnx_file",
            Self::Device => "device",
            Self::Dtype => "dtype",
            Self::Kernels => "kernels",
            Self::Calibrate => "calibrate",
            Self::CopyWeights => "copy_weights",
            Self::OutputType => "output_type",
            Self::Role => "role",
            Self::Pairs => "pairs",
            Self::MaxLength => "max_length",
            Self::Truncate => "truncate",
            Self::Pooling => "pooling",
            Self::Normalize | Self::Unscaled => "normalize",
            Self::Dimensions => "dimensions",
            Self::Prompt => "prompt",
            Self::PromptName => "prompt_name",
            Self::RawScores => "raw_scores",
        }
    }
}

/// A setting that the model or the engine cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {reason}", setting.name(), self.shown_value())]
pub struct SettingError {
    pub setting: Setting,
    /// The refused value, if the reason does not name it.
    pub value: Option<String>,
    pub reason: String,
    /// The remedy, for users of the command line.
    pub hint: Option<String>,
}

impl SettingError {
    pub fn new(setting: Setting, reason: impl Into<String>) -> Self {
        Self { setting, value: None, reason: reason.into(), hint: None }
    }

    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..self }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub fn shown_value(&self) -> String {
        self.value.as_ref().map(|value| format!(" {value}")).unwrap_or_default()
    }
}
