//! Detection of misspelt fields. An unknown field is ignored, as clients send many that change nothing; one that
//! resembles a known field was probably meant to change the result, and is refused with the name of that field.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Formatter};

use serde::de::value::{StringDeserializer, UnitDeserializer};
use serde::de::{DeserializeSeed, Error, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

/// Fields that change nothing: no other field counts as a misspelling of these.
const HARMLESS: &[&str] = &["user"];

/// Fields of other servers that are whole words or forms by themselves, and no misspellings.
const OTHERS: &[&str] = &["mode", "models", "embedding", "embeddings", "encoding"];

/// Minimum similarity (Jaro-Winkler) of an abbreviation to a known name that counts as misspelt.
const ALIKE: f64 = 0.93;

/// Maximum bytes of a name that is compared.
const MAX_NAME: usize = 40;

/// Maximum unknown fields of an object that are compared: a body of millions of them must not take long.
const MAX_FIELDS: usize = 64;

/// A struct without misspelt fields; a field that resembles a known one is an error. Only the fields of the struct
/// itself are checked; null is accepted, as it changes nothing.
#[derive(Debug)]
pub(crate) struct Known<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Known<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        T::deserialize(Checked(json)).map(Self)
    }
}

/// For `#[serde(default, deserialize_with = "nested")]`: an optional struct, checked like [`Known`].
///
/// # Errors
/// Errors of `T`, and misspelt fields.
pub(crate) fn nested<'de, D: Deserializer<'de>, T: Deserialize<'de>>(json: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Known<T>>::deserialize(json)?.map(|Known(value)| value))
}

/// For `#[serde(deserialize_with = "known")]`: a struct, checked like [`Known`].
pub(crate) fn known<'de, D: Deserializer<'de>, T: Deserialize<'de>>(json: D) -> Result<T, D::Error> {
    Known::deserialize(json).map(|Known(value)| value)
}

/// The known field that `name` probably stands for.
pub(crate) fn meant<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if name.len() > MAX_NAME || known.contains(&name) || HARMLESS.contains(&name) || OTHERS.contains(&name) {
        return None;
    }
    let folded = fold(name);
    let alike = |known: &&'k str| {
        let other = fold(known);
        let similarity = strsim::jaro_winkler(&folded, &other);
        // A name that ends at a word boundary of the known name may be a field of its own (chat_template,
        // chat_template_kwargs).
        let whole_words = known.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'));
        let misspelt = is_cut_off(name, known) || is_misspelt(&folded, &other, similarity);
        (misspelt && !whole_words).then_some((similarity, *known))
    };
    let candidates = known.iter().filter(|known| !HARMLESS.contains(*known)).filter_map(alike);
    candidates.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// True if `name` is the beginning of `known`, cut off inside a word: a whole word may be another field.
fn is_cut_off(name: &str, known: &str) -> bool {
    name.len() > 3 && known.strip_prefix(name).is_some_and(|rest| rest.len() < name.len() && !rest.starts_with('_'))
}

/// True if the names differ by a few letters, or one is the other's plural or abbreviation. Both are without case,
/// hyphens and underscores, whose use differs among languages.
fn is_misspelt(name: &str, known: &str, similarity: f64) -> bool {
    let distance = strsim::osa_distance(name, known);
    let allowed = match known.len() {
        0..4 => 0,
        // One letter added or missing: a different letter makes another word (top_n, top_p).
        4 => usize::from(name.len() != known.len()),
        5..8 => 1,
        _ => 2,
    };
    distance <= allowed
        || known.len().min(name.len()) > 3 && (is_plural(name, known) || is_plural(known, name))
        || (similarity >= ALIKE && name.len() <= known.len())
}

/// True for the plural of a name: queries, documents.
fn is_plural(name: &str, singular: &str) -> bool {
    let stem = name.strip_suffix("ies").and_then(|stem| singular.strip_suffix('y').map(|single| (stem, single)));
    let stems = stem.or_else(|| Some((name.strip_suffix('s')?, singular)));
    stems.is_some_and(|(one, other)| one == other)
}

fn fold(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Checks the fields of a struct while it is read.
struct Checked<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Checked<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Object { fields, visitor })
    }

    // Raw JSON is a newtype struct.
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

struct Object<V> {
    fields: &'static [&'static str],
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Object<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let (misspelt, unknown) = (Cell::new(None), RefCell::default());
        let fields = Fields { map, known: self.fields, unknown: &unknown, next: None, misspelt: &misspelt };
        let read = self.visitor.visit_map(fields);
        let error = match (read, misspelt.into_inner()) {
            (Ok(value), None) => return Ok(value),
            (Ok(_), Some(Misspelt { name, meant })) => {
                return Err(A::Error::custom(format_args!("unknown field `{name}`, did you mean `{meant}`?")));
            }
            (Err(error), _) => error,
        };
        // A required field may be there under another name. The error stays that of a missing field, which the dialects
        // answer with their own status.
        let text = error.to_string();
        let field = text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')).map(|(field, _)| field);
        let Some(field) = field.filter(|field| self.fields.contains(field)) else { return Err(error) };
        Err(match unknown.into_inner().into_iter().find(|name| is_misspelling(name, field)) {
            Some(name) => missing_field(field, Some(&name)),
            None => error,
        })
    }
}

/// True if `name` probably stands for the required field `field`: also a short one in the plural or singular.
pub(crate) fn is_misspelling(name: &str, field: &str) -> bool {
    meant(name, &[field]).is_some() || is_plural(name, field) || is_plural(field, name)
}

/// The error of a missing field, of which `name` is a misspelling.
pub(crate) fn missing_field<E: Error>(field: &str, name: Option<&str>) -> E {
    let hint = name.map(|name| format!("; `{name}` looks like a misspelling of it")).unwrap_or_default();
    E::custom(format_args!("missing field `{field}`{hint}"))
}

/// A misspelt field.
struct Misspelt {
    name: String,
    /// The known field that it resembles.
    meant: &'static str,
}

/// The fields of an object while they are read.
struct Fields<'c, A> {
    map: A,
    known: &'static [&'static str],
    /// Unknown fields so far, [`MAX_FIELDS`] at most.
    unknown: &'c RefCell<Vec<String>>,
    /// The next value's field, if it looks misspelt.
    next: Option<Misspelt>,
    /// The first misspelt field with a value.
    misspelt: &'c Cell<Option<Misspelt>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key::<String>()? else { return Ok(None) };
        if !self.known.contains(&name.as_str()) && self.unknown.borrow().len() < MAX_FIELDS {
            // Longer names are no misspellings.
            let short = name.get(..=MAX_NAME).is_none().then(|| name.clone());
            self.unknown.borrow_mut().push(short.unwrap_or_default());
            self.next = meant(&name, self.known).map(|meant| Misspelt { name: name.clone(), meant });
        }
        let name: StringDeserializer<A::Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let Some(misspelt) = self.next.take() else { return self.map.next_value_seed(seed) };
        if self.map.next_value::<Option<IgnoredAny>>()?.is_some() {
            self.misspelt.set(Some(self.misspelt.take().unwrap_or(misspelt)));
        }
        seed.deserialize(UnitDeserializer::new())
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const EMBEDDINGS: &[&str] = &[
        "input",
        "model",
        "encoding_format",
        "dimensions",
        "output_dimension",
        "user",
        "prompt",
        "prompt_name",
        "task",
        "input_type",
        "truncate",
        "truncation",
        "truncation_side",
        "truncate_prompt_tokens",
        "normalize",
        "embedding_type",
        "late_chunking",
    ];
    const RERANK: &[&str] =
        &["query", "documents", "texts", "model", "top_n", "top_k", "return_documents", "return_text", "raw_scores"];

    #[test]
    fn misspelt_names_are_recognised() {
        for (name, known) in [
            ("dimension", "dimensions"),
            ("dimesnions", "dimensions"),
            ("Dimensions", "dimensions"),
            ("normalise", "normalize"),
            ("normalize_", "normalize"),
            ("input_typ", "input_type"),
            ("inputType", "input_type"),
            ("input-type", "input_type"),
            ("inputs", "input"),
            ("encodingFormat", "encoding_format"),
            ("encoding_fromat", "encoding_format"),
            ("output_dim", "output_dimension"),
            ("promt", "prompt"),
            ("prompts", "prompt"),
            ("trunc", "truncate"),
            ("tasks", "task"),
            ("late_chunk", "late_chunking"),
        ] {
            assert_eq!(meant(name, EMBEDDINGS), Some(known), "{name}");
        }
        for (name, known) in [
            ("document", "documents"),
            ("docments", "documents"),
            ("qurey", "query"),
            ("topN", "top_n"),
            ("return_docs", "return_documents"),
            ("return_document", "return_documents"),
            ("raw_score", "raw_scores"),
            ("queries", "query"),
            ("Queries", "query"),
        ] {
            assert_eq!(meant(name, RERANK), Some(known), "{name}");
        }
    }

    #[test]
    fn other_names_are_no_misspellings() {
        for name in [
            "input",
            "user",
            "users",
            "user_id",
            "priority",
            "request_id",
            "cache_salt",
            "padding",
            "mm_processor_kwargs",
            "metadata",
            "store",
            "stream",
            "n",
            "seed",
            "temperature",
            "top_p",
            "timeout",
            "service_tier",
            "safety_identifier",
            "prompt_cache_key",
            "extra_body",
            "extra_headers",
            "custom_llm_provider",
            "litellm_call_id",
            "api_key",
            "api_base",
            "api_version",
            "keep_alive",
            "options",
            "parameters",
            "model_id",
            "model_name",
            "client_batch_size",
            "id",
            "type",
            "title",
            "mode",
            "models",
            "embedding",
            "embeddings",
            "encoding",
            "encoding_formats_of_others",
        ] {
            assert_eq!(meant(name, EMBEDDINGS), None, "{name}");
            assert_eq!(meant(name, RERANK), None, "{name}");
        }
        // Whole words of a longer name are other fields.
        for (name, known) in [
            ("chat_template", &["chat_template_kwargs", "model"][..]),
            ("truncation", &["truncation_side", "truncate_prompt_tokens"]),
            ("max_tokens", &["max_tokens_per_doc", "max_tokens_per_query"]),
            ("prompt", &["prompt_name"]),
        ] {
            assert_eq!(meant(name, known), None, "{name}");
        }
        assert_eq!(meant("query", &["queries", "documents"]), Some("queries"));
        assert_eq!(meant("category", &["categories"]), Some("categories"));
        assert_eq!(meant("id", &["ids"]), None);
        assert_eq!(meant(&"dimension".repeat(1000), EMBEDDINGS), None);
    }

    #[derive(Debug, Deserialize)]
    struct Request {
        dimensions: Option<usize>,
        #[serde(rename = "normalize")]
        is_scaled: Option<bool>,
    }

    fn read(json: &str) -> Result<(Option<usize>, Option<bool>), String> {
        let Known(Request { dimensions, is_scaled }) = serde_json::from_str(json).map_err(|e| e.to_string())?;
        Ok((dimensions, is_scaled))
    }

    #[test]
    fn a_struct_refuses_what_looks_like_its_fields() {
        assert_eq!(read(r#"{"dimensions": 8, "other": [1], "normalize": true}"#), Ok((Some(8), Some(true))));
        // Null counts as missing.
        assert_eq!(read(r#"{"dimension": null, "normalize": false}"#), Ok((None, Some(false))));
        for (json, start) in [
            (r#"{"dimension": 8}"#, "unknown field `dimension`, did you mean `dimensions`?"),
            (r#"{"a": 1, "normalise": false}"#, "unknown field `normalise`, did you mean `normalize`?"),
            // The first of several; other errors go first.
            (r#"{"dimension": 8, "normalise": false}"#, "unknown field `dimension`"),
            (r#"{"dimension": 8, "normalize": 7}"#, "invalid type"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.starts_with(start), "{error}");
        }
        #[derive(Debug, Deserialize)]
        struct Inputs {
            #[serde(rename = "inputs")]
            _inputs: String,
        }
        let error = serde_json::from_str::<Known<Inputs>>(r#"{"input": "a"}"#).unwrap_err().to_string();
        assert!(error.starts_with("missing field `inputs`; `input` looks like a misspelling of it"), "{error}");
        #[derive(Debug, Deserialize)]
        struct Tokens {
            #[serde(rename = "ids")]
            _ids: Vec<u32>,
        }
        let error = serde_json::from_str::<Known<Tokens>>(r#"{"other": 1, "id": [1]}"#).unwrap_err().to_string();
        assert!(error.starts_with("missing field `ids`; `id` looks like a misspelling of it"), "{error}");
        let error = serde_json::from_str::<Known<Tokens>>(r#"{"other": 1}"#).unwrap_err().to_string();
        assert!(error.starts_with("missing field `ids` at line"), "{error}");
        assert!(read(r#"{"dimensions": 8, "dimensions": 8}"#).unwrap_err().contains("duplicate field"));
        assert!(serde_json::from_str::<Known<Box<serde_json::value::RawValue>>>("{\"a\": 1}").is_ok());
    }

    #[test]
    fn a_body_of_unknown_fields_is_not_compared_for_ever() {
        let many: String = (0..MAX_FIELDS).map(|i| format!("\"other_{i}\": 1, ")).collect();
        assert_eq!(read(&format!("{{{many}\"dimension\": 8}}")), Ok((None, None)));
    }
}
