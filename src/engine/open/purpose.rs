//! The purposes that an engine is opened for.

use crate::engine::{EngineError, OutputKind, Role};
use crate::model::{Setting, SettingError};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// An output of texts of these roles.
    Embed { output: OutputKind, roles: &'a [Role] },
    /// Scores of documents; raw ones are without an activation function.
    Rerank { raw_scores: bool },
    /// Labels of single texts, or of pairs. A server gives raw scores only if it is opened for them; of a model in this
    /// process each request may want them.
    Classify { pairs: bool, raw_scores: bool },
}

impl Purpose<'_> {
    pub(super) fn raw_scores(self) -> bool {
        match self {
            Self::Embed { .. } => false,
            Self::Rerank { raw_scores } | Self::Classify { raw_scores, .. } => raw_scores,
        }
    }

    /// Refuses outputs of texts other than one vector a text, which is all that `engines` give.
    pub(super) fn check_output(self, engines: &str) -> Result<(), EngineError> {
        match self {
            Self::Embed { output, .. } if output != OutputKind::Embedding => {
                Err(SettingError::new(Setting::OutputType, format!("{engines} give one vector a text"))
                    .hint("leave --output-type out, or use --engine onnx")
                    .into())
            }
            _ => Ok(()),
        }
    }
}
