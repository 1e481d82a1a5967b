//! Engines: models in this process, servers and Python processes, all behind the trait [`Engine`].
//!
//! ```text
//! api            the trait, requests, results, errors
//! recipes        the engines there are: options, packages, start-up, protocol of each
//! spec           names of engines, as users write them
//! rerank         scores of documents by any engine
//! classify       labels of texts by any engine
//! checked        an engine whose numbers are checked
//! forms          the forms of inputs that an output is computed of
//! max_sim        scores of token vectors
//! cut_and_scale  vectors of servers and Python engines, cut and scaled here
//! open           from a spec and options to an open engine
//! local          models of this process
//! remote         servers over HTTP
//! python         Python processes
//! launch         servers that infa starts
//! output_lines   the last lines that a child process has printed
//! stream         long jobs through an engine
//! ```

mod api;
mod checked;
pub(crate) mod classify;
mod cut_and_scale;
mod forms;
pub(crate) mod launch;
mod local;
mod max_sim;
pub(crate) mod open;
mod output_lines;
pub(crate) mod python;
pub(crate) mod recipes;
pub(crate) mod remote;
pub(crate) mod rerank;
pub(crate) mod spec;
pub(crate) mod stream;

pub(crate) use api::{BYTES_PER_TOKEN, Job, JobResults, Label, Labelled, TextErrorKind, Times};
pub use api::{
    Completed, Embedding, Engine, EngineError, EngineInfo, Input, LocalInfo, Output, OutputKind, OutputOf, Pending,
    Request, RequestOptions, Role, SparseEmbedding, SubmitError, TextError, TextOptions, TokenEmbeddings,
};
pub use checked::Checked;
pub(crate) use local::check_task;
pub use local::{OnnxEngine, OnnxOptions, StaticEngine};
pub(crate) use local::{int8, judgement, max_length, observe};
pub(crate) use max_sim::Scoring;
pub use python::{PythonEngine, PythonError, PythonOptions};
pub use recipes::EngineKind;
pub(crate) use remote::{RemoteEngine, RemoteError, RemoteOptions};
pub(crate) use spec::{EngineSpec, SpecError};
