//! One line of JSON, read for two fields: what else stands in it is checked but never allocated.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Options;
use super::error::Names;
use crate::json_words;
use crate::record_id::RecordId;

/// The fields of a record.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// The field of the text.
    pub text: String,
    /// The field of the id, if one is looked for.
    pub id: Option<String>,
    /// True if a record without the id is an error: the user named the field.
    pub id_required: bool,
    /// The field of the second text, for pairs.
    pub pair: Option<String>,
}

impl Fields {
    /// The fields that `options` name.
    pub(crate) fn of(options: &Options) -> Self {
        let text = options.field.clone().unwrap_or("text".into());
        let id_required = options.id_field.is_some();
        // The text is its own id only if the user says so.
        let id = options.id_field.clone().or((text != "id").then(|| "id".into()));
        Self { text, id, id_required, pair: options.pair_field.clone() }
    }
}

/// Reads a line for its text and id.
pub(super) fn row(line: &str, fields: &Fields) -> Result<Row, serde_json::Error> {
    if line.trim_start().starts_with('{') {
        return read_line(line, RowVisitor(fields));
    }
    Ok(match serde_json::from_str(line)? {
        Leaf::Text(text) => Row::Text(text),
        Leaf::Other(found) => Row::Other(found),
    })
}

/// The value in `line`. No object in it may have one of the `names` twice; without `names`, no key. Of the key `id` it has
/// the value's JSON text, for [`RecordId`].
pub(super) fn value(line: &str, names: Option<&[&str]>, id: Option<&str>) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(line);
    let value = Once { names, id }.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Reads a value whose objects have these keys once.
#[derive(Clone, Copy)]
struct Once<'n> {
    names: Option<&'n [&'n str]>,
    id: Option<&'n str>,
}

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) && self.names.is_none_or(|names| names.contains(&key.as_str())) {
                return Err(twice(&key));
            }
            let value = if self.id == Some(&key) {
                map.next_value::<&RawValue>()?.get().into()
            } else {
                map.next_value_seed(self)?
            };
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

/// The keys of the object in `line`, for a message; none if it is no object.
pub(super) fn keys(line: &str) -> Names {
    let mut names = Names::default();
    // Errors after the first keys do not matter to a list of them.
    let _ = read_line(line, KeysVisitor(&mut names));
    names
}

fn read_line<'de, V: Visitor<'de>>(line: &'de str, visitor: V) -> Result<V::Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(line);
    let value = json.deserialize_any(visitor)?;
    json.end()?;
    Ok(value)
}

/// The error of a field that an object has twice: which of both is meant, nothing says.
pub(super) fn twice<E: Error>(field: &str) -> E {
    E::custom(format_args!("the object has the field {field:?} twice"))
}

/// The kinds of a line.
pub(super) enum Row {
    /// A bare string.
    Text(String),
    /// An object, with those of the fields that it has; instead of a wrong id its kind.
    Object { text: Option<Leaf>, id: Option<Result<RecordId, &'static str>>, pair: Option<Leaf> },
    /// Neither; its JSON type.
    Other(&'static str),
}

struct RowVisitor<'a>(&'a Fields);

impl<'de> Visitor<'de> for RowVisitor<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let (mut text, mut id, mut pair) = (None, None, None);
        while let Some(wanted) = map.next_key_seed(KeySeed(self.0))? {
            if wanted == Wanted::default() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let fields = self.0;
            let again = |name: Option<&String>| twice(name.map_or("", String::as_str));
            let leaf = if wanted.id {
                let json = map.next_value::<&RawValue>()?;
                let wrong = |error| A::Error::custom(json_words::reason(&error));
                if id.replace(RecordId::read(json).map_err(wrong)?).is_some() {
                    return Err(again(fields.id.as_ref()));
                }
                serde_json::from_str(json.get()).map_err(wrong)?
            } else {
                map.next_value::<Leaf>()?
            };
            for (slot, wanted, name) in
                [(&mut text, wanted.text, Some(&fields.text)), (&mut pair, wanted.pair, fields.pair.as_ref())]
            {
                if wanted && slot.replace(leaf.clone()).is_some() {
                    return Err(again(name));
                }
            }
        }
        Ok(Row::Object { text, id, pair })
    }
}

/// The uses of a key's value; one field may serve as several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Wanted {
    text: bool,
    id: bool,
    pair: bool,
}

/// Compares a key without keeping it.
struct KeySeed<'a>(&'a Fields);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Wanted;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Wanted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let Fields { text, id, pair, .. } = self.0;
        Ok(Wanted { text: key == text, id: Some(key) == id.as_deref(), pair: Some(key) == pair.as_deref() })
    }
}

/// Collects the keys of an object.
struct KeysVisitor<'a>(&'a mut Names);

impl<'de> Visitor<'de> for KeysVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.0.push(&key);
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// The value of a field for text: a string, or the kind of another value, which is read past.
#[derive(Debug, Clone)]
pub(super) enum Leaf {
    Text(String),
    Other(&'static str),
}

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeafVisitor)
    }
}

struct LeafVisitor;

impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Leaf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Leaf, E> {
        Ok(Leaf::Other("a boolean"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Leaf, E> {
        Ok(Leaf::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Leaf, E> {
        Ok(Leaf::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Leaf, E> {
        Ok(Leaf::Other("a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Leaf, E> {
        Ok(Leaf::Text(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Leaf, E> {
        Ok(Leaf::Other("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Leaf, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Leaf::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Leaf, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Leaf::Other("an object"))
    }
}
