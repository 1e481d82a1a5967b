//! Engines: models in this process, servers and Python processes, all behind the trait [`Engine`].
//!
//! ```text
//! api        the trait, requests, results, errors
//! spec       names of engines, as users write them
//! rerank     scores of documents by any engine
//! classify   labels of texts by any engine
//! checked    an engine whose numbers are checked
//! forms      the forms of inputs that an output is computed of
//! open       from a spec and options to an open engine
//! onnx, static_embedding   models in this process; the files beside them are their parts
//! remote     servers over HTTP
//! python     Python processes
//! launch     servers that infa starts
//! stream     long jobs through an engine
//! ```

mod api;
mod checked;
pub mod classify;
mod collect;
mod finish;
mod forms;
pub mod int8;
pub mod launch;
mod load;
mod max_sim;
pub mod observe;
mod onnx;
pub mod open;
mod options;
mod predictor;
mod prompts;
pub mod python;
pub mod remote;
pub mod rerank;
mod runner;
mod sparse;
pub mod spec;
mod static_embedding;
pub mod stream;
mod token_vectors;
mod tokenizers;
mod weight_files;
mod worker;

pub use api::{
    Completed, Embedding, Engine, EngineError, EngineInfo, Input, Job, JobResults, Label, Labelled, LocalInfo, Output,
    OutputKind, OutputOf, Outputs, Pending, Prediction, Request, RequestOptions, Role, SparseEmbedding, SubmitError,
    TextError, TextErrorKind, TextOptions, Times, TokenEmbeddings,
};
pub use checked::Checked;
pub use max_sim::{Scoring, max_sim};
pub(crate) use onnx::check_task;
pub use onnx::{OnnxEngine, max_length};
pub use options::OnnxOptions;
pub use predictor::judgement;
pub use python::{PythonEngine, PythonError, PythonOptions};
pub use remote::{RemoteEngine, RemoteError, RemoteOptions};
pub use spec::{EngineKind, EngineSpec, SpecError};
pub use static_embedding::StaticEngine;
