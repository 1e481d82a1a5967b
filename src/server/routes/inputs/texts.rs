//! The inputs of an embeddings request, in all shapes that clients send.

use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use utoipa::openapi::schema::{KnownFormat, OneOfBuilder, Schema, SchemaFormat};

use super::list::List;
use super::object::TextObject;
use super::schemas::{id, list, one_of, string, text_object};
use crate::engine::Input;
use crate::server::http::{Whole, WholeNumber, WholeVisitor, deserialize_shapes};

/// Inputs to embed: a single one, or a list in which strings, objects `{"text": …}` and lists of token ids may be
/// mixed. A list of bare numbers is a single input of token ids.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inputs(pub List<Input>);

deserialize_shapes!(Inputs, "a string, a list of strings, a list of token ids, or a list of lists of token ids", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Inputs, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Inputs, E> {
        Ok(Inputs(List::one(Input::Text(text))))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Inputs, A::Error> {
        TextObject::read(fields).map(|TextObject(text)| Inputs(List::one(Input::Text(text))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Inputs, A::Error> {
        match items.next_element()? {
            None => Ok(Inputs(List::empty())),
            Some(First::Id(id)) => read_ids(Some(id), items).map(|ids| Inputs(List::one(Input::Ids(ids)))),
            Some(First::Read(input)) => List::one(input).extend(items, |One(input)| input).map(Inputs),
        }
    }
});

/// Token ids: `first`, if already read, and the rest.
fn read_ids<'de, A: SeqAccess<'de>>(first: Option<u32>, mut rest: A) -> Result<Vec<u32>, A::Error> {
    let mut ids: Vec<u32> = first.into_iter().collect();
    while let Some(Whole(TokenId(id))) = rest.next_element()? {
        ids.push(id);
    }
    Ok(ids)
}

struct TokenId(u32);

impl TryFrom<i128> for TokenId {
    type Error = std::num::TryFromIntError;

    fn try_from(number: i128) -> Result<Self, Self::Error> {
        u32::try_from(number).map(Self)
    }
}

impl WholeNumber for TokenId {
    const EXPECTED: &'static str = "a token id from 0 to 4294967295";
}

/// The first item of a list of inputs; a number begins the token ids of a single input.
enum First {
    Read(Input),
    Id(u32),
}

/// An item of a list of inputs.
struct One(Input);

const INPUT: &str = "a string, an object with the string \"text\", or a list of token ids";

impl<'de> Deserialize<'de> for One {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Items { numbers: false }).and_then(|first| match first {
            First::Read(input) => Ok(Self(input)),
            First::Id(id) => Err(D::Error::invalid_type(Unexpected::Unsigned(id.into()), &INPUT)),
        })
    }
}

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Items { numbers: true })
    }
}

struct Items {
    /// True if a number may stand in place of an input.
    numbers: bool,
}

impl<'de> Visitor<'de> for Items {
    type Value = First;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.numbers { "a string, an object with the string \"text\", or a token id" } else { INPUT })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<First, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<First, E> {
        Ok(First::Read(Input::Text(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<First, A::Error> {
        TextObject::read(fields).map(|TextObject(text)| First::Read(Input::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<First, A::Error> {
        read_ids(None, items).map(|ids| First::Read(Input::Ids(ids)))
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<First, E> {
        match self.numbers {
            true => WholeVisitor::default().visit_u64(id).map(|Whole(TokenId(id))| First::Id(id)),
            false => Err(E::invalid_type(Unexpected::Unsigned(id), &self)),
        }
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<First, E> {
        match self.numbers {
            true => WholeVisitor::default().visit_i64(id).map(|Whole(TokenId(id))| First::Id(id)),
            false => Err(E::invalid_type(Unexpected::Signed(id), &self)),
        }
    }

    fn visit_f64<E: Error>(self, id: f64) -> Result<First, E> {
        match self.numbers {
            true => WholeVisitor::default().visit_f64(id).map(|Whole(TokenId(id))| First::Id(id)),
            false => Err(E::invalid_type(Unexpected::Float(id), &self)),
        }
    }
}

pub(crate) fn inputs_schema() -> Schema {
    let id = || id().format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    let text = string().description(Some("A text")).examples(["What is the capital of France?"]);
    let object = text_object().description(Some("A text in Jina's shape"));
    let ids = || list(id()).description(Some("The token ids of one text, special tokens included"));
    let item = OneOfBuilder::new().item(string()).item(text_object()).item(ids());
    let several = list(item).description(Some("Several inputs"));
    one_of(OneOfBuilder::new().item(text).item(object).item(ids()).item(several), "The inputs")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::server::Limits;

    fn read(json: serde_json::Value) -> Result<Vec<Input>, String> {
        let inputs: Inputs = serde_json::from_str(&json.to_string()).map_err(|e| e.to_string())?;
        inputs.0.checked("input", &Limits::default()).map_err(|e| e.message)
    }

    #[test]
    fn every_shape_is_a_list_of_inputs() {
        let text = |text: &str| Input::Text(text.into());
        assert_eq!(read(json!("a")).unwrap(), [text("a")]);
        assert_eq!(read(json!({"text": "a"})).unwrap(), [text("a")]);
        assert_eq!(read(json!([1, 2.0])).unwrap(), [Input::Ids(vec![1, 2])]);
        assert_eq!(read(json!([[1], []])).unwrap(), [Input::Ids(vec![1]), Input::Ids(vec![])]);
        let mixed = json!(["a", [1.0, 2], {"id": 7, "text": "b", "image": null}, "c"]);
        assert_eq!(read(mixed).unwrap(), [text("a"), Input::Ids(vec![1, 2]), text("b"), text("c")]);
        let mixed = json!([[1], "a", {"text": "b"}]);
        assert_eq!(read(mixed).unwrap(), [Input::Ids(vec![1]), text("a"), text("b")]);
    }

    #[test]
    fn inputs_that_are_not_text_are_refused() {
        for (json, words) in [
            (json!({"image": "a"}), "images"),
            (json!([{"text": "a", "image": {"url": "a"}}]), "images"),
            (json!([{"text": "a"}, {"url": "https://a"}]), "images"),
            (json!([{"role": "user", "content": "a"}]), "chat"),
            (json!([{"title": "a"}]), "missing field `text`"),
            (json!([{"text": "a", "text2": "b"}, 5]), "a list of token ids"),
            (json!([1, "a"]), "a token id"),
            (json!([1, 2.5]), "a token id"),
            (json!(["a", 2.0]), "a string"),
            (json!([]), "empty"),
            (json!(true), "a list of strings"),
        ] {
            let error = read(json.clone()).unwrap_err();
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
