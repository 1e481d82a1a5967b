//! The request of `/embeddings`, with the fields of all dialects of this path.
//!
//! A field that changes the result is followed or refused; other fields are ignored. Fields with the same meaning may
//! be sent together if they agree.

use serde::Deserialize;
use serde::de::{Error, IgnoredAny, SeqAccess, Unexpected};
use utoipa::ToSchema;

use super::types::{Layout, VectorTypes, types_schema};
use crate::server::http::{deserialize_shapes, shorten, whole};
use crate::server::routes::embed_call::{EmbedCall, Fields, MaxTokens, VectorKind};
use crate::server::routes::fields::{Direction, agreed, truncation};
use crate::server::routes::inputs::{Chat, Inputs, Medium, Truncation, inputs_schema, truncation_schema};
use crate::server::routes::text_use::TextUse;
use crate::server::vectors::EncodingFormat;
use crate::server::{ApiError, EmbeddingDtype, Limits};

/// Inputs to embed, and options. Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"input": ["What do cats eat?"]}))]
#[serde(expecting = "an object")]
#[allow(dead_code, reason = "refused fields are not read")]
pub(crate) struct EmbeddingsRequest {
    #[schema(schema_with = inputs_schema)]
    input: Inputs,
    /// The model's name; if missing, empty or "default/not-specified", the first that gives vectors.
    #[schema(example = "default/not-specified")]
    pub model: Option<String>,
    /// "float" or "base64".
    encoding_format: Option<EncodingFormat>,
    /// Length to which vectors are truncated and then scaled to length 1; 0: not truncated.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0)]
    dimensions: Option<usize>,
    /// The same as `dimensions` (Voyage, Cohere, litellm).
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0)]
    output_dimension: Option<usize>,
    /// The client's user; ignored.
    #[serde(rename = "user")]
    _user: Option<String>,
    /// "text", or a list of it; images and audio are not supported.
    #[serde(rename = "modality")]
    #[schema(value_type = Option<String>, example = "text")]
    _modality: Option<Modality>,
    /// The name of one of the model's prompts, prepended to each text.
    #[schema(example = json!(null))]
    prompt_name: Option<String>,
    /// Text prepended to each text.
    #[schema(example = json!(null))]
    prompt: Option<String>,
    /// The use of the texts (Jina), which selects the prompt with that name or a synonym. For `/pooling` (vLLM) the
    /// kind of vectors.
    #[schema(example = json!(null))]
    pub task: Option<String>,
    /// The use of the texts (NIM, Voyage, Cohere, Jina, Azure): "query", "passage", "document", …, as `task`.
    #[schema(example = json!(null))]
    input_type: Option<String>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// False makes a text that is too long an error (Voyage).
    truncation: Option<bool>,
    /// The end at which a text that is too long is cut (vLLM): "left" or "right".
    truncation_side: Option<Direction>,
    /// The same as `truncation_side` (TEI).
    truncation_direction: Option<Direction>,
    /// Maximum tokens of a text (vLLM); -1: the model's. A longer text within the model's maximum is refused, as the
    /// server cuts at one length only.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = -1)]
    truncate_prompt_tokens: Option<i64>,
    /// True for vectors of length 1; by default the model's own.
    normalize: Option<bool>,
    /// The same as `normalize` (Jina).
    normalized: Option<bool>,
    /// The same as `normalize` (vLLM).
    use_activation: Option<bool>,
    /// The type of the numbers, also in base64. Clients that decode base64 as float32 without checking, such as the
    /// package "openai", should use the encoding_format "float".
    #[schema(value_type = Option<EmbeddingDtype>)]
    embedding_dtype: Option<VectorTypes>,
    #[schema(schema_with = types_schema)]
    embedding_type: Option<VectorTypes>,
    /// The same as `embedding_type` (Cohere).
    #[schema(schema_with = types_schema)]
    embedding_types: Option<VectorTypes>,
    /// The same as `embedding_type` (LlamaIndex for Jina).
    #[schema(schema_with = types_schema)]
    encoding_type: Option<VectorTypes>,
    /// The same as `embedding_type` (Voyage).
    #[schema(schema_with = types_schema)]
    output_dtype: Option<VectorTypes>,
    /// vLLM's. Must be "float32".
    embed_dtype: Option<String>,
    /// vLLM's: the byte order, "little" or "native".
    endianness: Option<String>,
    /// True for special tokens around texts (vLLM). Must be true.
    add_special_tokens: Option<bool>,
    /// Jina's. Must be false.
    late_chunking: Option<bool>,
    /// Jina's: true for one vector per token, from models made for it.
    return_multivector: Option<bool>,
    #[serde(rename = "messages")]
    #[schema(ignore)]
    _messages: Option<Chat>,
    #[schema(ignore)]
    images: Option<Medium>,
    #[serde(default)]
    #[schema(ignore)]
    instruction: Option<IgnoredAny>,
}

/// The modality of the inputs, or a list of one for each: text is the only one supported.
#[derive(Debug)]
struct Modality;

deserialize_shapes!(Modality, "\"text\" (images and audio are not supported)", {
    fn visit_str<E: Error>(self, word: &str) -> Result<Modality, E> {
        if word == "text" { Ok(Modality) } else { Err(E::invalid_value(Unexpected::Str(word), &self)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Modality, A::Error> {
        while items.next_element::<Modality>()?.is_some() {}
        Ok(Modality)
    }
});

/// Refuses values of `field` that are not `allowed`; case is ignored.
fn only(field: &'static str, value: Option<&str>, allowed: &[&str]) -> Result<(), ApiError> {
    match value {
        Some(value) if !allowed.iter().any(|allowed| value.eq_ignore_ascii_case(allowed)) => {
            let reason = format!("\"{}\" is not supported, only {}", shorten(value), allowed.join(" and "));
            Err(ApiError::bad_value(field, reason))
        }
        _ => Ok(()),
    }
}

impl EmbeddingsRequest {
    /// The call, and the layout of its response. `default_type`: the number type unless the request names one.
    ///
    /// # Errors
    /// 400 for unsupported values, and 413 for too many inputs.
    pub(crate) fn resolve(
        self,
        default_type: EmbeddingDtype,
        limits: &Limits,
    ) -> Result<(EmbedCall, Layout), ApiError> {
        self.refuse()?;
        let sides = [("truncation_side", self.truncation_side), ("truncation_direction", self.truncation_direction)];
        let truncate = truncation(self.truncate, self.truncation, &sides, self.truncate_prompt_tokens)?;
        let normalize = agreed(("normalize", self.normalize), ("normalized", self.normalized))?;
        let normalize = agreed(("normalize", normalize), ("use_activation", self.use_activation))?;
        let (dimensions, output) = (self.dimensions.filter(|&n| n > 0), self.output_dimension.filter(|&n| n > 0));
        let fields = Fields {
            dimensions: if dimensions.is_none() && output.is_some() { "output_dimension" } else { "dimensions" },
            ..Fields::default()
        };
        let dimensions = agreed(("dimensions", dimensions), ("output_dimension", output))?;
        let task = self.task.map(|word| TextUse { field: "task", word });
        let input_type = self.input_type.map(|word| TextUse { field: "input_type", word });
        if task.is_some() && input_type.is_some() {
            return Err(ApiError::bad_value("input_type", "both it and task choose a prompt: send one of them"));
        }
        let types = [
            ("embedding_dtype", self.embedding_dtype),
            ("embedding_type", self.embedding_type),
            ("embedding_types", self.embedding_types),
            ("encoding_type", self.encoding_type),
            ("output_dtype", self.output_dtype),
        ];
        let layout = Layout::resolve(&types, self.encoding_format, default_type)?;
        let normalize = match normalize {
            Some(false) if layout.needs_length_one() => {
                let reason = "int8 and uint8 require vectors of length 1; omit it, or use another type";
                return Err(ApiError::bad_value("normalize", reason));
            }
            None if layout.needs_length_one() => Some(true),
            other => other,
        };
        let max_tokens = match self.truncate_prompt_tokens {
            None | Some(-1) => None,
            Some(tokens) => match usize::try_from(tokens) {
                Ok(tokens) if tokens > 0 => Some(MaxTokens { field: "truncate_prompt_tokens", tokens }),
                _ => {
                    return Err(ApiError::bad_value(
                        "truncate_prompt_tokens",
                        format!("must be -1 or at least 1, not {tokens}"),
                    ));
                }
            },
        };
        let call = EmbedCall {
            texts: self.input.0.checked("input", limits)?,
            text_use: task.or(input_type),
            prompt: self.prompt,
            prompt_name: self.prompt_name,
            truncate,
            max_tokens,
            normalize,
            dimensions,
            wanted: match self.return_multivector {
                None => VectorKind::Any,
                Some(true) => VectorKind::TokenVectors("return_multivector"),
                Some(false) => VectorKind::OneVector("return_multivector"),
            },
            copies: layout.copies(),
            fields,
        };
        Ok((call, layout))
    }

    /// Refuses unsupported fields that would change the result.
    fn refuse(&self) -> Result<(), ApiError> {
        let present = [
            (
                "instruction",
                self.instruction.is_some(),
                "it is not supported; send it in \"prompt\", in the model's format",
            ),
            (
                "late_chunking",
                self.late_chunking == Some(true),
                "it is not supported; each input is embedded separately",
            ),
            (
                "add_special_tokens",
                self.add_special_tokens == Some(false),
                "the model requires them; to choose all tokens, send token ids",
            ),
        ];
        if let Some((field, _, reason)) = present.into_iter().find(|(_, present, _)| *present) {
            return Err(ApiError::bad_value(field, reason));
        }
        only("embed_dtype", self.embed_dtype.as_deref(), &["float32"])?;
        // Base64 is little-endian on every machine.
        let little = if cfg!(target_endian = "little") { &["little", "native"][..] } else { &["little"] };
        only("endianness", self.endianness.as_deref(), little)
    }
}
