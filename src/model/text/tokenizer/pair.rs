//! Two texts as one input: a query and a document, a premise and a hypothesis.

use std::sync::{Arc, OnceLock};

use tokenizers::{Encoding, TruncationDirection};

use super::prompted::Prompted;
use super::types::{TokenizeError, Tokenizer, Tokens, Truncate};

/// The first text of pairs, tokenised once for all second texts.
pub struct FirstOfPair {
    prompt: Arc<str>,
    text: Arc<str>,
    /// Truncated to about the maximum length of a pair.
    encoding: Encoding,
    /// True if `encoding` is a part.
    part: bool,
    /// Tokens of the whole text ([`Tokenizer::count`]).
    count: OnceLock<usize>,
    max_length: usize,
    truncate: Truncate,
}

impl Tokenizer {
    /// The first text of pairs of at most `max_length` tokens. The prompt stands before it.
    ///
    /// # Errors
    /// [`TokenizeError`]
    pub fn first_of_pair(
        &self,
        prompt: Arc<str>,
        text: Arc<str>,
        max_length: usize,
        truncate: Truncate,
    ) -> Result<FirstOfPair, TokenizeError> {
        let room = max_length.saturating_sub(self.pair_specials());
        let whole = Prompted { prompt: &prompt, text: &text };
        let (encoding, part) = self.walled(|| self.encoding(whole, room, truncate))?;
        Ok(FirstOfPair { prompt, text, encoding, part, count: OnceLock::new(), max_length, truncate })
    }

    /// The tokens of two texts as one input, at most `max_length` with the specials, which are always kept. Excess
    /// tokens are removed from the longer one, token by token (`longest_first`), as `transformers` does.
    ///
    /// # Errors
    /// [`TokenizeError`]
    pub fn encode_pair(
        &self,
        first: &str,
        second: &str,
        max_length: usize,
        truncate: Truncate,
    ) -> Result<Tokens, TokenizeError> {
        let first = self.first_of_pair("".into(), first.into(), max_length, truncate)?;
        self.encode_second(&first, second)
    }

    /// The tokens of a pair, as [`Tokenizer::encode_pair`] has them.
    ///
    /// # Errors
    /// [`TokenizeError`]
    pub fn encode_second(&self, first: &FirstOfPair, second: &str) -> Result<Tokens, TokenizeError> {
        let (max_length, truncate) = (first.max_length, first.truncate);
        let room = max_length.saturating_sub(self.pair_specials());
        let (whole, truncated) = self.walled(|| {
            let (mut b, b_part) = self.encoding(second.into(), room, truncate)?;
            let mut a = first.encoding.clone();
            let truncated = a.len() + b.len() > room;
            if truncated {
                if truncate == Truncate::None {
                    return Err(TokenizeError::TooLong { limit: max_length });
                }
                // A part has fewer tokens than its text. Which text is longer decides who keeps the odd token.
                let first_is_longer = match (first.part, b_part) {
                    (true, false) if a.len() > b.len() => true,
                    (false, true) if a.len() <= b.len() => false,
                    (true, _) | (_, true) if !room.is_multiple_of(2) => {
                        first.count(self)? > if b_part { self.count(second.into())? } else { b.len() }
                    }
                    _ => a.len() > b.len(),
                };
                let (keep_a, keep_b) = longest_first(a.len(), b.len(), room, first_is_longer);
                cut(&mut a, keep_a, truncate);
                cut(&mut b, keep_b, truncate);
            }
            let whole = self.inner.post_process(a, Some(b), true).map_err(|e| TokenizeError::Failed(e.to_string()))?;
            Ok((whole, truncated))
        })?;
        let wide = |numbers: &[u32]| numbers.iter().map(|&n| i64::from(n)).collect::<Vec<_>>();
        let typed = self.has_token_types && whole.get_type_ids().iter().any(|&t| t != 0);
        let types = if typed { wide(whole.get_type_ids()) } else { Vec::new() };
        Ok(Tokens { ids: wide(whole.get_ids()), types, unseen: 0, truncated })
    }
}

impl FirstOfPair {
    fn count(&self, tokenizer: &Tokenizer) -> Result<usize, TokenizeError> {
        if !self.part {
            return Ok(self.encoding.len());
        }
        if let Some(&count) = self.count.get() {
            return Ok(count);
        }
        let count = tokenizer.count(Prompted { prompt: &self.prompt, text: &self.text })?;
        Ok(*self.count.get_or_init(|| count))
    }
}

/// Numbers of tokens that two texts keep in `room`, which is less than both have.
fn longest_first(a: usize, b: usize, room: usize, first_is_longer: bool) -> (usize, usize) {
    let (short, half) = (a.min(b), room / 2);
    // The shorter is kept whole, up to half of the room.
    let (short, long) = if short <= half { (short, room - short) } else { (half, room - half) };
    if first_is_longer { (long, short) } else { (short, long) }
}

fn cut(encoding: &mut Encoding, keep: usize, truncate: Truncate) {
    let direction = match truncate {
        Truncate::Left => TruncationDirection::Left,
        Truncate::Right | Truncate::None => TruncationDirection::Right,
    };
    encoding.truncate(keep, 0, direction);
    // The overflowing pieces would be combined, each of one text with each of the other.
    drop(encoding.take_overflowing());
}
