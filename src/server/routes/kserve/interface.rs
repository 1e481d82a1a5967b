//! The input and output tensors of a model.

use serde::Serialize;
use utoipa::ToSchema;

use crate::server::ApiError;
use crate::server::models::{Capability, Failure, LoadedModel};

/// A tensor's name, type and shape; −1 stands for any length.
#[derive(Serialize, ToSchema)]
pub(crate) struct TensorMetadata {
    #[schema(example = "text")]
    name: &'static str,
    #[schema(example = "BYTES")]
    datatype: &'static str,
    #[schema(example = json!([-1]))]
    shape: Vec<i64>,
}

/// The interface of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    /// `text` → `embedding`
    Embed,
    /// `query`, `documents` → `scores`
    Rerank,
    /// `text` → `scores`
    Classify,
}

impl Interface {
    pub(crate) fn of(loaded: &LoadedModel) -> Result<Self, ApiError> {
        let can = loaded.capabilities();
        // An encoder that can also rerank is used for its vectors.
        [(Capability::Embed, Self::Embed), (Capability::Rerank, Self::Rerank), (Capability::Classify, Self::Classify)]
            .into_iter()
            .find_map(|(capability, interface)| can.contains(&capability).then_some(interface))
            .ok_or_else(|| Failure::Unsupported(format!("{} has no output for this protocol", loaded.name())).into())
    }

    /// Names of the inputs, all BYTES.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Embed | Self::Classify => &["text"],
            Self::Rerank => &["query", "documents"],
        }
    }

    /// The index of the input with this name, or NIM's name of it.
    pub(crate) fn position(self, name: &str) -> Option<usize> {
        let name = if self == Self::Rerank && matches!(name, "passage" | "passages") { "documents" } else { name };
        self.names().iter().position(|known| *known == name)
    }

    pub(crate) fn output_name(self) -> &'static str {
        match self {
            Self::Embed => "embedding",
            Self::Rerank | Self::Classify => "scores",
        }
    }

    pub(crate) fn inputs(self) -> Vec<TensorMetadata> {
        let shape = |name: &str| if name == "query" { vec![1] } else { vec![-1] };
        self.names().iter().map(|name| TensorMetadata { name, datatype: "BYTES", shape: shape(name) }).collect()
    }

    pub(crate) fn output(self, loaded: &LoadedModel) -> TensorMetadata {
        let columns = i64::try_from(loaded.dimensions()).unwrap_or(-1);
        let shape = if self == Self::Rerank { vec![-1] } else { vec![-1, columns] };
        TensorMetadata { name: self.output_name(), datatype: "FP32", shape }
    }
}
