//! Ids and times of responses.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// A new id of a response.
pub(crate) fn new_id() -> String {
    format!("infa-{}", Uuid::new_v4())
}

/// Seconds since 1970, for `created`.
pub(crate) fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
