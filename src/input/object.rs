//! One line of JSON, read for a few fields: what else stands in it is checked but never allocated.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Options;
use super::error::Names;
use super::template::Template;

/// The fields of a record.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// The field of the text.
    pub text: String,
    /// The flag that names it.
    pub text_flag: &'static str,
    /// The text from several fields; beats `text`.
    pub template: Option<Template>,
    /// The field of the id, if one is looked for.
    pub id: Option<String>,
    /// True if a record without the id is an error: the user named the field.
    pub id_required: bool,
    /// The field of the second text, for pairs.
    pub pair: Option<String>,
    /// The fields that travel to the row.
    pub keep: Vec<String>,
}

impl Default for Fields {
    fn default() -> Self {
        let (text, text_flag) = ("text".into(), "--field");
        Self { text, text_flag, template: None, id: None, id_required: false, pair: None, keep: Vec::new() }
    }
}

impl Fields {
    /// The fields that `options` name.
    pub(crate) fn of(options: &Options) -> Self {
        let text = options.field.clone().unwrap_or("text".into());
        let id_required = options.id_field.is_some();
        let template = options.template.clone();
        // The text is its own id only if the user says so.
        let id = options.id_field.clone().or((template.is_some() || text != "id").then(|| "id".into()));
        let text_flag = if template.is_some() { "--template" } else { "--field" };
        let (pair, keep) = (options.pair_field.clone(), options.keep.clone());
        Self { text, text_flag, template, id, id_required, pair, keep }
    }

    /// The fields of the text.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match &self.template {
            Some(template) => template.fields().iter().map(String::as_str).collect(),
            None => vec![&self.text],
        }
    }

    /// All fields: of the text, the id, the second text, and the kept ones.
    pub(crate) fn names(&self) -> Vec<&str> {
        let others = self.id.iter().chain(&self.pair).chain(&self.keep).map(String::as_str);
        self.texts().into_iter().chain(others).collect()
    }
}

/// Reads a line for the fields called `names`.
///
/// A dot in a name leads into an object: `a.b` is the field `b` of the object `a`. A field of the whole name comes first.
pub(super) fn row<'l>(line: &'l str, names: &[&str]) -> Result<Row<'l>, serde_json::Error> {
    if !line.trim_start().starts_with('{') {
        return Ok(match serde_json::from_str(line)? {
            Leaf::Text(text) => Row::Text(text),
            Leaf::Other(found) => Row::Other(found),
        });
    }
    let found = read_line(line, RowVisitor(names))?;
    let value = |(candidates, name): (Vec<(usize, &'l RawValue)>, &&str)| {
        let mut candidates = candidates;
        candidates.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        for (length, json) in candidates {
            if length == name.len() {
                return Ok(Some(json));
            }
            if let Row::Object(found) = row(json.get(), &[&name[length + 1..]])?
                && let [Some(json)] = found[..]
            {
                return Ok(Some(json));
            }
        }
        Ok(None)
    };
    found.into_iter().zip(names).map(value).collect::<Result<_, _>>().map(Row::Object)
}

/// The value in `line`. No object in it may have one of the `names` twice; without `names`, no key. Of the key `id` it has
/// the value's JSON text, for [`RecordId`](crate::record_id::RecordId).
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
pub(super) enum Row<'l> {
    /// A bare string.
    Text(String),
    /// An object, with the values that it has of the fields.
    Object(Vec<Option<&'l RawValue>>),
    /// Neither; its JSON type.
    Other(&'static str),
}

/// Collects, of each name, the values of the keys that it is or begins with, and the keys' lengths.
struct RowVisitor<'a>(&'a [&'a str]);

impl<'de> Visitor<'de> for RowVisitor<'_> {
    type Value = Vec<Vec<(usize, &'de RawValue)>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![Vec::new(); self.0.len()];
        while let Some((places, length)) = map.next_key_seed(KeySeed(self.0))? {
            if places.is_empty() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let json = map.next_value::<&RawValue>()?;
            for place in places {
                let candidates: &mut Vec<(usize, &RawValue)> = &mut found[place];
                if candidates.iter().any(|(other, _)| *other == length) {
                    return Err(twice(&self.0[place][..length]));
                }
                candidates.push((length, json));
            }
        }
        Ok(found)
    }
}

/// Compares a key without keeping it: the places of the names that it is or begins with, and its length.
struct KeySeed<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = (Vec<usize>, usize);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = (Vec<usize>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let fits = |name: &&str| name.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let places = self.0.iter().enumerate().filter(|(_, name)| fits(name)).map(|(place, _)| place);
        Ok((places.collect(), key.len()))
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

/// The value of a field for text: a string, or the kind of another value.
#[derive(Debug, Clone)]
pub(super) enum Leaf {
    Text(String),
    Other(&'static str),
}

impl Leaf {
    /// The value in `json`.
    ///
    /// # Errors
    /// A string with an escape that is no character.
    pub(crate) fn read(json: &RawValue) -> Result<Self, serde_json::Error> {
        Ok(Self::Other(match json.get().as_bytes().first() {
            Some(b'"') => return serde_json::from_str(json.get()).map(Self::Text),
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'n') => "null",
            Some(b't' | b'f') => "a boolean",
            _ => "a number",
        }))
    }
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
