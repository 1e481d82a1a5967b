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
pub mod triton;

pub use cohere::Cohere;
pub use infa::Infa;
pub use infinity::Infinity;
pub use jina::Jina;
pub use openai::Openai;
pub use protocol::{Abilities, Parameters, Protocol, Roles, Wanted, at};
use protocol::{first_version, set};
pub use results::{Embedded, Labelled, Scored};
pub use tei::Tei;
