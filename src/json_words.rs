//! Reasons why JSON cannot be read, in plain words: serde_json's are those of its parser and of Rust.

/// Reasons of serde_json for malformed text, and the same in plain words.
const SYNTAX: &[(&str, &str)] = &[
    ("expected value", "not a JSON value"),
    ("expected ident", "not a JSON value"),
    ("EOF while parsing a value", "it ends where a value should be"),
    ("EOF while parsing a string", "it ends within a string"),
    ("EOF while parsing a list", "it ends within an array"),
    ("EOF while parsing an object", "it ends within an object"),
    ("trailing characters", "there is more after the end of the value"),
    ("trailing comma", "a comma stands before a closing bracket"),
    ("key must be a string", "a key must be a string in double quotes"),
    ("expected `:`", "a colon is missing after a key"),
    ("expected `,` or `]`", "a comma or a closing ] is missing"),
    ("expected `,` or `}`", "a comma or a closing } is missing"),
    ("expected `\"`", "a double quote is missing"),
    (
        "control character (\\u0000-\\u001F) found while parsing a string",
        "a string holds a control character, such as a line break, that is not escaped",
    ),
    ("invalid escape", "a backslash in a string begins no escape of JSON"),
    ("invalid number", "a number is not written as JSON writes numbers"),
    ("number out of range", "a number is too large"),
    ("invalid unicode code point", "a string holds a byte or an escape that is not a Unicode character"),
    ("lone leading surrogate in hex escape", "a \\u escape is the first half of a character alone"),
    ("unexpected end of hex escape", "a \\u escape is cut short"),
    ("recursion limit exceeded", "arrays and objects are nested too deep"),
];

/// Types as serde names them, and as JSON does.
const TYPES: &[(&str, &str)] = &[
    ("a sequence", "an array"),
    ("a map", "an object"),
    ("usize", "a whole number, not negative"),
    ("u64", "a whole number, not negative"),
    ("u32", "a whole number, not negative"),
    ("i64", "a whole number"),
    ("f32", "a number"),
    ("f64", "a number"),
];

/// The reason of `error` without its place.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    in_words(text.strip_suffix(&place).unwrap_or(&text))
}

/// The reason of malformed text in plain words; other reasons stay.
pub(crate) fn syntax(reason: &str) -> &str {
    SYNTAX.iter().find(|(parser, _)| *parser == reason).map_or(reason, |(_, words)| words)
}

/// The same, also of values that are not what they must be.
fn in_words(reason: &str) -> String {
    let value = reason.strip_prefix("invalid type: ").or_else(|| reason.strip_prefix("invalid value: "));
    match value.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => {
            let expected = TYPES.iter().find(|(rust, _)| *rust == expected).map_or(expected, |(_, words)| words);
            format!("expected {expected}, found {}", found_type(found))
        }
        None => syntax(reason).to_owned(),
    }
}

/// The type that serde names with its value, such as ``floating point `1.5` ``; of a number the number.
fn found_type(found: &str) -> &str {
    let number = found.strip_prefix("integer `").or_else(|| found.strip_prefix("floating point `"));
    if let Some(number) = number.and_then(|number| number.strip_suffix('`')) {
        return number;
    }
    let kinds = [
        ("string ", "a string"),
        ("boolean ", "a boolean"),
        ("sequence", "an array"),
        ("map", "an object"),
        ("null", "null"),
        ("unit value", "null"),
    ];
    kinds.iter().find(|(start, _)| found.starts_with(start)).map_or(found, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Fields {
        flag: Option<bool>,
        list: Option<Vec<f32>>,
        count: Option<usize>,
    }

    fn of(text: &str) -> String {
        reason(&serde_json::from_str::<Fields>(text).unwrap_err())
    }

    #[test]
    fn malformed_text_is_described_in_plain_words() {
        for (text, words) in [
            ("not json", "not a JSON value"),
            ("nul", "it ends where a value should be"),
            ("{\"a\":}", "not a JSON value"),
            ("{\"a\":tru}", "not a JSON value"),
            ("", "it ends where a value should be"),
            ("{\"a", "it ends within a string"),
            ("{\"a\":1", "it ends within an object"),
            ("{\"a\":[1", "it ends within an array"),
            ("{} x", "there is more after the end of the value"),
            ("{\"a\":1,}", "a comma stands before a closing bracket"),
            ("{a:1}", "a key must be a string in double quotes"),
            ("{\"a\" 1}", "a colon is missing after a key"),
            ("{\"a\":[1 2]}", "a comma or a closing ] is missing"),
            ("{\"a\":1 \"b\":2}", "a comma or a closing } is missing"),
            ("{\"a\":\"x\ny\"}", "a string holds a control character, such as a line break, that is not escaped"),
            ("{\"a\":\"\\q\"}", "a backslash in a string begins no escape of JSON"),
            ("{\"a\":01}", "a number is not written as JSON writes numbers"),
        ] {
            assert_eq!(of(text), words, "{text}");
        }
    }

    #[test]
    fn wrong_types_have_the_names_of_json() {
        for (text, words) in [
            ("{\"flag\":\"x, expected y\"}", "expected a boolean, found a string"),
            ("{\"flag\":1.5}", "expected a boolean, found 1.5"),
            ("{\"list\":{}}", "expected an array, found an object"),
            ("{\"list\":\"AAAA\"}", "expected an array, found a string"),
            ("{\"list\":[true]}", "expected a number, found a boolean"),
            ("{\"count\":-1}", "expected a whole number, not negative, found -1"),
            ("{\"count\":[]}", "expected a whole number, not negative, found an array"),
        ] {
            assert_eq!(of(text), words, "{text}");
        }
    }
}
