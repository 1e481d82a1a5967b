//! The interface of all engines: a request goes in, a future of its results comes out.
//!
//! ```text
//! engine.submit(Request { inputs, outputs, options })  ->  Pending<Completed>  (or SubmitError)
//! pending.await                                        ->  Completed { results: one Output (or TextError) an input, … }
//! completed.results_as::<Embedding>()                  ->  the part of each Output that was requested
//! ```

mod engine;
mod error;
mod output;
mod output_kind;
mod pending;
mod request;

pub use engine::{Engine, EngineInfo, LocalInfo};
pub(crate) use error::TextErrorKind;
pub use error::{EngineError, SubmitError, TextError};
pub use output::{Embedding, Output, OutputOf, SparseEmbedding, TokenEmbeddings};
pub(crate) use output::{Label, Labelled};
pub use output_kind::OutputKind;
pub(crate) use output_kind::Outputs;
pub use pending::{Completed, Pending};
pub(crate) use pending::{Job, JobResults, Times};
pub(crate) use request::BYTES_PER_TOKEN;
pub use request::{Input, Request, RequestOptions, Role, TextOptions};
