//! Texts to token ids. Of a long text, no more is read than the model can see.

use std::borrow::Cow;

use tokenizers::Encoding;

use super::prompted::{Prompted, first, last};
use super::squeeze::Squeezed;
use super::types::{TokenizeError, Tokenizer, Tokens, Truncate};
use crate::panic_guard::catch_panic;

/// Tokens that the first piece of a long text must have beyond the kept ones, so that the rest of the text cannot
/// change them: a WordPiece word longer than 100 characters is one unknown token, so no cut word has more than 100.
const MARGIN: usize = 128;
/// Bytes of a long text that are tokenised first, for each token that is kept.
const BYTES_A_TOKEN: usize = 32;
/// Most bytes that are tokenised in one piece, where a model does not take more: a tokenizer takes some 20 times as
/// much memory.
const MAX_BYTES: usize = 1 << 20;
/// Bytes around a cut within which a blank is looked for.
const NEARBY: usize = 1 << 10;
/// Bytes of a piece, where a text is tokenised piece by piece.
const PIECE: usize = 64 << 10;

impl Tokenizer {
    /// The tokens of `text`, at most `max_length` with the specials, which are always kept.
    ///
    /// # Errors
    /// [`TokenizeError`]
    pub fn encode<'t>(
        &self,
        text: impl Into<Prompted<'t>>,
        max_length: usize,
        truncate: Truncate,
    ) -> Result<Tokens, TokenizeError> {
        let room = max_length.saturating_sub(self.specials());
        let body = self.body(text.into(), room, truncate)?;
        let (kept, truncated) = kept(&body, room, truncate).ok_or(TokenizeError::TooLong { limit: max_length })?;
        let mut ids = Vec::with_capacity(kept.len() + self.specials());
        ids.extend_from_slice(&self.prefix);
        ids.extend(kept.iter().map(|&id| i64::from(id)));
        ids.extend_from_slice(&self.suffix);
        Ok(Tokens { ids, types: Vec::new(), unseen: 0, truncated })
    }

    /// The tokens of `text` without any special tokens around it, at most `max_length`. Special tokens that it spells
    /// out are special tokens.
    ///
    /// # Errors
    /// [`TokenizeError`]
    pub fn encode_bare(&self, text: &str, max_length: usize, truncate: Truncate) -> Result<Tokens, TokenizeError> {
        let body = self.body(text.into(), max_length, truncate)?;
        let (kept, truncated) =
            kept(&body, max_length, truncate).ok_or(TokenizeError::TooLong { limit: max_length })?;
        Ok(Tokens { ids: kept.iter().map(|&id| i64::from(id)).collect(), types: Vec::new(), unseen: 0, truncated })
    }

    /// The number of leading tokens that belong to a prompt, counted like sentence-transformers: those of the prompt
    /// alone, without the closing special token.
    ///
    /// # Errors
    /// [`TokenizeError`]
    pub fn prompt_length(&self, prompt: &str, max_length: usize) -> Result<usize, TokenizeError> {
        let alone = self.encode(prompt, max_length, Truncate::Right)?.ids.len();
        Ok(alone - usize::from(!self.suffix.is_empty()))
    }

    /// The part of `text` that can have to do with the first (or last, by `truncate`) `max_length` tokens of a text
    /// that it is part of: the whole, if it has no more tokens than that.
    ///
    /// # Errors
    /// [`TokenizeError`]
    pub fn visible<'t>(
        &self,
        text: &'t str,
        max_length: usize,
        truncate: Truncate,
    ) -> Result<Cow<'t, str>, TokenizeError> {
        match self.walled(|| self.seen(text.into(), max_length, truncate))? {
            None => Ok(text.into()),
            Some(Seen { text, .. }) => Ok(text),
        }
    }

    /// Runs the tokenizers crate, whose panics become errors.
    pub(super) fn walled<T>(&self, work: impl FnOnce() -> Result<T, TokenizeError>) -> Result<T, TokenizeError> {
        catch_panic(work).unwrap_or_else(|panic| Err(TokenizeError::Failed(panic)))
    }

    /// Token ids of the text alone; those at the kept end, if it has more than `room`.
    fn body(&self, text: Prompted<'_>, room: usize, truncate: Truncate) -> Result<Vec<u32>, TokenizeError> {
        self.walled(|| {
            if room > MAX_BYTES && text.len() > MAX_BYTES && self.squeeze.divides_at_blanks() {
                return self.in_pieces(text, |piece, ids: &mut Vec<u32>| ids.extend_from_slice(piece.get_ids()));
            }
            Ok(self.encoding(text, room, truncate)?.0.get_ids().to_vec())
        })
    }

    /// The tokens of the text alone, or of a part at the kept end that has more than `room`; and whether it is a part.
    pub(super) fn encoding(
        &self,
        text: Prompted<'_>,
        room: usize,
        truncate: Truncate,
    ) -> Result<(Encoding, bool), TokenizeError> {
        match self.seen(text, room, truncate)? {
            None => Ok((self.raw(&text.whole())?, false)),
            Some(Seen { encoding, part, .. }) => Ok((encoding, part)),
        }
    }

    /// Reads as little of a long text as gives more than `room` tokens and a margin; `None` if it is not long.
    fn seen<'t>(&self, text: Prompted<'t>, room: usize, truncate: Truncate) -> Result<Option<Seen<'t>>, TokenizeError> {
        let enough = room.saturating_add(MARGIN);
        let mut window = if room > MAX_BYTES { MAX_BYTES } else { enough * BYTES_A_TOKEN };
        if text.len() <= window {
            return Ok(None);
        }
        let left = truncate == Truncate::Left;
        let part: Cow<'t, str> = match if left { text.last(window) } else { text.first(window) } {
            Cow::Borrowed(part) => at_blank(part, left).into(),
            Cow::Owned(part) => at_blank(&part, left).to_owned().into(),
        };
        let encoding = self.raw(&part)?;
        if encoding.len() > enough {
            return Ok(Some(Seen { text: part, encoding, part: true }));
        }
        let limit = window.max(MAX_BYTES);
        let Squeezed { text, whole } = self.squeezed(text, left, limit);
        loop {
            window = window.saturating_mul(4);
            let all = window >= text.len();
            let complete = all && whole;
            let part = match left {
                _ if complete => &text[..],
                true => at_blank(last(&text, window), left),
                false => at_blank(first(&text, window), left),
            };
            let encoding = self.raw(part)?;
            if complete || encoding.len() > enough {
                return Ok(Some(Seen { text: part.to_owned().into(), encoding, part: !complete }));
            }
            if all {
                return Err(TokenizeError::TooManyBytes { limit });
            }
        }
    }

    /// About how many tokens a text has: exact up to 256 KiB, and beyond that where its words are tokens of their own,
    /// up to 4 MiB; then a number of bytes, which is larger.
    pub(super) fn count(&self, text: Prompted<'_>) -> Result<usize, TokenizeError> {
        if text.len() <= 4 * PIECE {
            return Ok(self.raw(&text.whole())?.len());
        }
        if text.len() > 4 * MAX_BYTES {
            return Ok(text.len());
        }
        self.in_pieces(text, |piece, count| *count += piece.len())
    }

    /// Applies `add` to the pieces of a text; pieces begin with a blank if possible.
    fn in_pieces<T: Default>(&self, text: Prompted<'_>, add: impl Fn(&Encoding, &mut T)) -> Result<T, TokenizeError> {
        let Squeezed { text, .. } = self.squeezed(text, false, usize::MAX);
        let (mut rest, mut sum) = (&text[..], T::default());
        while !rest.is_empty() {
            let piece = if rest.len() <= PIECE { rest } else { at_blank(first(rest, PIECE), false) };
            add(&self.raw(piece)?, &mut sum);
            rest = &rest[piece.len()..];
        }
        Ok(sum)
    }

    fn squeezed(&self, text: Prompted<'_>, left: bool, limit: usize) -> Squeezed {
        let ids = |text: &str| self.raw(text).ok().map(|encoding| encoding.get_ids().to_vec());
        self.squeeze.apply(text, left, limit, &ids)
    }

    /// The tokens of the text alone, as it is.
    pub(super) fn raw(&self, text: &str) -> Result<Encoding, TokenizeError> {
        self.inner.encode_fast(text, false).map_err(|e| TokenizeError::Failed(e.to_string()))
    }
}

/// The part of a long text that was read.
struct Seen<'t> {
    text: Cow<'t, str>,
    encoding: Encoding,
    /// True if there is more.
    part: bool,
}

/// The part of `body` that fits into `room` tokens, and true if that is less than all; `None` if truncation is
/// forbidden.
fn kept(body: &[u32], room: usize, truncate: Truncate) -> Option<(&[u32], bool)> {
    match truncate {
        _ if body.len() <= room => Some((body, false)),
        Truncate::Right => Some((&body[..room], true)),
        Truncate::Left => Some((&body[body.len() - room..], true)),
        Truncate::None => None,
    }
}

/// The text up to its last blank, or from its first (`left`), so that no word is cut; unchanged if no blank is near.
fn at_blank(text: &str, left: bool) -> &str {
    match left {
        true => first(text, NEARBY).find(char::is_whitespace).map_or(text, |at| &text[at..]),
        false => {
            let end = last(text, NEARBY);
            let at = end.rfind(char::is_whitespace).map(|at| text.len() - end.len() + at);
            at.filter(|&at| at > 0).map_or(text, |at| &text[..at])
        }
    }
}
