//! The protocols that servers speak, one file each: what a request is, and what its reply says. Nothing here sends.

mod cohere;
mod infa;
mod infinity;
mod jina;
mod numbers;
mod of_kind;
mod openai;
mod protocol;
mod results;
mod tei;
#[cfg(test)]
mod tests;
mod triton;

pub(super) use of_kind::protocol;
use protocol::set;
pub(super) use protocol::{Abilities, Ask, Protocol, Roles, Unclear};
pub use protocol::{Embedded, Labelled, Scored, Wanted};
