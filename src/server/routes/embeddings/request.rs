//! The request of `/embeddings`: the fields of all dialects that meet on this path.
//!
//! A field that changes the result is followed or refused. What is ignored cannot change it. Fields with the same meaning
//! may be sent together if they agree.

use serde::Deserialize;
use serde::de::{Error, IgnoredAny, SeqAccess, Unexpected};
use utoipa::ToSchema;

use super::types::{Layout, VectorTypes, types_schema};
use crate::model::tokenizer::Truncate;
use crate::server::http::{deserialize_shapes, shorten, whole};
use crate::server::routes::embed_call::{EmbedCall, Fields, MaxTokens, Wanted};
use crate::server::routes::fields::{agreed, truncation};
use crate::server::routes::inputs::{Chat, Inputs, Medium, Truncation, inputs_schema, truncation_schema};
use crate::server::routes::text_use::TextUse;
use crate::server::vectors::EncodingFormat;
use crate::server::{ApiError, EmbeddingDtype, Limits};

/// Inputs to embed, and how. Fields that are not listed are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"input": ["What do cats eat?"]}))]
#[serde(expecting = "an object")]
pub struct EmbeddingsRequest {
    #[schema(schema_with = inputs_schema)]
    input: Inputs,
    /// The name of a model; the first that gives vectors if it is missing, empty or "default/not-specified".
    #[schema(example = "default/not-specified")]
    pub model: Option<String>,
    /// "float" or "base64".
    encoding_format: Option<EncodingFormat>,
    /// Length to which vectors are cut and then scaled to length 1 again; 0: not cut.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0)]
    dimensions: Option<usize>,
    /// The same as `dimensions` (Voyage, Cohere, litellm).
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0)]
    output_dimension: Option<usize>,
    /// A name for the client's user; ignored.
    #[serde(rename = "user")]
    _user: Option<String>,
    /// "text", or a list of it; images and audio are not served.
    #[serde(rename = "modality")]
    #[schema(value_type = Option<String>, example = "text")]
    _modality: Option<Modality>,
    /// The name of one of the model's prompts, to be put before each text.
    #[schema(example = json!(null))]
    prompt_name: Option<String>,
    /// Text to be put before each text.
    #[schema(example = json!(null))]
    prompt: Option<String>,
    /// The use of the texts (Jina): chooses the prompt of that name, or of a name that means the same. For `/pooling`
    /// (vLLM) the kind of vectors.
    #[schema(example = json!(null))]
    pub task: Option<String>,
    /// The use of the texts (NIM, Voyage, Cohere, Jina, Azure): "query", "passage", "document", …, as `task`.
    #[schema(example = json!(null))]
    input_type: Option<String>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// Whether texts that are too long are cut (Voyage).
    truncation: Option<bool>,
    /// Which end of a text that is too long goes (vLLM): "left" or "right".
    truncation_side: Option<Side>,
    /// The same as `truncation_side` (TEI).
    truncation_direction: Option<Side>,
    /// The longest text in tokens (vLLM); -1: that of the model. A text that is longer, and not too long for the model,
    /// is refused: the server cuts at one length.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = -1)]
    truncate_prompt_tokens: Option<i64>,
    /// Whether vectors are scaled to length 1; by default what the model does.
    normalize: Option<bool>,
    /// The same as `normalize` (Jina).
    normalized: Option<bool>,
    /// The same as `normalize` (vLLM).
    use_activation: Option<bool>,
    /// The type of the numbers. Base64 then has the bytes of this type: a client that takes base64 for float32 without
    /// a note in the reply, as the package "openai" does, should ask for the encoding_format "float".
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
    /// vLLM's: "float32" alone.
    embed_dtype: Option<String>,
    /// vLLM's: the order of bytes, "little" or "native".
    endianness: Option<String>,
    /// Whether special tokens are put around texts (vLLM): only true.
    add_special_tokens: Option<bool>,
    /// Jina's: only false.
    late_chunking: Option<bool>,
    /// Jina's: whether each token gets a vector, as it does with models made for it.
    return_multivector: Option<bool>,
    #[serde(rename = "messages")]
    #[schema(ignore)]
    _messages: Option<Chat>,
    #[serde(rename = "images")]
    #[schema(ignore)]
    _images: Option<Medium>,
    #[serde(default)]
    #[schema(ignore)]
    instruction: Option<IgnoredAny>,
}

/// The modality of the inputs, or a list of one for each: text, or it is an error.
#[derive(Debug)]
struct Modality;

deserialize_shapes!(Modality, "\"text\"; images and audio are not served", {
    fn visit_str<E: Error>(self, word: &str) -> Result<Modality, E> {
        if word == "text" { Ok(Modality) } else { Err(E::invalid_value(Unexpected::Str(word), &self)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Modality, A::Error> {
        while items.next_element::<Modality>()?.is_some() {}
        Ok(Modality)
    }
});

/// An end of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Side {
    /// The beginning.
    #[serde(alias = "Left")]
    Left,
    /// The end.
    #[serde(alias = "Right")]
    Right,
}

impl From<Side> for Truncate {
    fn from(side: Side) -> Self {
        match side {
            Side::Left => Self::Left,
            Side::Right => Self::Right,
        }
    }
}

/// `field` may have the value `allowed` alone, in any case.
fn only(field: &'static str, value: Option<&str>, allowed: &[&str]) -> Result<(), ApiError> {
    match value {
        Some(value) if !allowed.iter().any(|allowed| value.eq_ignore_ascii_case(allowed)) => {
            let reason = format!("\"{}\" is not served, only {}", shorten(value), allowed.join(" and "));
            Err(ApiError::bad_value(field, reason))
        }
        _ => Ok(()),
    }
}

impl EmbeddingsRequest {
    /// The call, and how its answer is laid out by a server that gives vectors as `usual` without being asked.
    ///
    /// # Errors
    /// 400 for values that cannot be followed, and 413 for too many inputs.
    pub fn resolve(self, usual: EmbeddingDtype, limits: &Limits) -> Result<(EmbedCall, Layout), ApiError> {
        self.refuse()?;
        let sides = [
            ("truncation_side", self.truncation_side.map(Truncate::from)),
            ("truncation_direction", self.truncation_direction.map(Truncate::from)),
        ];
        let truncate = truncation(self.truncate, self.truncation, &sides)?;
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
            return Err(ApiError::bad_value("input_type", "it chooses a prompt, and so does task: send one of them"));
        }
        let types = [
            ("embedding_dtype", self.embedding_dtype),
            ("embedding_type", self.embedding_type),
            ("embedding_types", self.embedding_types),
            ("encoding_type", self.encoding_type),
            ("output_dtype", self.output_dtype),
        ];
        let layout = Layout::resolve(&types, self.encoding_format, usual)?;
        let normalize = match normalize {
            Some(false) if layout.needs_length_one() => {
                let reason = "int8 and uint8 are for vectors of length 1; leave it out, or ask for another type";
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
                        format!("{tokens} is not -1 or above 0"),
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
                None => Wanted::Any,
                Some(true) => Wanted::TokenVectors("return_multivector"),
                Some(false) => Wanted::OneVector("return_multivector"),
            },
            copies: layout.copies(),
            fields,
        };
        Ok((call, layout))
    }

    /// Refuses what would change the result and is not served.
    fn refuse(&self) -> Result<(), ApiError> {
        let present = [
            (
                "instruction",
                self.instruction.is_some(),
                "it is not served; put it into \"prompt\", in the model's format",
            ),
            ("late_chunking", self.late_chunking == Some(true), "the server embeds each input by itself"),
            ("add_special_tokens", self.add_special_tokens == Some(false), "the model needs them; send token ids"),
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
