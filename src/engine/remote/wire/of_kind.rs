//! The protocol of each engine.

use reqwest::Url;

use super::{Protocol, cohere, infa, infinity, jina, openai, tei, triton};
use crate::engine::EngineKind;

/// The protocol of the server at `url`, and the URL to whose path its requests add theirs; `None` for an engine that is no
/// server.
pub fn protocol(kind: EngineKind, url: &Url) -> Option<(Box<dyn Protocol>, Url)> {
    let bare = matches!(url.path(), "" | "/");
    let protocol: Box<dyn Protocol> = match kind {
        EngineKind::Openai => Box::new(openai::Openai::new(bare)),
        EngineKind::Tei => Box::<tei::Tei>::default(),
        EngineKind::Infinity => Box::<infinity::Infinity>::default(),
        EngineKind::Cohere => Box::new(cohere::Cohere),
        EngineKind::Jina => Box::new(jina::Jina::new(bare)),
        EngineKind::Triton => return Some(triton::at(url)),
        EngineKind::Infa => Box::<infa::Infa>::default(),
        _ => return None,
    };
    Some((protocol, url.clone()))
}
