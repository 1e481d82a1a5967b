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

pub(in crate::engine) use self::client::servers;
pub use self::client::{Client, roles};
pub use self::engine::RemoteEngine;
pub use self::error::RemoteError;
pub use self::options::{ApiKey, RemoteOptions};
pub use self::version::version;
pub use self::wire::{Embedded, Roles, Scored, Wanted};
