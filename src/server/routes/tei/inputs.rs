//! `inputs` of `/predict`: a text, a pair of texts, or a list of both.

use serde::de::{Error, SeqAccess};
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};

use crate::engine::Input;
use crate::server::http::deserialize_shapes;
use crate::server::routes::inputs::{List, id, list, one_of, string};

/// Inputs to classify: "…", a pair ["…", "…"], or a list of these, [["…"], ["…", "…"], …].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PredictInputs {
    pub list: List<Input>,
    /// True for a single input outside of a list.
    pub single: bool,
}

deserialize_shapes!(PredictInputs, "a string, a pair of strings, or a list of lists of one or two strings", {
    fn visit_str<E: Error>(self, text: &str) -> Result<PredictInputs, E> {
        Ok(PredictInputs { list: List::one(Input::Text(text.to_owned())), single: true })
    }

    // The first item determines the type of the others.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<PredictInputs, A::Error> {
        match items.next_element()? {
            None => Ok(PredictInputs { list: List::empty(), single: false }),
            Some(First::Text(first)) => {
                Ok(PredictInputs { list: List::one(text_or_pair(Some(first), items)?), single: true })
            }
            Some(First::One(first)) => {
                let list = List::one(first).extend(items, |One(input)| input)?;
                Ok(PredictInputs { list, single: false })
            }
        }
    }
});

/// A text or a pair: `first`, if already read, and the rest.
fn text_or_pair<'de, A: SeqAccess<'de>>(first: Option<String>, mut rest: A) -> Result<Input, A::Error> {
    const ONE_OR_TWO: &str = "one string or two";
    let first = match first {
        Some(first) => first,
        None => rest.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &ONE_OR_TWO))?,
    };
    let Some(second) = rest.next_element()? else { return Ok(Input::Text(first)) };
    match rest.next_element::<String>()? {
        None => Ok(Input::Pair(first.into(), second)),
        Some(_) => Err(A::Error::invalid_length(3, &ONE_OR_TWO)),
    }
}

/// A text or a pair in its own list.
struct One(Input);

/// The first item of a list.
enum First {
    Text(String),
    One(Input),
}

deserialize_shapes!(One, "a list of one or two strings", {
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<One, A::Error> {
        text_or_pair(None, items).map(One)
    }
});

deserialize_shapes!(First, "a string, or a list of one or two strings", {
    fn visit_str<E: Error>(self, text: &str) -> Result<First, E> {
        Ok(First::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<First, A::Error> {
        text_or_pair(None, items).map(First::One)
    }
});

/// The number of characters of all inputs; a token id counts as one.
pub(crate) fn characters(inputs: &[Input]) -> usize {
    let count = |input: &Input| match input {
        Input::Text(text) => text.chars().count(),
        Input::Ids(ids) => ids.len(),
        Input::Pair(first, second) => first.chars().count() + second.chars().count(),
    };
    inputs.iter().map(count).sum()
}

pub(crate) fn predict_schema() -> Schema {
    let strings = || list(string()).max_items(Some(2));
    let text = string().description(Some("A text")).examples(["I like you."]);
    let pair = strings().description(Some("A pair of texts; or one text"));
    let many = list(strings()).description(Some("Texts and pairs of texts"));
    one_of(OneOfBuilder::new().item(text).item(pair).item(many), "The inputs")
}

/// The schema of a text or a list of texts.
pub(crate) fn texts_schema() -> Schema {
    let text = string().description(Some("A text")).examples(["What is Deep Learning?"]);
    OneOfBuilder::new().item(text).item(list(string()).description(Some("Texts"))).build().into()
}

/// The schema of the token ids of one text or of several.
pub(crate) fn ids_schema() -> Schema {
    let one = list(id()).description(Some("The token ids of one text"));
    let many = list(ArrayBuilder::new().items(id())).description(Some("The token ids of several texts"));
    OneOfBuilder::new().item(one).item(many).build().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::server::Limits;

    fn read(json: serde_json::Value) -> Result<(Vec<Input>, bool), String> {
        let inputs: PredictInputs = serde_json::from_str(&json.to_string()).map_err(|e| e.to_string())?;
        let list = inputs.list.checked("inputs", &Limits::default()).map_err(|e| e.message)?;
        Ok((list, inputs.single))
    }

    #[test]
    fn two_strings_are_one_pair_and_lists_are_many() {
        let text = |text: &str| Input::Text(text.into());
        let pair = |a: &str, b: &str| Input::Pair(a.into(), b.into());
        assert_eq!(read(json!("a")).unwrap(), (vec![text("a")], true));
        assert_eq!(read(json!(["a"])).unwrap(), (vec![text("a")], true));
        assert_eq!(read(json!(["a", "b"])).unwrap(), (vec![pair("a", "b")], true));
        assert_eq!(read(json!([["a"], ["b", "c"]])).unwrap(), (vec![text("a"), pair("b", "c")], false));
        assert_eq!(read(json!([["a", "b"]])).unwrap(), (vec![pair("a", "b")], false));
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in
            [json!([]), json!(["a", "b", "c"]), json!([[]]), json!([["a"], "b"]), json!(["a", ["b"]]), json!(7)]
        {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
