//! `POST /embeddings` of OpenAI, Infinity, Jina, Voyage, NIM and vLLM, also under the paths of Azure and of OpenAI's
//! first clients.

mod request;
pub mod route;
mod types;

pub use request::EmbeddingsRequest;
pub use types::{Layout, VectorType, VectorTypes, types_schema, write};
