//! Fields of the dialects that change the result: they are either followed or refused.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType};

use super::inputs::Truncation;
use crate::model::tokenizer::Truncate;
use crate::server::ApiError;
use crate::server::http::{deserialize_shapes, visit_numbers, whole};
use crate::server::models::LoadedModel;

/// A field that is not supported and would change the result. Null, false and empty values are accepted; other values
/// are 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

deserialize_shapes!(Refused, "null, false or empty", {
    fn visit_unit<E: Error>(self) -> Result<Refused, E> {
        Ok(Refused)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Refused, E> {
        refused_unless(!value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Refused, E> {
        refused_unless(value.is_empty())
    }

    visit_numbers!(Refused, refused_unless(false));

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Refused, A::Error> {
        let empty = items.next_element::<IgnoredAny>()?.is_none();
        while items.next_element::<IgnoredAny>()?.is_some() {}
        refused_unless(empty)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Refused, A::Error> {
        let empty = fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_none();
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        refused_unless(empty)
    }
});

fn refused_unless<E: Error>(empty: bool) -> Result<Refused, E> {
    let refused = || E::custom("invalid value: this field is not supported, and it would change the result");
    empty.then_some(Refused).ok_or_else(refused)
}

pub(crate) fn refused_schema() -> Schema {
    let about = "Not supported: refused unless null, false or empty";
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(about)).build().into()
}

/// A field that may be null, and whose presence identifies the dialect.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent<T> {
    /// True if the field is present, even as null.
    pub is_sent: bool,
    pub value: Option<T>,
}

impl<'de> Deserialize<'de> for Sent<usize> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        whole(json).map(|value| Self { is_sent: true, value })
    }
}

/// The end at which a text that is too long is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub enum Direction {
    #[serde(alias = "left")]
    Left,
    #[serde(alias = "right")]
    Right,
}

impl From<Direction> for Truncate {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Left => Self::Left,
            Direction::Right => Self::Right,
        }
    }
}

/// For `#[serde(default = "yes")]`.
pub(crate) fn yes() -> bool {
    true
}

/// Checks the dialects' (vLLM, Cohere, Jina) token limits of a text, a document or a query.
///
/// Texts are cut at the model's own limit only: a higher or equal limit changes nothing, a lower one is refused. 0 and
/// −1 mean no limit.
///
/// # Errors
/// 400 with the name of the field.
pub(crate) fn check_limits(limits: &[(&'static str, Option<i64>)], loaded: &LoadedModel) -> Result<(), ApiError> {
    let most = loaded.local().max_length;
    for &(field, limit) in limits {
        let Some(limit) = limit.filter(|&limit| limit != 0 && limit != -1) else { continue };
        match usize::try_from(limit) {
            Ok(limit) if limit >= most => {}
            Ok(limit) => {
                let reason = format!("{limit} is below the model's maximum ({most}), at which alone texts are cut");
                return Err(ApiError::bad_value(field, reason));
            }
            Err(_) => return Err(ApiError::bad_value(field, "must be a number of tokens, 0 or −1 for no limit")),
        }
    }
    Ok(())
}

/// The number of results from two fields with the same meaning; all if both are missing.
///
/// # Errors
/// 400 for 0, and if they differ.
pub(crate) fn top(one: (&'static str, Option<usize>), other: (&'static str, Option<usize>)) -> Result<usize, ApiError> {
    for (field, top) in [one, other] {
        if top == Some(0) {
            return Err(ApiError::bad_value(field, "must be at least 1, not 0"));
        }
    }
    if one.1.zip(other.1).is_some_and(|(a, b)| a != b) {
        return Err(ApiError::bad_value(
            other.0,
            format!("contradicts {}, which has the same meaning; send one of them", one.0),
        ));
    }
    Ok(one.1.or(other.1).unwrap_or(usize::MAX))
}

/// The value of two optional fields with the same meaning.
///
/// # Errors
/// 400 with the name of the second field if they differ.
pub(crate) fn agreed<T: PartialEq>(
    one: (&str, Option<T>),
    other: (&'static str, Option<T>),
) -> Result<Option<T>, ApiError> {
    match (one.1, other.1) {
        (Some(a), Some(b)) if a != b => {
            Err(ApiError::bad_value(other.0, format!("contradicts {}; send one of them", one.0)))
        }
        (a, b) => Ok(a.or(b)),
    }
}

/// True for logits as scores, by Infinity's `raw_scores` or its opposite, vLLM's `use_activation`. False by default.
///
/// # Errors
/// 400 with `use_activation` if the two contradict each other.
pub(crate) fn raw_scores(raw_scores: Option<bool>, use_activation: Option<bool>) -> Result<bool, ApiError> {
    let raw = use_activation.map(|activated| !activated);
    Ok(agreed(("raw_scores", raw_scores), ("use_activation", raw))?.unwrap_or(false))
}

/// The end at which a text that is too long is cut; `None`: the server's setting.
///
/// `truncate` may name the end, `truncation` allows or forbids cutting, and each field of `sides` names the end.
/// `prompt_tokens` (vLLM's `truncate_prompt_tokens`) allows it where the others do not forbid it. All are optional.
///
/// # Errors
/// 400 with the name of a field that contradicts another.
pub(crate) fn truncation(
    truncate: Option<Truncation>,
    truncation: Option<bool>,
    sides: &[(&'static str, Option<Direction>)],
    prompt_tokens: Option<i64>,
) -> Result<Option<Truncation>, ApiError> {
    let word = truncate.map(|Truncation(word)| word);
    let is_cut = word.map(|word| word != Some(Truncate::None));
    let is_cut = agreed(("truncate", is_cut), ("truncation", truncation))?;
    // The ends must agree even if nothing is cut.
    let end = word.flatten().filter(|end| *end != Truncate::None);
    let mut known = ("truncate", end);
    for &(field, side) in sides {
        let end = agreed(known, (field, side.map(Truncate::from)))?;
        known = (if known.1.is_some() { known.0 } else { field }, end);
    }
    let is_cut = is_cut.or(known.1.is_some().then_some(true)).or(prompt_tokens.is_some_and(|n| n != 0).then_some(true));
    Ok(is_cut.map(|is_cut| if is_cut { Truncation(known.1) } else { Truncation::OFF }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_about_truncation_are_followed_or_contradict_each_other() {
        use Direction::{Left, Right};
        let at = |end: Direction| Some(Truncation(Some(end.into())));
        let (on, off) = (Some(Truncation(None)), Some(Truncation::OFF));
        let read = |truncate, cut, direction, side| {
            truncation(truncate, cut, &[("truncation_direction", direction), ("truncation_side", side)], None)
                .map_err(|e| e.param.unwrap())
        };
        assert_eq!(truncation(None, None, &[], Some(-1)).unwrap(), on);
        assert_eq!(truncation(None, None, &[], Some(0)).unwrap(), None);
        assert_eq!(truncation(off, None, &[], Some(-1)).unwrap(), off);
        for (truncate, cut, direction, side, end) in [
            (None, None, None, None, None),
            (on, Some(true), None, None, on),
            (None, Some(true), None, None, on),
            (at(Right), Some(true), None, Some(Right), at(Right)),
            (on, None, None, Some(Left), at(Left)),
            (None, Some(true), Some(Left), Some(Left), at(Left)),
            (off, Some(false), Some(Left), None, off),
            (None, Some(false), None, Some(Left), off),
        ] {
            assert_eq!(read(truncate, cut, direction, side), Ok(end), "{truncate:?} {cut:?} {direction:?} {side:?}");
        }
        for (truncate, cut, direction, side, field) in [
            (on, Some(false), None, None, "truncation"),
            (at(Left), Some(false), None, None, "truncation"),
            (off, Some(true), None, None, "truncation"),
            (at(Right), None, Some(Left), None, "truncation_direction"),
            (at(Left), None, None, Some(Right), "truncation_side"),
            (None, None, Some(Left), Some(Right), "truncation_side"),
            (None, Some(false), Some(Left), Some(Right), "truncation_side"),
        ] {
            let refusal = read(truncate, cut, direction, side).unwrap_err();
            assert_eq!(refusal, field, "{truncate:?} {cut:?} {direction:?} {side:?}");
        }
    }

    #[test]
    fn raw_scores_are_the_opposite_of_an_activation() {
        for (raw, activated, expected) in [
            (None, None, Ok(false)),
            (Some(true), None, Ok(true)),
            (None, Some(false), Ok(true)),
            (None, Some(true), Ok(false)),
            (Some(true), Some(false), Ok(true)),
            (Some(false), Some(true), Ok(false)),
            (Some(true), Some(true), Err("use_activation")),
            (Some(false), Some(false), Err("use_activation")),
        ] {
            let read = raw_scores(raw, activated).map_err(|e| e.param.unwrap());
            assert_eq!(read, expected.map_err(str::to_owned), "{raw:?} {activated:?}");
        }
    }

    #[test]
    fn null_false_and_empty_values_are_accepted() {
        for value in [json!(null), json!(false), json!(""), json!([]), json!({})] {
            assert!(serde_json::from_value::<Refused>(value.clone()).is_ok(), "{value}");
        }
        for value in [json!(true), json!("x"), json!(0), json!(-1), json!(0.5), json!([1]), json!({"a": 1})] {
            let refusal = serde_json::from_value::<Refused>(value.clone()).unwrap_err().to_string();
            assert!(refusal.starts_with("invalid value: ") && refusal.contains("not supported"), "{refusal}");
        }
    }

    #[test]
    fn a_field_is_sent_even_if_it_is_null() {
        #[derive(serde::Deserialize)]
        struct Request {
            #[serde(default)]
            top_k: Sent<usize>,
        }
        let read = |json: &str| {
            let top_k = serde_json::from_str::<Request>(json).unwrap().top_k;
            (top_k.is_sent, top_k.value)
        };
        assert_eq!(read("{}"), (false, None));
        assert_eq!(read(r#"{"top_k": null}"#), (true, None));
        assert_eq!(read(r#"{"top_k": 2.0}"#), (true, Some(2)));
    }
}
