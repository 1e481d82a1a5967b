//! Cohere's response, API versions 1 and 2.

use std::collections::BTreeMap;

use utoipa::ToSchema;

use crate::server::EmbeddingDtype;
use crate::server::http::{new_id, write};
use crate::server::routes::embed_call::Vectors;
use crate::server::routes::embeddings::{VectorType, write as write_vector};
use crate::server::vectors::EncodingFormat;

/// The version of Cohere's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

/// The layout of a response.
pub(crate) struct Layout {
    pub version: Version,
    /// The types of the vectors; `None` for a plain list of vectors (v1).
    pub types: Option<Vec<VectorType>>,
    /// The texts, which the response repeats: Cohere's v1 client requires them.
    pub texts: Option<Vec<String>>,
}

/// Vectors, in the order of the texts.
#[derive(ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
#[schema(as = CohereReply)]
pub(crate) struct CohereResponse {
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    id: String,
    embeddings: Embeddings,
    /// The texts of the request.
    #[schema(nullable = false)]
    texts: Option<Vec<String>>,
    /// The version of the API and the number of tokens.
    #[schema(value_type = Object)]
    meta: BTreeMap<String, String>,
    /// "embeddings_floats" or "embeddings_by_type"
    response_type: String,
}

/// A list of vectors, or one such list for each type.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "schema of a hand-written response")]
pub(crate) enum Embeddings {
    Floats(Vec<Vec<f32>>),
    #[schema(value_type = Object)]
    ByType(BTreeMap<String, Vec<f32>>),
}

impl Layout {
    pub(crate) fn write(&self, vectors: &Vectors) -> Vec<u8> {
        let mut out = Vec::with_capacity(512 + vectors.numbers().into_iter().sum::<usize>() * 14);
        out.extend_from_slice(b"{\"id\":");
        write::json(&new_id(), &mut out);
        out.extend_from_slice(b",\"embeddings\":");
        let float = VectorType::Numbers(EmbeddingDtype::Float32);
        match &self.types {
            None => list(vectors, float, &mut out),
            Some(types) => {
                for (i, kind) in types.iter().enumerate() {
                    out.extend_from_slice(if i == 0 { b"{\"" } else { b",\"" });
                    out.extend_from_slice(kind.name().as_bytes());
                    out.extend_from_slice(b"\":");
                    list(vectors, *kind, &mut out);
                }
                out.push(b'}');
            }
        }
        if let Some(texts) = &self.texts {
            out.extend_from_slice(b",\"texts\":");
            write::json(texts, &mut out);
        }
        let version = if self.version == Version::One { "1" } else { "2" };
        let rest = serde_json::json!({
            "meta": {"api_version": {"version": version}, "billed_units": {"input_tokens": vectors.tokens()}},
            "response_type": if self.types.is_none() { "embeddings_floats" } else { "embeddings_by_type" },
        });
        write::last_fields(&rest, &mut out);
        out
    }
}

/// Appends the vectors of all texts.
fn list(vectors: &Vectors, kind: VectorType, out: &mut Vec<u8>) {
    let writer = kind.writer(EncodingFormat::Float);
    out.push(b'[');
    vectors.each(|index, numbers, width| {
        if index > 0 {
            out.push(b',');
        }
        write_vector(writer, numbers, width, out);
    });
    out.push(b']');
}
