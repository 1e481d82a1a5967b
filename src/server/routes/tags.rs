//! Tags of the routes in the OpenAPI document.

/// OpenAI's and Infinity's embeddings, Infinity's, Cohere's and Jina's rerank, Infinity's classify.
pub const OPENAI: &str = "OpenAI, Infinity, Cohere, Jina";
/// The native routes of text-embeddings-inference.
pub const TEI: &str = "Text Embeddings Inference";
/// Cohere's embed.
pub const COHERE: &str = "Cohere";
/// Ollama's embeddings and list of models.
pub const OLLAMA: &str = "Ollama";
/// The Open Inference Protocol, version 2.
pub const KSERVE: &str = "KServe v2";
/// Health, models, metrics.
pub const SERVER: &str = "Server";
