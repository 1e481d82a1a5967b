//! A warning about token ids from another tokenizer.
//!
//! Clients made for OpenAI's models (langchain's `OpenAIEmbeddings` by default) tokenize texts themselves, with
//! OpenAI's vocabulary. Most of these ids exist in every vocabulary, where they stand for other words.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::engine::Input;
use crate::model::tokenizer::Tokenizer;

/// Minimum interval between two warnings.
const PAUSE: Duration = Duration::from_secs(600);

static LAST: Mutex<Option<Instant>> = Mutex::new(None);

/// Logs a warning, at most every ten minutes, if one of `texts` is token ids without any of the model's special tokens.
pub(crate) fn warn(model: &str, tokenizer: &Tokenizer, texts: &[Input]) {
    let foreign = |text: &Input| matches!(text, Input::Ids(ids) if tokenizer.lacks_specials(ids));
    if texts.iter().any(foreign) && is_due(Instant::now()) {
        tracing::warn!(
            target: "infa::server",
            model,
            "token ids without the model's special tokens: they may come from another tokenizer (OpenAI's, with \
             langchain's check_embedding_ctx_length) and stand for other words; send texts"
        );
    }
}

fn is_due(now: Instant) -> bool {
    let Ok(mut last) = LAST.lock() else { return false };
    let due = last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE);
    if due {
        *last = Some(now);
    }
    due
}
