//! Tags of the routes in the OpenAPI document.

/// OpenAI's and Infinity's embeddings, Infinity's, Cohere's and Jina's rerank, Infinity's classify.
pub(crate) const OPENAI: &str = "OpenAI, Infinity, Cohere, Jina";
/// The native routes of text-embeddings-inference.
pub(crate) const TEI: &str = "Text Embeddings Inference";
/// Cohere's embed.
pub(crate) const COHERE: &str = "Cohere";
/// Ollama's embeddings and list of models.
pub(crate) const OLLAMA: &str = "Ollama";
/// The Open Inference Protocol, version 2.
pub(crate) const KSERVE: &str = "KServe v2";
/// Health, models, metrics.
pub(crate) const SERVER: &str = "Server";
