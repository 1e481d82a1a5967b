//! The end at which a text that is too long is cut, in the words of all dialects.

use serde::de::Error;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use super::schemas::{one_of, string};
use crate::model::tokenizer::Truncate;
use crate::server::http::deserialize_shapes;

/// The end at which an input that is too long is cut: "right" (NIM's and Cohere's "END"), "left" ("START"), or "none"
/// for an error, in any case; TEI's `true` stands for the model's own end, `false` for "none".
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

pub fn truncation_schema() -> Schema {
    let words = string().enum_values(Some(WORDS.iter().copied()));
    let of_type = |kind| ObjectBuilder::new().schema_type(kind);
    let shapes = OneOfBuilder::new().item(words).item(of_type(Type::Boolean)).item(of_type(Type::Null));
    let about = "The end at which an input that is too long is cut (END is right, START is left); \"none\" and false make it \
                 an error. By default, and with true, the server's setting";
    one_of(shapes, about)
}
