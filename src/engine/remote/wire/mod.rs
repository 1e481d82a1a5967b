//! The protocols that servers speak, one file each: what a request is, and what its reply says. Nothing here sends.

mod cohere;
mod infa;
mod infinity;
mod jina;
mod numbers;
mod openai;
mod protocol;
mod results;
mod tei;
#[cfg(test)]
mod tests;
pub(crate) mod triton;

pub(crate) use cohere::Cohere;
pub(crate) use infa::Infa;
pub(crate) use infinity::Infinity;
pub(crate) use jina::Jina;
pub(crate) use openai::Openai;
pub use protocol::RemoteTask;
pub(crate) use protocol::{Abilities, Parameters, Protocol, Roles, at};
use protocol::{first_version, set};
pub(crate) use results::{Embedded, Labelled, Scored};
pub(crate) use tei::Tei;
