//! Parts and writers that responses share.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiError;
use super::body::off_thread;

/// Tokens that the model processed, special tokens included; never characters.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Tokens of the inputs.
    #[schema(example = 7)]
    pub prompt_tokens: usize,
    /// The same number, as nothing is generated.
    #[schema(example = 7)]
    pub total_tokens: usize,
}

impl Usage {
    pub(crate) fn of(tokens: usize) -> Self {
        Self { prompt_tokens: tokens, total_tokens: tokens }
    }
}

/// Typical bytes of a result in JSON, without its text.
pub(crate) const RESULT_BYTES: usize = 64;

/// Writes a response of about `size` bytes as JSON, on a blocking thread if they are many.
///
/// # Errors
/// 500 if it cannot be serialized.
pub(crate) async fn written(size: usize, response: impl Serialize + Send + 'static) -> Result<Vec<u8>, ApiError> {
    let failed =
        |e| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the response could not be written: {e}"));
    off_thread(size, move || serde_json::to_vec(&response).map_err(failed)).await
}

/// A response of finished JSON.
pub(crate) fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// A response of a JSON list of finished items, sent as by [`json_pieces`].
pub(crate) fn json_list(items: Vec<Vec<u8>>, held: impl Send + 'static) -> Response {
    json_pieces(bracketed(items), held)
}

/// A response of finished JSON in pieces. A large one is sent piece by piece, without a copy; `held` is dropped when
/// all of it is sent or the client is gone.
pub(crate) fn json_pieces(pieces: Vec<Bytes>, held: impl Send + 'static) -> Response {
    let length = pieces.iter().map(Bytes::len).sum::<usize>();
    let body = match length {
        LARGE.. => {
            let mut held = Some(held);
            let pieces = pieces.into_iter().map(Ok::<_, Infallible>).chain(std::iter::from_fn(move || {
                drop(held.take());
                None
            }));
            Body::from_stream(futures_util::stream::iter(pieces))
        }
        _ => pieces.concat().into(),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
    ];
    (headers, body).into_response()
}

/// The pieces of a JSON list of `items`.
pub(crate) fn bracketed(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<Bytes> {
    let mut pieces = vec![Bytes::from_static(b"[")];
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            pieces.push(Bytes::from_static(b","));
        }
        pieces.push(item.into());
    }
    pieces.push(Bytes::from_static(b"]"));
    pieces
}

/// Minimum bytes of a response that is sent in pieces.
const LARGE: usize = 1 << 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_large_reply_is_written_elsewhere() {
        /// Writes the name of its thread.
        struct Here;

        impl Serialize for Here {
            fn serialize<S: serde::Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
                json.serialize_str(&format!("{:?}", std::thread::current().id()))
            }
        }
        let here = serde_json::to_vec(&Here).unwrap();
        assert_eq!(written(100, Here).await.unwrap(), here);
        assert_ne!(written(1 << 17, Here).await.unwrap(), here);
    }

    #[tokio::test]
    async fn lists_are_json_whatever_their_size() {
        for (items, size) in [(0, 0), (1, 5), (3, 5), (4, LARGE)] {
            let item = serde_json::to_vec(&"x".repeat(size)).unwrap();
            let response = json_list(vec![item; items], ());
            let length: usize = response.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.len(), length);
            let read: Vec<String> = serde_json::from_slice(&body).unwrap();
            assert!(read.len() == items && read.iter().all(|text| text.len() == size));
        }
    }
}
