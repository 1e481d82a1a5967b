//! Errors of specs.

use clap::ValueEnum;

use crate::engine::EngineKind;
use crate::plural::series;
use crate::runtime::device::{Device, DeviceError};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error("there is no engine {name:?}{}; engines: {known}", .like.map(|like| format!(", did you mean {like:?}?")).unwrap_or_default())]
    Unknown { name: String, like: Option<&'static str>, known: String },
    #[error("{url} lacks the API that the server speaks: write openai={url}, or {} instead of openai{}", other_servers(), .name.as_ref().map(|name| format!("; with a name of your own, {name}=openai={url}")).unwrap_or_default())]
    NoApi { url: String, name: Option<String> },
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("{url:?} is not an http or https URL")]
    Url { url: String },
    #[error("{name} is a server: write where it is, as in {name}=http://127.0.0.1:8080")]
    NoUrl { name: &'static str },
    #[error("{name} runs on this machine and takes no URL")]
    NoServer { name: &'static str },
    #[error("{name} is the name of an engine, and cannot be that of another: choose another name")]
    Taken { name: &'static str },
    #[error("{engine} has no option {option:?}{}; options: {}", .like.map(|like| format!(", did you mean {like:?}?")).unwrap_or_default(), if .known.is_empty() { "none" } else { .known.as_str() })]
    Option { engine: &'static str, option: String, like: Option<&'static str>, known: String },
    #[error("{engine} has no option {option:?}: what a server computes with is its own")]
    OptionOfServer { engine: &'static str, option: String },
    #[error("{engine}: two {what}: {first} and {second}")]
    TwoOptions { engine: &'static str, what: &'static str, first: String, second: String },
    #[error("{engine} ignores the option {option:?} here: {reason}")]
    Ignored { engine: &'static str, option: &'static str, reason: &'static str },
    #[error("{engine} does not compute on \"{device}\"")]
    NoDevice { engine: &'static str, device: Device },
    #[error("{engine} takes no numbers of GPUs: CUDA_VISIBLE_DEVICES=1 shows it GPU 1 alone")]
    NoGpuNumber { engine: &'static str },
    #[error("{name} is a server, which chooses its device itself")]
    DeviceOfServer { name: &'static str },
}

/// The servers after the first, which messages have as their example.
fn other_servers() -> String {
    let servers = EngineKind::value_variants().iter().filter(|kind| kind.server().is_some()).map(|kind| kind.name());
    series(servers.skip(1), "or")
}
