//! The trait that local, remote and Python engines implement, and the facts about an engine.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Completed, EngineError, Job, JobResults, OutputKind, Pending, Request, SubmitError};
use crate::batch::scheduler::Stats;
use crate::engine::max_sim::Scoring;
use crate::model::Model;
use crate::model::pooling::Pooling;
use crate::model::tokenizer::Truncate;
use crate::runtime::device::Dtype;

/// Turns inputs into vectors, scores or labels.
///
/// Requests may come from several threads at once; an engine shares its workers among them. A request has one result an
/// input, in order; an input that fails does not harm the others.
pub trait Engine: Send + Sync {
    fn info(&self) -> &EngineInfo;

    /// Begins a request. Never blocks; dropping the [`Pending`] cancels the request.
    ///
    /// # Errors
    /// [`SubmitError`] if the engine does not compute what is requested, cannot follow an option, or is full.
    fn submit(&self, request: Request) -> Result<Pending<Completed>, SubmitError>;

    /// Runs `job` on the threads that tokenise, in turn with other requests.
    ///
    /// # Errors
    /// [`SubmitError::Full`]; [`SubmitError::Unsupported`] by an engine without such threads.
    fn submit_job(&self, _job: Job) -> Result<Pending<JobResults>, SubmitError> {
        Err(SubmitError::Unsupported("this engine has no tokenizer".into()))
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Number of concurrent requests that keeps the engine busy.
    fn in_flight(&self) -> usize;

    /// The reason why the engine can no longer be used: a file of its weights was changed in place. Costs a system call
    /// a file.
    fn changed(&self) -> Option<&str> {
        None
    }
}

#[derive(Clone)]
pub struct EngineInfo {
    pub model: String,
    /// The output that the engine was loaded for.
    pub output: OutputKind,
    /// Length of the vectors (of sparse ones: the size of the vocabulary); or the number of labels. `None` for a server
    /// that was attached without a first request.
    pub dimensions: Option<usize>,
    /// The comparison of token vectors; `None` for other outputs.
    pub scoring: Option<Scoring>,
    /// Details of a model in this process.
    pub local: Option<Arc<LocalInfo>>,
}

impl EngineInfo {
    /// The dimensions of an engine that was opened with a first request.
    ///
    /// # Errors
    /// [`EngineError::NoOutput`] if they are not known.
    pub fn known_dimensions(&self) -> Result<usize, EngineError> {
        let (model, reason) = (&self.model, "their length is not known before the first reply");
        self.dimensions.ok_or_else(|| EngineError::NoOutput { model: model.clone(), output: self.output, reason })
    }
}

/// Details of a model in this process.
pub struct LocalInfo {
    pub model: Arc<Model>,
    /// Version of ONNX Runtime; `None` for a table of static embeddings.
    pub library: Option<String>,
    pub dir: Option<PathBuf>,
    /// Longest text in tokens, specials included.
    pub max_length: usize,
    /// Pooling modes; empty where the model pools itself.
    pub pooling: Vec<Pooling>,
    /// True if vectors have length 1.
    pub normalize: bool,
    pub prompt: Option<String>,
    pub dtype: Dtype,
    /// Operators of the layers: "builtin" are ONNX Runtime's, an instruction set names infa's own.
    pub kernels: &'static str,
    /// Most tokens that run together.
    pub batch_tokens: usize,
    /// The end at which a text that is too long is cut.
    pub truncate: Truncate,
    pub threads: usize,
}
