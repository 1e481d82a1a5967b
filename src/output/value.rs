//! JSON values and members, appended to memory.

use crate::record_id::RecordId;

/// Appends the beginning of an object: `{"index":…`, and the id if there is one.
pub(super) fn head(index: u64, id: Option<&RecordId>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"index\":");
    json(&index, out);
    if let Some(id) = id {
        member("id", id, out);
    }
}

/// Appends `,"key":value`.
pub(super) fn member<T: serde::Serialize + ?Sized>(key: &str, value: &T, out: &mut Vec<u8>) {
    out.push(b',');
    json(key, out);
    out.push(b':');
    json(value, out);
}

/// Appends `value` as JSON.
pub(super) fn json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Writing to memory does not fail, and the types used here (numbers, text, JSON values) all have a form.
    let _ = serde_json::to_writer(out, value);
}
