//! What requests have in common: lists of texts, in the shapes that clients send them, and how they are cut.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{
    ArrayBuilder, ArrayItems, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};

use crate::engine::Text;
use crate::model::tokenizer::Truncate;
use crate::server::{ApiError, Limits};

/// Most inputs that are kept of a request, whatever the limit: what comes after is read and counted only, so that a body
/// of millions of empty texts takes no memory.
pub const MOST: usize = 1 << 16;

/// A list, of which no more than [`MOST`] are kept.
#[derive(Debug)]
pub struct List<T> {
    items: Vec<T>,
    count: usize,
}

impl<T> List<T> {
    /// The items of the field `field`: at least one, and no more than the limit.
    ///
    /// # Errors
    /// 400 if there are none, 413 if there are too many.
    pub fn checked(self, field: &str, limits: &Limits) -> Result<Vec<T>, ApiError> {
        let limit = limits.client_batch.min(MOST);
        match self.count {
            0 => Err(ApiError::empty(field)),
            count if count > limit => Err(ApiError::too_many(field, count, limit)),
            _ => Ok(self.items),
        }
    }

    /// Of none.
    pub(super) fn empty() -> Self {
        Self { items: Vec::new(), count: 0 }
    }

    /// Of one item.
    pub(super) fn one(item: T) -> Self {
        Self { items: vec![item], count: 1 }
    }

    fn push(&mut self, item: T) {
        if self.items.len() < MOST {
            self.items.push(item);
        }
        self.count += 1;
    }

    /// Adds the rest of a sequence, whose items are of the type `I`.
    pub(super) fn extend<'de, I: DeserializeOwned, A: SeqAccess<'de>>(
        mut self,
        mut rest: A,
        item: impl Fn(I) -> T,
    ) -> Result<Self, A::Error> {
        while let Some(next) = rest.next_element()? {
            self.push(item(next));
        }
        Ok(self)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<List<T>, A::Error> {
                List { items: Vec::new(), count: 0 }.extend(items, |item| item)
            }
        }
        json.deserialize_seq(Items(PhantomData))
    }
}

/// What is to be embedded: a text, a list of texts, the token ids of one text, or a list of such.
#[derive(Debug)]
pub struct Inputs(pub List<Text>);

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Shapes;

        impl<'de> Visitor<'de> for Shapes {
            type Value = Inputs;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a list of strings, a list of token ids, or a list of lists of token ids")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Inputs, E> {
                self.visit_string(text.to_owned())
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Inputs, E> {
                Ok(Inputs(List::one(Text::Text(text))))
            }

            // The first item tells what the others must be.
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Inputs, A::Error> {
                let list = match items.next_element()? {
                    None => List { items: Vec::new(), count: 0 },
                    Some(First::Text(text)) => List::one(Text::Text(text)).extend(items, Text::Text)?,
                    Some(First::Ids(ids)) => List::one(Text::Ids(ids)).extend(items, |Ids(ids)| Text::Ids(ids))?,
                    Some(First::Id(id)) => {
                        let mut ids = vec![id];
                        while let Some(Id(id)) = items.next_element()? {
                            ids.push(id);
                        }
                        List::one(Text::Ids(ids))
                    }
                };
                Ok(Inputs(list))
            }
        }
        json.deserialize_any(Shapes)
    }
}

/// The first of a list of inputs.
enum First {
    Text(String),
    Ids(Vec<u32>),
    Id(u32),
}

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Shapes;

        impl<'de> Visitor<'de> for Shapes {
            type Value = First;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a token id or a list of token ids")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<First, E> {
                Ok(First::Text(text.to_owned()))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<First, E> {
                Ok(First::Text(text))
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<First, E> {
                IdVisitor.visit_u64(id).map(|Id(id)| First::Id(id))
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<First, E> {
                IdVisitor.visit_i64(id).map(|Id(id)| First::Id(id))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<First, A::Error> {
                IdsVisitor.visit_seq(items).map(|Ids(ids)| First::Ids(ids))
            }
        }
        json.deserialize_any(Shapes)
    }
}

/// The id of a token.
struct Id(u32);
struct IdVisitor;

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_u32(IdVisitor)
    }
}

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "a token id, from 0 to {}", u32::MAX)
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
        u32::try_from(id).map(Id).map_err(|_| E::invalid_value(Unexpected::Unsigned(id), &self))
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<Id, E> {
        u32::try_from(id).map(Id).map_err(|_| E::invalid_value(Unexpected::Signed(id), &self))
    }
}

/// The token ids of one text.
struct Ids(Vec<u32>);
struct IdsVisitor;

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_seq(IdsVisitor)
    }
}

impl<'de> Visitor<'de> for IdsVisitor {
    type Value = Ids;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a list of token ids")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ids, A::Error> {
        let mut ids = Vec::new();
        while let Some(Id(id)) = items.next_element()? {
            ids.push(id);
        }
        Ok(Ids(ids))
    }
}

/// A document: a text, or Cohere's object, of which only `text` is read.
#[derive(Debug)]
pub struct Document {
    /// The text.
    pub text: String,
    /// Whether it came as an object.
    pub object: bool,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Shapes;

        impl<'de> Visitor<'de> for Shapes {
            type Value = Document;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an object with the string \"text\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
                self.visit_string(text.to_owned())
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Document, E> {
                Ok(Document { text, object: false })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Document, A::Error> {
                let mut text = None;
                while let Some(field) = fields.next_key::<String>()? {
                    if field != "text" {
                        fields.next_value::<IgnoredAny>()?;
                    } else if text.replace(fields.next_value()?).is_some() {
                        return Err(A::Error::duplicate_field("text"));
                    }
                }
                let text = text.ok_or_else(|| A::Error::missing_field("text"))?;
                Ok(Document { text, object: true })
            }
        }
        json.deserialize_any(Shapes)
    }
}

/// Which end of an input that is too long goes: "right", "left", or "none" for an error instead; TEI's `true` stands for
/// what the model does by itself, `false` for "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncation(pub Option<Truncate>);

impl<'de> Deserialize<'de> for Truncation {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Words;

        impl Visitor<'_> for Words {
            type Value = Truncation;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("\"right\", \"left\", \"none\", true or false")
            }

            fn visit_bool<E: Error>(self, truncate: bool) -> Result<Truncation, E> {
                Ok(Truncation(if truncate { None } else { Some(Truncate::None) }))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Truncation, E> {
                let all = [("right", Truncate::Right), ("left", Truncate::Left), ("none", Truncate::None)];
                let found = all.into_iter().find(|(known, _)| *known == word);
                let unknown = || E::unknown_variant(word, &["right", "left", "none"]);
                found.map(|(_, truncate)| Truncation(Some(truncate))).ok_or_else(unknown)
            }
        }
        json.deserialize_any(Words)
    }
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn id() -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    let id = ObjectBuilder::new().schema_type(Type::Integer).format(Some(format));
    id.minimum(Some(0)).maximum(Some(u32::MAX))
}

fn list(items: impl Into<ArrayItems>) -> ArrayBuilder {
    ArrayBuilder::new().items(items).min_items(Some(1))
}

/// The schema of [`Inputs`].
pub fn inputs_schema() -> Schema {
    let text = string().description(Some("A text")).examples(["What is the capital of France?"]);
    let texts = list(string()).description(Some("Texts"));
    let ids = list(id()).description(Some("The token ids of one text, special tokens included"));
    let many = list(list(id())).description(Some("The token ids of several texts"));
    let shapes = OneOfBuilder::new().item(text).item(texts).item(ids).item(many);
    shapes.description(Some("What is to be embedded")).build().into()
}

/// The schema of a list of [`Document`]s.
pub fn documents_schema() -> Schema {
    let object = ObjectBuilder::new().property("text", string().build()).required("text");
    let document = OneOfBuilder::new().item(string()).item(object);
    list(document).description(Some("The documents to be ordered")).build().into()
}

/// The schema of a list of strings.
pub fn texts_schema() -> Schema {
    list(string()).build().into()
}

/// The schema of [`Truncation`].
pub fn truncation_schema() -> Schema {
    let words = string().enum_values(Some(["right", "left", "none"]));
    let flag = ObjectBuilder::new().schema_type(Type::Boolean);
    let null = ObjectBuilder::new().schema_type(Type::Null);
    let about = "Which end of an input that is too long goes; \"none\" and false: such an input is an error. \
                 By default, and with true, the model's own";
    OneOfBuilder::new().item(words).item(flag).item(null).description(Some(about)).build().into()
}
