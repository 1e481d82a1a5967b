//! The first texts of a model: they make its workers allocate what they will need, before clients wait for it.

use super::service::Service;
use crate::engine::rerank::Method;
use crate::engine::{Input, Purpose, Role, TextError};

/// Longest text in tokens. Those of models that read books would take minutes.
const LONGEST: usize = 512;

/// Room for special tokens and prompts: a text that is too long may be an error.
const ROOM: usize = 24;

/// Computes a short text, and for each worker a long one. That a model cannot do so is told in the log: it may well
/// answer others.
pub(super) fn warm_up(service: &Service) {
    let engine = service.engine();
    let local = engine.local();
    let long = "warm ".repeat(local.max_length.min(LONGEST).saturating_sub(ROOM).max(1));
    let mut texts = vec!["warm"];
    texts.extend(std::iter::repeat_n(long.as_str(), local.threads));
    let failed = match engine.info().purpose {
        Purpose::Embed => failure(engine.embed(&texts, Role::Text)),
        Purpose::EmbedSparse => failure(engine.embed_sparse(&texts, Role::Text)),
        Purpose::EmbedTokens | Purpose::HiddenStates => failure(engine.embed_tokens(&texts, Role::Document)),
        Purpose::Predict => {
            let pairs = matches!(Method::of(engine.model(), true), Ok(Method::Pairs(_)));
            let input = |&text| if pairs { Input::Pair("warm", text) } else { Input::Text(text) };
            failure(engine.predict(&texts.iter().map(input).collect::<Vec<_>>()))
        }
    };
    if let Some(e) = failed {
        tracing::warn!(model = service.name(), "a first text failed: {e}");
    }
}

fn failure<T>(results: Vec<Result<T, TextError>>) -> Option<TextError> {
    results.into_iter().find_map(Result::err)
}
