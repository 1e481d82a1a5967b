//! Models of this process.
//!
//! ```text
//! onnx              a model through ONNX Runtime: tokens, requests
//!   ├ load          its session and its workers, from safetensors or a ready file
//!   │   ├ gpu       the same on GPUs
//!   │   └ loaded    the result
//!   ├ predictor, sparse, token_vectors, post_process   from the model's output to logits, weights, vectors
//!   ├ tokenizers    threads that tokenise
//!   ├ runner        requests through the queue to the workers
//!   │   ├ run       one group of inputs through one session
//!   │   └ collect   the results of a request
//!   ├ prompts       text before each input
//!   └ weight_files  changes of the files while they are in use
//! static_embedding  a table of vectors instead
//! int8              quantised weights
//! options, observe  how it computes, and what it reports of it
//! ```

mod collect;
mod gpu;
pub(crate) mod int8;
mod load;
mod loaded;
pub(crate) mod observe;
mod onnx;
mod options;
mod post_process;
mod predictor;
mod prompts;
mod run;
mod runner;
mod sparse;
mod static_embedding;
mod token_vectors;
mod tokenizers;
mod weight_files;
mod weights_hash;

pub use onnx::OnnxEngine;
pub(crate) use onnx::check_task;
pub(crate) use onnx::max_length;
pub use options::OnnxOptions;
pub(crate) use predictor::judgement;
pub use static_embedding::StaticEngine;
pub(in crate::engine) use token_vectors::only as gives_only_token_vectors;
