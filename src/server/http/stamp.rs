//! Names and times of replies.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// A name for a reply.
pub fn new_id() -> String {
    format!("infa-{}", Uuid::new_v4())
}

/// Seconds since 1970, as replies have it in `created`.
pub fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
