//! The version that a server reports.

use std::time::Duration;

use serde_json::Value as Json;

use super::http::{Http, Request};
use super::options::RemoteOptions;
use crate::engine::EngineSpec;
use crate::engine::recipes::VersionRoute;

/// Time-out of a request for additional information.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer ones are ignored.
const MAX_VERSION_BYTES: usize = 64;

/// The version of the server of `spec`, with the engine's name before it; `None` if it reports none.
pub(crate) async fn version(spec: &EngineSpec, options: &RemoteOptions) -> Option<String> {
    let VersionRoute { path, pointer } = spec.kind.server()?.version.as_ref()?;
    let options = RemoteOptions { request_timeout: options.request_timeout.min(ANSWER_TIMEOUT), ..options.clone() };
    let http = Http::new(spec.url.as_ref()?, &options).ok()?;
    let reply = http.send(&Request::get(&[path])).await.ok()?;
    let version = of(&serde_json::from_slice(&reply.body).ok()?, pointer)?;
    Some(format!("{} {version}", spec.kind.name()))
}

fn of(document: &Json, pointer: &str) -> Option<String> {
    let version = document.pointer(pointer)?.as_str()?.trim();
    let plain =
        !version.is_empty() && version.len() <= MAX_VERSION_BYTES && version.chars().all(|c| c.is_ascii_graphic());
    plain.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_version_is_none() {
        let version = |version: Json| of(&json!({"info": {"version": version}}), "/info/version");
        assert_eq!(version(json!(" 0.0.77")), Some("0.0.77".into()));
        for other in [json!(1), json!(""), json!("a b"), json!("x".repeat(65)), json!(null)] {
            assert_eq!(version(other), None);
        }
        assert_eq!(of(&json!([]), "/version"), None);
    }
}
