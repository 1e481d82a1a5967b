//! Models of this process.
//!
//! ```text
//! onnx              a model through ONNX Runtime: tokens, requests
//!   ├ load          its session and its workers, from safetensors or a ready file
//!   │   ├ gpu, warm_up, tensorrt  the same on GPUs
//!   │   └ loaded    the result
//!   ├ predictor, sparse, token_vectors, post_process   from the model's output to logits, weights, vectors
//!   ├ tokenizers    threads that tokenise
//!   ├ runner        requests through the queue to the workers
//!   │   ├ worker    one group of inputs through one session
//!   │   │   ├ interface  the inputs and the output of the session
//!   │   │   └ feeds      numbers for its inputs
//!   │   └ collect   the results of a request
//!   ├ prompts       text before each input
//!   └ weight_files  changes of the files while they are in use
//! static_embedding  a table of vectors instead
//! int8              quantised weights
//! options, observe  how it computes, and what it reports of it
//! ```

mod collect;
mod feeds;
mod gpu;
pub(crate) mod int8;
mod interface;
mod load;
mod loaded;
pub(crate) mod observe;
mod onnx;
mod options;
mod post_process;
mod predictor;
mod prompts;
#[cfg(test)]
mod rehearsal;
mod runner;
mod sparse;
mod static_embedding;
mod tensorrt;
mod token_vectors;
mod tokenizers;
mod warm_up;
mod weight_files;
mod weights_hash;
mod worker;

pub use onnx::OnnxEngine;
pub(crate) use onnx::check_task;
pub(crate) use onnx::max_length;
pub use options::OnnxOptions;
pub(crate) use predictor::judgement;
pub use static_embedding::StaticEngine;
pub(in crate::engine) use token_vectors::only as gives_only_token_vectors;
