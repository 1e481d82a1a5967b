//! The end at which a text that is too long is cut, in the words of all dialects.

use serde::de::Error;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use super::schemas::{one_of, string};
use crate::model::tokenizer::Truncate;
use crate::server::http::deserialize_shapes;
use crate::server::models::LoadedModel;

/// The end at which an input that is too long is cut: "right" (NIM's and Cohere's "END"), "left" ("START"), or "none"
/// for an error, in any case; `false` stands for "none", and `true`, here `None`, for the server's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truncation(pub Option<Truncate>);

impl Truncation {
    pub(crate) const OFF: Self = Self(Some(Truncate::None));

    /// `true` on a server that does not truncate stands for the end of the model's tokenizer.
    pub(crate) fn end(self, loaded: &LoadedModel) -> Truncate {
        self.0.unwrap_or_else(|| match loaded.local().truncate {
            Truncate::None => loaded.model().tokenizer.truncation_side,
            end => end,
        })
    }
}

impl From<bool> for Truncation {
    fn from(truncate: bool) -> Self {
        if truncate { Self(None) } else { Self::OFF }
    }
}

const WORDS: &[&str] = &["right", "left", "none", "END", "START", "NONE"];

deserialize_shapes!(Truncation, "\"right\", \"left\", \"none\", \"END\", \"START\", true or false", {
    fn visit_bool<E: Error>(self, truncate: bool) -> Result<Truncation, E> {
        Ok(truncate.into())
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Truncation, E> {
        let truncate = match word.to_ascii_lowercase().as_str() {
            "right" | "end" => Truncate::Right,
            "left" | "start" => Truncate::Left,
            "none" => Truncate::None,
            _ => return Err(E::unknown_variant(word, WORDS)),
        };
        Ok(Truncation(Some(truncate)))
    }
});

pub(crate) fn truncation_schema() -> Schema {
    let words = string().enum_values(Some(WORDS.iter().copied()));
    let of_type = |kind| ObjectBuilder::new().schema_type(kind);
    let shapes = OneOfBuilder::new().item(words).item(of_type(Type::Boolean)).item(of_type(Type::Null));
    let about = "The end at which an input that is too long is cut (END is right, START is left); \"none\" and false make it \
                 an error, true cuts it even if the server does not. By default, the server's setting";
    one_of(shapes, about)
}
