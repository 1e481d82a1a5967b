//! Numbers as JSON, straight into the reply's bytes: a tree of values would cost more than the model's work.

use axum::http::StatusCode;
use serde::Serialize;

use super::ApiError;

/// Bytes that a number takes about: the fewest digits that read back as the same f32, its sign and a comma.
pub const WIDTH: usize = 13;
/// From so many numbers on, writing takes longer (half a millisecond) than other requests should wait for the thread.
const MANY: usize = 1 << 14;

/// Appends a JSON array.
pub fn array(numbers: &[f32], out: &mut Vec<u8>) {
    out.reserve(numbers.len() * WIDTH + 2);
    json(numbers, out);
}

/// Appends anything as JSON.
pub fn json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // Memory does not fail, and what is written here has string keys only.
    let _ = serde_json::to_writer(out, value);
}

/// Appends `items` in brackets, with commas between them.
pub fn list<T>(items: impl IntoIterator<Item = T>, out: &mut Vec<u8>, mut item: impl FnMut(T, &mut Vec<u8>)) {
    out.push(b'[');
    for (i, each) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item(each, out);
    }
    out.push(b']');
}

/// Runs `write`, which writes so many numbers: on a thread that may be busy for a while, if they are many.
pub async fn write<T: Send + 'static>(
    numbers: usize,
    write: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    if numbers < MANY {
        return Ok(write());
    }
    let failed = |e| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the reply could not be written: {e}"));
    tokio::task::spawn_blocking(write).await.map_err(failed)
}
