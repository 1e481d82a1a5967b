//! The table of engines, one row each: location, options, packages, start and protocol of its server.
//!
//! To add a server that speaks a protocol of its own: a variant and a row in `kind.rs`, the protocol in a file of
//! `remote/wire`, its name in `remote/wire/mod.rs`. To add a Python engine: a variant and a row in `kind.rs`, its class
//! in `python/worker.py`. A server that speaks a known protocol is a row alone.

mod kind;
mod recipe;

pub use kind::EngineKind;
pub(crate) use recipe::{Health, LaunchRecipe, Location, OptionGroup, Package, Packages, ServerRecipe, VersionRoute};
