//! What is wrong with a spec.

use crate::runtime::device::Device;

/// What is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// There is no such engine.
    #[error("there is no engine {name:?}{}; engines: {known}", .like.map(|like| format!(", did you mean {like:?}?")).unwrap_or_default())]
    Unknown {
        /// What was written.
        name: String,
        /// The engine of the most similar name.
        like: Option<&'static str>,
        /// All of them.
        known: String,
    },
    /// A URL without the API of its server in front.
    #[error("{url} lacks the API that the server speaks: write openai={url}, or tei, infinity, cohere, jina, triton or infa instead of openai{}", .name.as_ref().map(|name| format!("; with a name of your own, {name}=openai={url}")).unwrap_or_default())]
    NoApi {
        /// The URL, without what may be secret.
        url: String,
        /// What stands in front of it instead.
        name: Option<String>,
    },
    /// The device is none.
    #[error("there is no device {0:?}; devices: auto, cpu, cuda, tensorrt")]
    Device(String),
    /// The URL is none, or not of a web server.
    #[error("{url:?} is no http or https URL")]
    Url {
        /// What was written, without a password.
        url: String,
    },
    /// A server without its URL.
    #[error("{name} is a server: write where it is, as in {name}=http://127.0.0.1:8080")]
    NoUrl {
        /// The engine.
        name: &'static str,
    },
    /// A URL for what is no server.
    #[error("{name} runs on this machine and takes no URL")]
    NoServer {
        /// The engine.
        name: &'static str,
    },
    /// The name of an engine for another one.
    #[error("{name} is the name of an engine, and cannot be that of another: choose another name")]
    Taken {
        /// The name.
        name: &'static str,
    },
    /// An option that the engine does not have.
    #[error("{engine} has no option {option:?}{}; options: {}", .like.map(|like| format!(", did you mean {like:?}?")).unwrap_or_default(), if .known.is_empty() { "none" } else { .known.as_str() })]
    Option {
        /// The engine.
        engine: &'static str,
        /// What was written.
        option: String,
        /// The option of the most similar name.
        like: Option<&'static str>,
        /// All of them.
        known: String,
    },
    /// An option of a server that is there already.
    #[error("{engine} has no option {option:?}: what a server computes with is its own")]
    OptionOfServer {
        /// The engine.
        engine: &'static str,
        /// What was written.
        option: String,
    },
    /// Two options that exclude each other.
    #[error("{engine}: two {what}: {first} and {second}")]
    TwoOptions {
        /// The engine.
        engine: &'static str,
        /// What both choose.
        what: &'static str,
        /// The first.
        first: String,
        /// The second.
        second: String,
    },
    /// An option that the server takes, but ignores.
    #[error("{engine} ignores the option {option:?} here: {reason}")]
    Ignored {
        /// The engine.
        engine: &'static str,
        /// The option.
        option: &'static str,
        /// The reason.
        reason: &'static str,
    },
    /// A device on which the engine does not compute.
    #[error("{engine} does not compute on \"{device}\"")]
    NoDevice {
        /// The engine.
        engine: &'static str,
        /// The device.
        device: Device,
    },
    /// A device for a server, which has its own.
    #[error("{name} is a server, which chooses its device itself")]
    DeviceOfServer {
        /// The engine.
        name: &'static str,
    },
}
