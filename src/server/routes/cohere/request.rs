//! Cohere's request, API versions 1 and 2.

use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::{Error, SeqAccess, Unexpected};
use utoipa::ToSchema;

use super::response::{Layout, Version};
use crate::server::http::{deserialize_shapes, whole};
use crate::server::routes::embed_call::{EmbedCall, Fields, MaxTokens, VectorKind};
use crate::server::routes::embeddings::{VectorType, VectorTypes, types_schema};
use crate::server::routes::inputs::{List, Medium, TextObject, Truncation, texts_schema, truncation_schema};
use crate::server::routes::text_use::TextUse;
use crate::server::{ApiError, EmbeddingDtype, Limits};

/// Texts to embed. Unknown fields, such as `priority`, are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"texts": ["What do cats eat?"]}))]
#[serde(expecting = "an object")]
#[allow(dead_code, reason = "refused fields are not read")]
pub(crate) struct CohereEmbedRequest {
    /// The model's name; the first that gives vectors by default.
    #[schema(example = "default/not-specified")]
    pub model: Option<String>,
    /// The texts. Either these or `inputs`.
    #[schema(schema_with = texts_schema, required = false)]
    texts: Option<List<String>>,
    /// Inputs of one text each (v2).
    #[schema(value_type = Option<Vec<Object>>, example = json!(null))]
    inputs: Option<List<Input>>,
    /// Images are not supported.
    #[schema(ignore)]
    images: Option<Medium>,
    /// The use of the texts: "search_query" and "search_document" select the model's prompts for queries and documents,
    /// "classification" and "clustering" those with such names.
    #[schema(example = json!(null))]
    input_type: Option<String>,
    /// The types of the vectors.
    #[schema(schema_with = types_schema)]
    embedding_types: Option<VectorTypes>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// Maximum tokens of a text. A longer text within the model's maximum is refused, as the server cuts at one length
    /// only.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1)]
    max_tokens: Option<usize>,
    /// Length to which vectors are truncated and then scaled to length 1; 0: not truncated.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0)]
    output_dimension: Option<usize>,
}

/// `{"content": [{"type": "text", "text": …}]}`
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with a list \"content\"")]
pub(crate) struct Input {
    content: Content,
}

/// The only text of an input.
#[derive(Debug)]
struct Content(String);

deserialize_shapes!(Content, "a list of one part with a text", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
        Ok(Content(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content, A::Error> {
        let first = parts.next_element::<TextObject>()?;
        let TextObject(text) =
            first.ok_or_else(|| A::Error::invalid_value(Unexpected::Other("an empty list"), &self))?;
        match parts.next_element::<TextObject>()? {
            Some(_) => Err(A::Error::invalid_value(Unexpected::Other("several parts"), &self)),
            None => Ok(Content(text)),
        }
    }
});

impl CohereEmbedRequest {
    /// Bytes of the texts, which the response repeats.
    pub(super) fn size(&self) -> usize {
        self.texts.as_ref().map_or(0, |texts| texts.iter().map(String::len).sum())
    }

    /// The call, and the layout of its response.
    ///
    /// # Errors
    /// 400 for unsupported values, and 422 without texts.
    pub(super) fn resolve(self, version: Version, limits: &Limits) -> Result<(EmbedCall, Layout), ApiError> {
        let unprocessable =
            |message: &str| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, format!("texts: {message}")).param("texts");
        let (field, texts) = match (self.texts, self.inputs) {
            (Some(texts), None) => ("texts", texts.checked("texts", limits)?),
            (None, Some(inputs)) => {
                let inputs = inputs.checked("inputs", limits)?;
                ("inputs", inputs.into_iter().map(|input| input.content.0).collect())
            }
            (Some(_), Some(_)) => return Err(unprocessable("texts and inputs exclude each other; send one of them")),
            (None, None) => return Err(unprocessable("missing field; send the texts in it")),
        };
        let float = VectorType::Numbers(EmbeddingDtype::Float32);
        let types = match self.embedding_types {
            Some(VectorTypes(types)) if !types.is_empty() => Some(types),
            _ => (version == Version::Two).then(|| vec![float]),
        };
        let layout = Layout { version, types, texts: (field == "texts").then(|| texts.clone()) };
        let call = EmbedCall {
            texts: texts.into_iter().map(crate::engine::Input::Text).collect(),
            text_use: self.input_type.map(|word| TextUse { field: "input_type", word }),
            truncate: self.truncate,
            max_tokens: self.max_tokens.map(|tokens| MaxTokens { field: "max_tokens", tokens }),
            dimensions: self.output_dimension.filter(|&n| n > 0),
            wanted: VectorKind::OneVector("model"),
            fields: Fields { input: field, dimensions: "output_dimension", ..Fields::default() },
            ..EmbedCall::default()
        };
        Ok((call, layout))
    }
}
