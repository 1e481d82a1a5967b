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
pub use error::{EngineError, SubmitError, TextError, TextErrorKind};
pub use output::{Embedding, Label, Labelled, Output, OutputOf, Prediction, SparseEmbedding, TokenEmbeddings};
pub use output_kind::{OutputKind, Outputs};
pub use pending::{Completed, Job, JobResults, Pending, Times};
pub use request::{BYTES_PER_TOKEN, Input, Request, RequestOptions, Role, TextOptions};
