//! Request bodies: JSON, and the errors of malformed ones.
//!
//! A value that has the wrong type, is missing or duplicate is 422; one of the right type that is not allowed is 400.
//! The message names the field (`input[3]`) and the position in the JSON, and quotes little of the client's text.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::ApiError;
use super::known_fields::Known;
use crate::json_words;

/// Minimum bytes of a body that is parsed on a blocking thread; for less, the switch would take longer.
const LARGE: usize = 64 << 10;

/// Maximum characters of a client's text in a message.
const SHOWN: usize = 100;

/// A JSON body.
pub(crate) struct Body<T>(pub T);

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned + Send + 'static,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request).await?;
        off_thread(bytes.len(), move || parse(&bytes)).await.map(Self)
    }
}

/// The bytes of a body with the content type JSON.
pub(crate) async fn read(request: Request) -> Result<Bytes, ApiError> {
    check_content_type(request.headers())?;
    // A layer has read it within its limits.
    let bytes = Bytes::from_request(request, &()).await;
    bytes.map_err(|e| ApiError::new(e.status(), format!("the body cannot be read: {e}")))
}

/// Runs `work` on `size` bytes, on a blocking thread if they are many.
pub(crate) async fn off_thread<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    if size < LARGE {
        return work();
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?
}

/// 415 unless the content type is `application/json` or `application/…+json`; parameters are ignored.
fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let refuse = |what: String| {
        let message = format!("{what}; send JSON, with the header Content-Type: application/json");
        Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
    };
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return refuse("the request has no Content-Type".into());
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.strip_prefix("application/") {
        Some(subtype) if subtype == "json" || subtype.ends_with("+json") => Ok(()),
        _ => refuse(format!("the Content-Type is {}", shorten(&text))),
    }
}

/// Parses a JSON body, which must be an object. Misspelt fields of `T` are refused, other unknown ones are ignored.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let unprocessable = |message: &str| Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    // JSON has no byte 0.
    let mark = match bytes {
        [0xef, 0xbb, 0xbf, ..] => Some("it begins with a byte order mark"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..] => Some("its encoding looks like UTF-16 or UTF-32"),
        _ => None,
    };
    if let Some(mark) = mark {
        return unprocessable(&format!("the body must be a JSON object in UTF-8, without a byte order mark; {mark}"));
    }
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return unprocessable("the body is empty; it must be a JSON object"),
        // serde reads structs from lists, too.
        Some(b'{') => {}
        Some(_) => return unprocessable("the body must be a JSON object"),
    }
    serde_json::from_slice(bytes).map(|Known(value)| value).or_else(|_| explain(bytes))
}

/// Parses again and tracks the path to the error.
fn explain<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize(&mut json) {
        Ok(Known(value)) => json.end().map(|()| value).map_err(|e| malformed("", &e)),
        Err(e) => {
            let path = e.path().to_string();
            // `?` stands for an unknown field name.
            let path = path.trim_end_matches(['.', '?']);
            // serde_json takes a number or a list in place of one of several words for broken JSON.
            let no_value = e.inner().to_string().starts_with("expected value at ");
            if no_value && serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
                let (path, inner) = (shorten(path), e.inner());
                let place = format!("at line {} column {}", inner.line(), inner.column());
                let message = format!("{path}: must be a string {place}");
                return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message).param(path));
            }
            Err(malformed(path, e.inner()))
        }
    }
}

/// The error at `path`, which is empty for the whole body.
fn malformed(path: &str, error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(&place).unwrap_or(&text);
    // The right type, but an invalid value.
    let bad_value = ["unknown variant", "unknown field", "invalid value"].iter().any(|start| reason.starts_with(start));
    let status = if bad_value { StatusCode::BAD_REQUEST } else { StatusCode::UNPROCESSABLE_ENTITY };
    let path = shorten(path);
    let named = ["missing field `", "duplicate field `", "unknown field `"].iter().find_map(|start| {
        let (name, _) = reason.strip_prefix(start)?.split_once('`')?;
        Some(if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") })
    });
    let reason = in_words(json_words::syntax(reason));
    let message = match path.as_str() {
        // The position of missing and unknown fields would be the end of the body.
        "" if named.is_some() => reason,
        "" if error.is_data() => format!("{reason}{place}"),
        "" => format!("the body is not valid JSON: {reason}{place}"),
        path => format!("{path}: {reason}{place}"),
    };
    let error = ApiError::new(status, message);
    match named.or(Some(path).filter(|path| !path.is_empty())) {
        Some(param) => error.param(param),
        None => error,
    }
}

/// The reason in JSON's terms instead of Rust's, with little of the client's text.
fn in_words(reason: &str) -> String {
    const EXPECTED: &[(&str, &str)] = &[
        ("usize", "a whole number, 0 or more"),
        ("i64", "a whole number"),
        ("a boolean", "true or false"),
        ("a sequence", "a list"),
        ("a map", "an object"),
        ("unit", "a string"),
    ];
    let reason = reason.replacen("unknown variant", "unknown value", 1);
    let Some((found, expected)) = reason.rsplit_once(", expected ") else {
        return shorten(reason.strip_prefix("invalid value: ").unwrap_or(&reason));
    };
    let expected = EXPECTED.iter().find(|(rust, _)| *rust == expected).map_or(expected, |(_, words)| words);
    let value = found.strip_prefix("invalid type: ").or_else(|| found.strip_prefix("invalid value: "));
    match (value, found.strip_prefix("invalid length ")) {
        (Some(value), _) => format!("must be {expected}, not {}", shorten(&value_in_words(value))),
        (None, Some(length)) => format!("must be {expected}, not of length {length}"),
        (None, None) => format!("{}; must be {expected}", shorten(found)),
    }
}

/// A value that serde describes in Rust's terms.
fn value_in_words(value: &str) -> String {
    match value {
        "sequence" => "a list".into(),
        "map" => "an object".into(),
        "unit value" => "null".into(),
        _ => {
            let inner = |kind: &str| value.strip_prefix(kind)?.strip_prefix('`')?.strip_suffix('`');
            let number = || inner("integer ").or_else(|| inner("floating point "));
            let text = || value.starts_with("string ").then(|| format!("the {value}"));
            let flag = || inner("boolean ").map(str::to_owned);
            number().map(|number| format!("the number {number}")).or_else(text).or_else(flag).unwrap_or(value.into())
        }
    }
}

/// The beginning of a client's text, for messages.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn reasons_are_in_the_terms_of_json() {
        for (reason, words) in [
            ("invalid type: string \"2\", expected usize", "must be a whole number, 0 or more, not the string \"2\""),
            ("invalid type: floating point `1.5`, expected i64", "must be a whole number, not the number 1.5"),
            ("invalid value: integer `-1`, expected a token id", "must be a token id, not the number -1"),
            ("invalid type: boolean `true`, expected a sequence", "must be a list, not true"),
            ("invalid type: sequence, expected a map", "must be an object, not a list"),
            ("invalid type: null, expected a boolean", "must be true or false, not null"),
            ("invalid length 3, expected one string or two", "must be one string or two, not of length 3"),
            ("unknown variant `x`, expected `a` or `b`", "unknown value `x`; must be `a` or `b`"),
            ("invalid value: audio is not supported", "audio is not supported"),
            ("missing field `input`", "missing field `input`"),
        ] {
            assert_eq!(in_words(reason), words);
        }
    }
}
