//! Which end of a text that is too long is cut off, in the words of all dialects.

use serde::de::Error;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use super::schemas::{one_of, string};
use crate::model::tokenizer::Truncate;
use crate::server::http::deserialize_shapes;

/// Which end of an input that is too long goes: "right" (NIM's and Cohere's "END"), "left" ("START"), or "none" for an
/// error instead, in any case; TEI's `true` stands for what the model does by itself, `false` for "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncation(pub Option<Truncate>);

const WORDS: &[&str] = &["right", "left", "none", "END", "START", "NONE"];

deserialize_shapes!(Truncation, "\"right\", \"left\", \"none\", \"END\", \"START\", true or false", {
    fn visit_bool<E: Error>(self, truncate: bool) -> Result<Truncation, E> {
        Ok(Truncation(if truncate { None } else { Some(Truncate::None) }))
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

/// The schema of [`Truncation`].
pub fn truncation_schema() -> Schema {
    let words = string().enum_values(Some(WORDS.iter().copied()));
    let of_type = |kind| ObjectBuilder::new().schema_type(kind);
    let shapes = OneOfBuilder::new().item(words).item(of_type(Type::Boolean)).item(of_type(Type::Null));
    let about = "Which end of an input that is too long goes (END is right, START is left); \"none\" and false: such an \
                 input is an error. By default, and with true, what the server was started with";
    one_of(shapes, about)
}
