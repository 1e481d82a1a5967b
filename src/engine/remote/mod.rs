//! Engines that are servers: requests over HTTP, each in the server's own protocol.
//!
//! [`Client`] sends one HTTP request and gives a typed reply; [`RemoteEngine`] is the [`crate::engine::Engine`] made of
//! it, which spreads many inputs over HTTP requests.

mod client;
mod engine;
mod error;
mod hint;
mod http;
mod options;
mod retry;
mod version;
pub(in crate::engine) mod wire;

pub use self::client::Client;
pub(crate) use self::client::roles;
pub(in crate::engine) use self::client::servers;
pub(crate) use self::engine::RemoteEngine;
pub(crate) use self::error::RemoteError;
pub(crate) use self::options::ApiKey;
pub use self::options::RemoteOptions;
pub(crate) use self::version::version;
pub use self::wire::RemoteTask;
pub(crate) use self::wire::{Embedded, Roles, Scored};
