//! The first texts of a model: they make its workers allocate their memory before clients wait for it, and measure its
//! speed on this machine.

use std::time::{Duration, Instant};

use super::loaded_model::LoadedModel;
use crate::engine::int8::SENTENCES;
use crate::engine::rerank::Method;
use crate::engine::{Engine, Input, LocalInfo, OutputKind, Request, RequestOptions, Role, SubmitError, TextError};
use crate::model::tokenizer::Truncate;

/// Maximum tokens of a warm-up text. Texts as long as some models allow would take minutes.
const MAX_TOKENS: usize = 512;

/// Tokens reserved for special tokens and prompts, as a text that is too long may be an error; at most a quarter of the
/// text.
const ROOM: usize = 24;

/// The repeated word of the texts.
const WORD: &str = "warm ";

/// Computes a short text, and a long one for each worker.
///
/// A failure is logged as a warning, as other texts may succeed. Blocks.
pub(super) fn warm_up(loaded: &LoadedModel) -> Option<Warm> {
    let local = loaded.local();
    let long = long_text(local);
    let mut texts = vec!["warm"];
    texts.extend(std::iter::repeat_n(long.as_str(), local.threads));
    let mut first = Speed::default();
    if let Err(e) = first.add(loaded, &texts) {
        tracing::warn!(model = loaded.name(), "a first text failed: {e}");
        return None;
    }
    Some(Warm { first, long })
}

/// A text almost as long as the model's maximum.
fn long_text(local: &LocalInfo) -> String {
    let longest = local.max_length.min(MAX_TOKENS);
    let room = ROOM.min(longest / 4);
    // Vocabularies without the word split it into several tokens.
    let (sample, tokenizer) = (8, &local.model.tokenizer);
    let tokens = tokenizer.encode_bare(&WORD.repeat(sample), MAX_TOKENS, Truncate::Right);
    let tokens_per_word = tokens.map_or(1, |tokens| tokens.ids.len().div_ceil(sample).max(1));
    WORD.repeat((longest.saturating_sub(room) / tokens_per_word).max(1))
}

/// A model that has computed its first texts.
pub(super) struct Warm {
    first: Speed,
    long: String,
}

/// Duration of the measurement of short and of long texts.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_millis(500);
/// Maximum texts of each kind: enough for small models.
const MAX_SHORT: usize = 192;
const MAX_LONG: usize = 8;
/// Approximate tokens of a short text.
const SHORT_TOKENS: f64 = 18.0;
/// A longer round of long texts is not repeated: the first round is the result.
const TOO_LONG: Duration = Duration::from_secs(2);

/// The speed of a model with its queue and workers, without HTTP.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    /// The speed with sentences and queries.
    pub short: Speed,
    /// The speed with texts of the model's maximum length, or of 512 tokens.
    pub long: Speed,
}

/// Texts and tokens computed in a time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Speed {
    texts: usize,
    tokens: usize,
    seconds: f64,
}

impl Warm {
    /// Measures for about a second; large models for as long as a few texts take. `None` if a text fails.
    pub(crate) fn measure(self, loaded: &LoadedModel) -> Option<Measured> {
        let Self { first, long } = self;
        let sentences: Vec<&str> = SENTENCES.lines().collect();
        // As many as fit into the time at the speed of the first texts.
        let fit = first.tokens_per_second() * SHORT.as_secs_f64() / SHORT_TOKENS;
        let count = (fit as usize).clamp(8, MAX_SHORT);
        let texts: Vec<&str> = sentences.iter().copied().cycle().take(count).collect();
        let mut short = Speed::default();
        short.add(loaded, &texts).ok()?;

        // The conversion fails only for values that cannot occur.
        let each = Duration::try_from_secs_f64(first.seconds).unwrap_or(TOO_LONG);
        if each > TOO_LONG {
            return Some(Measured { short, long: first });
        }
        let threads = loaded.local().threads;
        let rounds = (LONG.as_secs_f64() / first.seconds.max(1e-6)) as usize;
        let texts = vec![long.as_str(); threads * rounds.clamp(1, MAX_LONG)];
        let mut long = Speed::default();
        long.add(loaded, &texts).ok()?;
        Some(Measured { short, long })
    }
}

impl Speed {
    /// Computes `texts` and adds them.
    fn add(&mut self, loaded: &LoadedModel, texts: &[&str]) -> Result<(), Failed> {
        // A local model needs no drivers of the runtime.
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let begun = Instant::now();
        let tokens = runtime.block_on(compute(loaded.engine().as_ref(), loaded.local(), texts))?;
        self.seconds += begun.elapsed().as_secs_f64();
        self.texts += texts.len();
        self.tokens += tokens;
        Ok(())
    }

    pub(crate) fn texts_per_second(&self) -> f64 {
        per_second(self.texts, self.seconds)
    }

    /// Special tokens included.
    pub(crate) fn tokens_per_second(&self) -> f64 {
        per_second(self.tokens, self.seconds)
    }
}

/// Rounded to three digits: the measurement is not more precise.
fn per_second(count: usize, seconds: f64) -> f64 {
    let rate = count as f64 / seconds.max(1e-6);
    // Through text: multiplying the rounded number by a power of ten would add digits.
    format!("{rate:.2e}").parse().unwrap_or(rate)
}

/// The error of a text.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Runtime(#[from] std::io::Error),
    #[error(transparent)]
    Request(#[from] SubmitError),
    #[error(transparent)]
    Text(#[from] TextError),
}

/// Computes the model's own output for `texts`. Returns the number of tokens.
async fn compute(engine: &dyn Engine, local: &LocalInfo, texts: &[&str]) -> Result<usize, Failed> {
    let output = engine.info().output;
    let pairs = output == OutputKind::Logits && matches!(Method::of(&local.model, true), Ok(Method::Pairs(_)));
    let role = if output == OutputKind::TokenVectors { Role::Document } else { Role::Text };
    let input = |&text: &&str| if pairs { Input::Pair("warm".into(), text.to_owned()) } else { text.into() };
    let options = RequestOptions { role, ..RequestOptions::default() };
    let completed = engine.submit(Request::new(output, texts.iter().map(input).collect(), options))?.await?;
    let tokens = completed.results.into_iter().map(|result| Ok(result?.tokens.unwrap_or_default()));
    tokens.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        for (count, seconds, expected) in [(123_456, 10.0, 12_300.0), (12, 1.0, 12.0), (1, 4.0, 0.25), (0, 1.0, 0.0)] {
            assert!((per_second(count, seconds) - expected).abs() < 1e-9, "{count} in {seconds}");
        }
    }
}
