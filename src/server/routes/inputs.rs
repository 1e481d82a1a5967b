//! What requests have in common: lists of texts, in the shapes that clients send them, and how they are cut.

mod document;
mod object;
mod texts;

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ArrayBuilder, ArrayItems, ObjectBuilder, OneOfBuilder, Schema, Type};

pub use document::{Document, Documents, document_schema, documents_schema};
pub use object::{Chat, Medium, TextObject};
pub use texts::{Inputs, inputs_schema};

use crate::model::tokenizer::Truncate;
use crate::server::{ApiError, Limits};

/// Most inputs that are kept of a request, whatever the limit: what comes after is read and counted only, so that a body
/// of millions of empty texts takes no memory.
pub const MOST: usize = 1 << 16;

/// A list, of which no more than [`MOST`] are kept.
#[derive(Debug, PartialEq, Eq)]
pub struct List<T> {
    items: Vec<T>,
    count: usize,
    /// Whether its one item came by itself.
    alone: bool,
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

    /// The items that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of items, also of those that are not kept.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether its one item came by itself, and not in a list.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// Of none.
    pub fn empty() -> Self {
        Self { items: Vec::new(), count: 0, alone: false }
    }

    /// Of one item that came by itself.
    pub(super) fn one(item: T) -> Self {
        Self { items: vec![item], count: 1, alone: true }
    }

    /// Adds an item: it is kept, or counted only.
    pub(super) fn push(&mut self, item: T) {
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
        self.alone = false;
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
                List::empty().extend(items, |item| item)
            }
        }
        json.deserialize_seq(Items(PhantomData))
    }
}

/// Which end of an input that is too long goes: "right" (NIM's and Cohere's "END"), "left" ("START"), or "none" for an
/// error instead, in any case; TEI's `true` stands for what the model does by itself, `false` for "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncation(pub Option<Truncate>);

impl<'de> Deserialize<'de> for Truncation {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Words;

        impl Visitor<'_> for Words {
            type Value = Truncation;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("\"right\", \"left\", \"none\", \"END\", \"START\", true or false")
            }

            fn visit_bool<E: Error>(self, truncate: bool) -> Result<Truncation, E> {
                Ok(Truncation(if truncate { None } else { Some(Truncate::None) }))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Truncation, E> {
                let truncate = match word.to_ascii_lowercase().as_str() {
                    "right" | "end" => Truncate::Right,
                    "left" | "start" => Truncate::Left,
                    "none" => Truncate::None,
                    _ => return Err(E::unknown_variant(word, &["right", "left", "none", "END", "START", "NONE"])),
                };
                Ok(Truncation(Some(truncate)))
            }
        }
        json.deserialize_any(Words)
    }
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn list(items: impl Into<ArrayItems>) -> ArrayBuilder {
    ArrayBuilder::new().items(items).min_items(Some(1))
}

/// The schema of a list of strings.
pub fn texts_schema() -> Schema {
    list(string()).build().into()
}

/// The schema of [`Truncation`].
pub fn truncation_schema() -> Schema {
    let words = string().enum_values(Some(["right", "left", "none", "END", "START", "NONE"]));
    let flag = ObjectBuilder::new().schema_type(Type::Boolean);
    let null = ObjectBuilder::new().schema_type(Type::Null);
    let about = "Which end of an input that is too long goes (END is right, START is left); \"none\" and false: such an \
                 input is an error. By default, and with true, what the server was started with";
    OneOfBuilder::new().item(words).item(flag).item(null).description(Some(about)).build().into()
}
