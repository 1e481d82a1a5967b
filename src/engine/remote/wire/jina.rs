//! Jina's `/v1/embeddings` and `/v1/rerank`.
//!
//! <https://api.jina.ai/redoc>

use reqwest::Url;
use serde_json::json;

use super::{Abilities, Parameters, Protocol, Roles, first_version, set};
use crate::engine::Role;
use crate::engine::remote::http::Request;

pub(crate) struct Jina {
    prefix: &'static [&'static str],
}

impl Jina {
    pub(crate) fn of(url: &Url) -> Self {
        Self { prefix: first_version(url) }
    }

    fn path<'p>(&self, path: &'p str) -> Vec<&'p str> {
        self.prefix.iter().copied().chain([path]).collect()
    }
}

impl Protocol for Jina {
    fn abilities(&self) -> Abilities {
        Abilities { roles: Roles::Yes, unscaled: true, ..Abilities::PLAIN }
    }

    fn embed(&self, parameters: &Parameters, role: Role, texts: &[&str]) -> Request {
        let mut body = json!({"input": texts, "embedding_type": "float"});
        set(&mut body, "model", parameters.model.as_deref());
        let task = match role {
            Role::Text => None,
            Role::Query => Some("retrieval.query"),
            Role::Document => Some("retrieval.passage"),
        };
        set(&mut body, "task", task);
        set(&mut body, "dimensions", parameters.dimensions);
        set(&mut body, "normalized", parameters.normalize);
        Request::post(&self.path("embeddings"), &body, texts.len())
    }

    fn rerank(&self, parameters: &Parameters, query: &str, documents: &[&str]) -> Request {
        let mut body = json!({"query": query, "documents": documents, "return_documents": false});
        set(&mut body, "model", parameters.model.as_deref());
        Request::post(&self.path("rerank"), &body, documents.len())
    }
}
