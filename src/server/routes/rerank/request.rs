//! The request body of `/rerank`, in all dialects.

use std::cell::Cell;
use std::fmt;

use axum::http::StatusCode;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::call::RerankCall;
use crate::server::ApiError;
use crate::server::http::whole;
use crate::server::routes::fields::{Direction, Refused, Sent, agreed, raw_scores, refused_schema, top, truncation};
use crate::server::routes::inputs::{
    Document, Documents, List, Truncation, document_schema, documents_schema, texts_schema, truncation_schema,
};

/// A query and the documents to order by relevance: either `documents` or TEI's `texts`. Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"query": "What do cats eat?", "documents": ["Cats eat fish.", "A bridge of stone."]}))]
#[serde(expecting = "an object")]
#[allow(dead_code, reason = "refused fields are not read")]
pub(crate) struct RerankRequest {
    #[schema(schema_with = document_schema, example = "What do cats eat?")]
    query: Document,
    #[schema(schema_with = documents_schema, required = false, example = json!(["Cats eat fish.", "A bridge of stone."]))]
    documents: Option<Documents>,
    /// TEI's name of `documents`, which selects TEI's response.
    #[schema(schema_with = texts_schema, required = false)]
    texts: Option<List<String>>,
    /// NIM's name of `documents`, on its own routes.
    #[schema(ignore)]
    passages: Option<IgnoredAny>,
    /// The model's name; if missing, empty or "default/not-specified", the first cross-encoder.
    #[schema(example = "default/not-specified")]
    model: Option<String>,
    /// Maximum documents in the response, the best ones; all by default.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1)]
    top_n: Option<usize>,
    /// Voyage's name of `top_n`, which, even if null, selects Voyage's response.
    #[serde(default)]
    #[schema(value_type = Option<usize>, minimum = 1)]
    top_k: Sent<usize>,
    /// True for a response with the documents. False by default.
    return_documents: Option<bool>,
    /// TEI's name of `return_documents`.
    return_text: Option<bool>,
    /// True for logits as scores, without an activation function.
    raw_scores: Option<bool>,
    /// vLLM's opposite of `raw_scores`.
    use_activation: Option<bool>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// Voyage's and Jina's: false makes a document that is too long an error.
    truncation: Option<bool>,
    /// TEI's: the end at which a document that is too long is cut.
    truncation_direction: Option<Direction>,
    /// vLLM's name of `truncation_direction`.
    truncation_side: Option<Direction>,
    /// Cohere's: the number of chunks per document. Only one is supported: with a greater number, a document that is
    /// too long is an error.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1)]
    max_chunks_per_doc: Option<usize>,
    /// Cohere's and vLLM's maximum tokens of a document. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    max_tokens_per_doc: Option<i64>,
    /// vLLM's maximum tokens of the query. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    max_tokens_per_query: Option<i64>,
    /// vLLM's maximum tokens of query and document. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    truncate_prompt_tokens: Option<i64>,
    /// FlagEmbedding's maximum tokens of query and document. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    max_length: Option<i64>,
    /// Jina's maximum tokens of a document. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    max_doc_length: Option<i64>,
    /// Jina's maximum tokens of the query. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    max_query_length: Option<i64>,
    /// Cohere's: the fields of documents that are read. Must be `["text"]`.
    rank_fields: Option<Vec<String>>,
    /// Jina's.
    #[schema(schema_with = refused_schema)]
    return_embeddings: Option<Refused>,
    /// Cohere's.
    #[schema(schema_with = refused_schema)]
    relevant_spans: Option<Refused>,
    /// SGLang's.
    #[schema(schema_with = refused_schema)]
    instruct: Option<Refused>,
    /// vLLM's.
    #[schema(schema_with = refused_schema)]
    instruction: Option<Refused>,
    /// vLLM's.
    #[schema(schema_with = refused_schema)]
    chat_template: Option<Refused>,
    /// vLLM's.
    #[schema(schema_with = refused_schema)]
    chat_template_kwargs: Option<Refused>,
}

/// A request with resolved fields.
pub(super) struct Resolved {
    pub call: RerankCall,
    pub documents: Documented,
    /// True for Voyage's response.
    pub is_voyages: bool,
}

/// The documents of a request, by their field.
pub(super) enum Documented {
    Documents(List<Document>),
    Texts(List<String>),
}

impl RerankRequest {
    /// The request without its dialect; or the error, with true if TEI's clients read it.
    pub(super) fn resolve(self) -> Result<Resolved, (ApiError, bool)> {
        let is_teis = self.texts.is_some() && self.documents.is_none();
        self.read().map_err(|e| (e, is_teis))
    }

    fn read(self) -> Result<Resolved, ApiError> {
        let documents = match (self.documents, self.texts) {
            (Some(Documents(documents)), None) => Documented::Documents(documents),
            (None, Some(texts)) => Documented::Texts(texts),
            (documents, _) => {
                let what = match (documents, self.passages) {
                    (Some(_), _) => "documents and texts exclude each other",
                    (None, Some(_)) => "missing field; passages are for /ranking",
                    (None, None) => "missing field",
                };
                let message = format!("documents: {what}; send documents (or, as to text-embeddings-inference, texts)");
                return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message).param("documents"));
            }
        };
        let with_documents = match documents {
            Documented::Documents(_) => self.return_documents,
            Documented::Texts(_) => {
                agreed(("return_text", self.return_text), ("return_documents", self.return_documents))?
            }
        };
        let raw = raw_scores(self.raw_scores, self.use_activation)?;
        let top_n = top(("top_n", self.top_n), ("top_k", self.top_k.value))?;
        if self.rank_fields.is_some_and(|fields| !fields.is_empty() && fields != ["text"]) {
            return Err(ApiError::bad_value("rank_fields", "must be [\"text\"]: only this field of documents is read"));
        }
        if self.max_chunks_per_doc == Some(0) {
            return Err(ApiError::bad_value("max_chunks_per_doc", "must be at least 1, not 0"));
        }
        let max_chunks = self.max_chunks_per_doc.filter(|chunks| *chunks > 1);
        let sides = [("truncation_direction", self.truncation_direction), ("truncation_side", self.truncation_side)];
        let truncate = truncation(self.truncate, self.truncation, &sides, self.truncate_prompt_tokens)?;
        let truncate = if max_chunks.is_some() { Some(Truncation::OFF) } else { truncate };
        let call = RerankCall {
            query: self.query.text,
            model: self.model,
            raw,
            truncate,
            top_n,
            with_documents: with_documents.unwrap_or(false),
            max_chunks,
            limits: vec![
                ("max_tokens_per_doc", self.max_tokens_per_doc),
                ("max_tokens_per_query", self.max_tokens_per_query),
                ("truncate_prompt_tokens", self.truncate_prompt_tokens),
                ("max_length", self.max_length),
                ("max_doc_length", self.max_doc_length),
                ("max_query_length", self.max_query_length),
            ],
        };
        Ok(Resolved { call, documents, is_voyages: self.top_k.is_sent })
    }
}

/// True if an invalid body is TEI's: it has `texts` and no `documents` before the error.
pub(super) fn is_teis(bytes: &[u8]) -> bool {
    /// The fields seen so far.
    struct Seen<'s> {
        texts: &'s Cell<bool>,
        documents: &'s Cell<bool>,
    }

    impl<'de> Visitor<'de> for Seen<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
            while let Some(field) = fields.next_key::<String>()? {
                match field.as_str() {
                    "texts" => self.texts.set(true),
                    "documents" => self.documents.set(true),
                    _ => {}
                }
                fields.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let (texts, documents) = (Cell::new(false), Cell::new(false));
    let seen = Seen { texts: &texts, documents: &documents };
    // An error ends the reading; the fields before it count.
    let _ = serde_json::Deserializer::from_slice(bytes).deserialize_map(seen);
    texts.get() && !documents.get()
}

#[cfg(test)]
mod tests {
    use super::is_teis;

    #[test]
    fn a_broken_body_is_of_the_dialect_whose_field_it_has() {
        for body in [r#"{"texts": ["a"]}"#, r#"{"query": 7, "texts": "a"}"#, r#"{"texts": ["#, r#"{"texts": [1], x"#] {
            assert!(is_teis(body.as_bytes()), "{body}");
        }
        for body in
            ["", "[", "{}", r#"{"query": "texts""#, r#"{"texts": [], "documents": []}"#, r#"{"a": {"texts": 1}}"#]
        {
            assert!(!is_teis(body.as_bytes()), "{body}");
        }
    }
}
