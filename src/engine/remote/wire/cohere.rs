//! Cohere's second version: `/v2/embed`, `/v2/rerank`.
//!
//! <https://docs.cohere.com/reference/embed>, <https://docs.cohere.com/reference/rerank>

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::numbers::{check, parse, vector};
use super::results::tokens;
use super::{Abilities, Embedded, Parameters, Protocol, Roles, set};
use crate::engine::Role;
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};
use crate::model::tokenizer::Truncate;

pub(crate) struct Cohere;

impl Protocol for Cohere {
    fn abilities(&self) -> Abilities {
        Abilities { roles: Roles::Always, truncate: true, ..Abilities::PLAIN }
    }

    fn embed(&self, parameters: &Parameters, role: Role, texts: &[&str]) -> Request {
        let input_type = if role == Role::Query { "search_query" } else { "search_document" };
        let mut body = json!({"texts": texts, "input_type": input_type, "embedding_types": ["float"]});
        set(&mut body, "model", parameters.model.as_deref());
        set(&mut body, "output_dimension", parameters.dimensions);
        let truncate = parameters.truncate.map(|truncate| match truncate {
            Truncate::Right => "END",
            Truncate::Left => "START",
            Truncate::None => "NONE",
        });
        set(&mut body, "truncate", truncate);
        Request::post(&["v2", "embed"], &body, texts.len())
    }

    fn embedded(&self, reply: &Reply, count: usize) -> Result<Embedded, RemoteError> {
        #[derive(Deserialize)]
        struct ByType<'b> {
            #[serde(borrow)]
            embeddings: Types<'b>,
            #[serde(default)]
            meta: Json,
        }
        #[derive(Deserialize)]
        struct Types<'b> {
            #[serde(borrow)]
            float: Vec<&'b RawValue>,
        }
        let ByType { embeddings: Types { float }, meta } = parse(&reply.body)?;
        let vectors = float.into_iter().map(vector).collect::<Result<_, _>>()?;
        Ok(Embedded { values: check(vectors, count)?, tokens: tokens(&Json::Null, &meta), model: None })
    }

    fn rerank(&self, parameters: &Parameters, query: &str, documents: &[&str]) -> Request {
        let mut body = json!({"query": query, "documents": documents});
        set(&mut body, "model", parameters.model.as_deref());
        Request::post(&["v2", "rerank"], &body, documents.len())
    }
}
