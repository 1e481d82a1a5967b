//! A warning for token ids that another tokenizer made.
//!
//! Clients made for OpenAI's models (langchain's `OpenAIEmbeddings` by default) tokenise texts themselves, with OpenAI's
//! vocabulary. Most of these ids exist in every vocabulary, so that they get vectors, of other words.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::engine::Input;
use crate::model::tokenizer::Tokenizer;

/// The least time between two warnings.
const PAUSE: Duration = Duration::from_secs(600);

static LAST: Mutex<Option<Instant>> = Mutex::new(None);

/// Warns in the log, at most every ten minutes, if one of `texts` is token ids without any special token of the model's.
pub fn warn(model: &str, tokenizer: &Tokenizer, texts: &[Input]) {
    let foreign = |text: &Input| matches!(text, Input::Ids(ids) if tokenizer.lacks_specials(ids));
    if texts.iter().any(foreign) && is_due(Instant::now()) {
        tracing::warn!(
            target: "infa::server",
            model,
            "token ids without the model's special tokens: they may be those of another tokenizer (OpenAI's, as \
             langchain's check_embedding_ctx_length sends them), and their vectors those of other words; send texts"
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
