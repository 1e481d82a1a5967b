//! JSON written directly into a response's bytes: a tree of values would cost more than the model's work.

use serde::Serialize;

use super::ApiError;
use super::body::off_thread;

/// Typical bytes of a number in JSON: the fewest digits that read back as the same f32, sign and comma.
pub(crate) const NUMBER_BYTES: usize = 13;

/// Appends a list of numbers.
pub(crate) fn numbers(numbers: &[f32], out: &mut Vec<u8>) {
    out.reserve(numbers.len() * NUMBER_BYTES + 2);
    json(numbers, out);
}

/// Appends a value as JSON.
pub(crate) fn json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // Writing to memory does not fail, and all keys are strings.
    let _ = serde_json::to_writer(out, value);
}

/// Appends `items` in brackets, with commas between them.
pub(crate) fn list<T>(items: impl IntoIterator<Item = T>, out: &mut Vec<u8>, mut item: impl FnMut(T, &mut Vec<u8>)) {
    out.push(b'[');
    for (i, each) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item(each, out);
    }
    out.push(b']');
}

/// Appends the remaining fields of an object that has some already, and its brace.
pub(crate) fn last_fields(fields: &serde_json::Value, out: &mut Vec<u8>) {
    out.push(b',');
    out.extend_from_slice(fields.to_string().trim_start_matches('{').as_bytes());
}

/// Runs `write`, which writes `numbers` numbers: on a blocking thread if it would block other requests for longer than
/// half a millisecond.
pub(crate) async fn off_thread_if_many<T: Send + 'static>(
    numbers: usize,
    write: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    off_thread(numbers.saturating_mul(size_of::<f32>()), move || Ok(write())).await
}
