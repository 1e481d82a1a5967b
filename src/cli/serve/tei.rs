//! The flags of text-embeddings-inference (TEI) that infa does not have by the same name.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::values::ApiKey;

/// The rule for reading TEI's variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TeiEnv {
    /// Those that are TEI's alone and API_KEY; the others beside one of these or one of TEI's flags
    #[default]
    Auto,
    /// All of them
    Always,
    /// None of them, not even API_KEY
    Never,
}

/// TEI's flags, but for those that infa has by that name or by an alias.
#[derive(Debug, Args)]
pub struct TeiArgs {
    /// Read the variables of text-embeddings-inference: auto, always, never
    ///
    /// auto reads API_KEY and the names that only text-embeddings-inference has, such as MODEL_ID; common names such as PORT only beside one of these.
    #[arg(long, value_enum, default_value_t, value_name = "MODE", help_heading = "Start and shutdown")]
    pub tei_env: TeiEnv,

    /// Truncate long texts; false refuses them.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub auto_truncate: Option<bool>,

    /// Write the log as JSON.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub json_output: Option<bool>,

    /// The access token of the Hub.
    #[arg(long, hide = true)]
    pub hf_token: Option<ApiKey>,

    /// The same, by its old name.
    #[arg(long, hide = true)]
    pub hf_api_token: Option<ApiKey>,

    #[arg(long, hide = true)]
    pub huggingface_hub_cache: Option<PathBuf>,

    /// The directory of the module Dense, where a model has several.
    #[arg(long, hide = true)]
    pub dense_path: Option<String>,

    /// Without effect: a socket inside TEI.
    #[arg(long, hide = true)]
    pub uds_path: Option<String>,

    /// Without effect.
    #[arg(long, hide = true)]
    pub prometheus_port: Option<String>,

    /// Without effect.
    #[arg(long, hide = true)]
    pub tokenization_workers: Option<String>,

    /// Without effect.
    #[arg(long, hide = true)]
    pub max_batch_requests: Option<String>,

    /// Without effect.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub disable_spans: Option<bool>,
}
