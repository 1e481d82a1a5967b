//! What every request passes on its way to its route.

mod api_key;

pub use api_key::{ApiKeys, BadApiKey};
