//! `POST /embeddings` of OpenAI, Infinity, Jina, Voyage, NIM and vLLM, also under the paths of Azure and of OpenAI's
//! first clients.

mod request;
pub(crate) mod route;
mod types;

pub(crate) use request::EmbeddingsRequest;
pub(crate) use types::{Layout, VectorType, VectorTypes, types_schema, write};
