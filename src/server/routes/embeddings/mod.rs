//! `POST /embeddings`: OpenAI's, Infinity's, Jina's, Voyage's, NIM's and vLLM's, in one; and the same under the paths of
//! Azure and of OpenAI's first clients.

mod request;
pub mod route;
mod types;

pub use request::EmbeddingsRequest;
pub use types::{Layout, VectorType, VectorTypes, types_schema, write};
