//! Shortens parts of a text that yield few tokens or none; the tokens stay exactly the same.
//!
//! A tokenizer takes some 20 bytes of memory and up to 0.7 µs for each byte of a text, even if 30 MB of blanks yield no
//! token, or 30 MB of letters one unknown word. Such parts are recognised here, at a few nanoseconds a byte.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::{BertNormalizer, NormalizerWrapper};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use unicode_categories::UnicodeCategories;

use super::prompted::Prompted;

/// Longest added token for which the rules of [`Words`] hold, in characters.
const MAX_ADDED: usize = 64;
/// Blanks, or characters that are dropped, that are kept of a longer stretch: more than an added token has.
const KEPT_BLANKS: usize = MAX_ADDED + 1;
/// A run of one character is shortened from this length on.
const LONG_RUN: usize = 1024;
/// The shortened text.
const KEPT_RUN: usize = 512;
/// Most characters whose runs are tried out.
const MAX_TRIED: usize = 256;

pub(super) enum Squeeze {
    /// By the rules of BERT's tokenizer.
    Words(Words),
    /// Runs of one character, by trying out whether their length matters.
    Runs(Runs),
}

/// A text with fewer bytes and the same tokens.
pub(super) struct Squeezed {
    pub text: String,
    /// True if it stands for the whole text, not only for the part at the kept end that fits.
    pub whole: bool,
}

impl Squeeze {
    pub(crate) fn of(tokenizer: &tokenizers::Tokenizer) -> Self {
        Words::of(tokenizer).map_or_else(|| Self::Runs(Runs::default()), Self::Words)
    }

    /// True if the tokens of two parts of a text that are divided before a blank are those of the whole.
    pub(crate) fn divides_at_blanks(&self) -> bool {
        matches!(self, Self::Words(_))
    }

    /// The shortened text, from its beginning or from its end (`left`) up to about `limit` bytes. `ids` are the token
    /// ids of a text.
    pub(crate) fn apply(
        &self,
        text: Prompted<'_>,
        left: bool,
        limit: usize,
        ids: &dyn Fn(&str) -> Option<Vec<u32>>,
    ) -> Squeezed {
        let mut out = Output { characters: Vec::new(), bytes: 0, limit };
        let whole = match (self, left) {
            (Self::Words(words), false) => words.filter(text.chars(), &mut out),
            (Self::Words(words), true) => words.filter(text.chars().rev(), &mut out),
            (Self::Runs(runs), false) => runs.filter(text.chars(), &mut out, ids),
            (Self::Runs(runs), true) => runs.filter(text.chars().rev(), &mut out, ids),
        };
        let characters = out.characters.into_iter();
        let text = if left { characters.rev().collect() } else { characters.collect() };
        Squeezed { text, whole }
    }
}

/// Characters up to a number of bytes.
struct Output {
    characters: Vec<char>,
    bytes: usize,
    limit: usize,
}

impl Output {
    /// True if there was room.
    fn push(&mut self, c: char) -> bool {
        self.bytes += c.len_utf8();
        if self.bytes > self.limit {
            return false;
        }
        self.characters.push(c);
        true
    }
}

/// The rules of `BertNormalizer`, `BertPreTokenizer` and WordPiece: runs of blanks divide words; some characters are
/// dropped; a word of too many characters is one unknown token.
pub(super) struct Words {
    /// Characters that are kept of a long word: more than make it unknown, with an added token beside them.
    kept: usize,
    drops_controls: bool,
    drops_marks: bool,
    divides_chinese: bool,
}

/// The effect of a character on its word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Dropped,
    /// It ends the word, and is no token.
    Blank,
    /// It ends the word, and is a token of its own.
    Ends,
    /// It is part of the word.
    Part,
}

impl Words {
    fn of(tokenizer: &tokenizers::Tokenizer) -> Option<Self> {
        let ModelWrapper::WordPiece(model) = tokenizer.get_model() else { return None };
        let Some(PreTokenizerWrapper::BertPreTokenizer(_)) = tokenizer.get_pre_tokenizer() else { return None };
        let bert = bert_normalizer(tokenizer.get_normalizer()?)?;
        if model.max_input_chars_per_word > LONG_RUN {
            return None;
        }
        let words = Self {
            kept: model.max_input_chars_per_word + MAX_ADDED + 1,
            drops_controls: bert.clean_text,
            drops_marks: bert.strip_accents.unwrap_or(bert.lowercase),
            divides_chinese: bert.handle_chinese_chars,
        };
        // An added token is found before words are, also within one, unless it begins and ends with what ends words.
        let ends = |c: Option<char>| c.is_some_and(|c| words.effect(c) == Effect::Ends);
        let apart = |token: &str| {
            token.chars().count() <= MAX_ADDED && ends(token.chars().next()) && ends(token.chars().next_back())
        };
        let added = tokenizer.get_added_vocabulary();
        added.get_vocab().keys().all(|token| apart(token)).then_some(words)
    }

    fn effect(&self, c: char) -> Effect {
        if c.is_ascii_alphanumeric() {
            return Effect::Part;
        }
        if c.is_whitespace() {
            return Effect::Blank;
        }
        if c.is_ascii_punctuation() || c.is_punctuation() || (self.divides_chinese && is_chinese(c)) {
            return Effect::Ends;
        }
        let control = self.drops_controls && (c == '\0' || c == '\u{fffd}' || c.is_other());
        if control || (self.drops_marks && c.is_mark_nonspacing()) { Effect::Dropped } else { Effect::Part }
    }

    /// True if all of `text` fitted.
    fn filter(&self, text: impl Iterator<Item = char>, out: &mut Output) -> bool {
        // Of the present word, and of the blanks or dropped characters since a character that counts.
        let (mut parts, mut blanks, mut dropped) = (0, 0, 0);
        for c in text {
            let keeps = match self.effect(c) {
                Effect::Dropped => {
                    dropped += 1;
                    dropped < KEPT_BLANKS && blanks < KEPT_BLANKS && parts < self.kept
                }
                Effect::Blank => {
                    (parts, dropped) = (0, if blanks == 0 { 0 } else { dropped });
                    blanks += 1;
                    blanks < KEPT_BLANKS
                }
                Effect::Ends => {
                    (parts, blanks, dropped) = (0, 0, 0);
                    true
                }
                Effect::Part => {
                    (parts, blanks) = (parts + 1, 0);
                    if parts == 1 {
                        dropped = 0;
                    }
                    parts < self.kept
                }
            };
            if keeps && !out.push(c) {
                return false;
            }
        }
        true
    }
}

/// The normaliser, if it is BERT's, perhaps after one that makes lower case of all (sentence-transformers'
/// `do_lower_case`).
fn bert_normalizer(normalizer: &NormalizerWrapper) -> Option<BertNormalizer> {
    match normalizer {
        NormalizerWrapper::BertNormalizer(bert) => Some(*bert),
        NormalizerWrapper::Sequence(steps) => match steps.as_ref() {
            [one] => bert_normalizer(one),
            [NormalizerWrapper::Lowercase(_), one] => bert_normalizer(one),
            _ => None,
        },
        _ => None,
    }
}

/// Characters that BERT's normaliser puts blanks around.
fn is_chinese(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}

/// Runs of one character whose length does not matter: those that a normaliser makes one of, or drops, and those that
/// become one unknown token. Which these are is tried out.
#[derive(Default)]
pub(super) struct Runs {
    /// By character: true if the length of a long run does not matter.
    tried: Mutex<HashMap<char, bool>>,
}

impl Runs {
    /// Returns true if all of `text` fitted.
    fn filter(
        &self,
        text: impl Iterator<Item = char>,
        out: &mut Output,
        ids: &dyn Fn(&str) -> Option<Vec<u32>>,
    ) -> bool {
        let mut run: Option<(char, usize)> = None;
        let mut free = false;
        for c in text {
            let length = match run {
                Some((same, length)) if same == c => length + 1,
                before => {
                    self.shorten(before, out, ids);
                    1
                }
            };
            run = Some((c, length));
            // Decided once for each run. Surplus characters are removed at the end of the run.
            if length == LONG_RUN + 1 {
                free = self.is_free(c, ids);
            }
            if (length <= LONG_RUN || !free) && !out.push(c) {
                return false;
            }
        }
        self.shorten(run, out, ids);
        true
    }

    /// The run is over.
    fn shorten(&self, run: Option<(char, usize)>, out: &mut Output, ids: &dyn Fn(&str) -> Option<Vec<u32>>) {
        if let Some((c, length)) = run
            && length > LONG_RUN
            && self.is_free(c, ids)
        {
            let excess = LONG_RUN - KEPT_RUN;
            out.characters.truncate(out.characters.len() - excess);
            out.bytes -= excess * c.len_utf8();
        }
    }

    /// True if the tokens of a long run of `c` do not depend on its length.
    fn is_free(&self, c: char, ids: &dyn Fn(&str) -> Option<Vec<u32>>) -> bool {
        let tried = || self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&free) = tried().get(&c) {
            return free;
        }
        if tried().len() >= MAX_TRIED {
            return false;
        }
        let surroundings = [("a", "b"), ("", "b"), ("a", ""), (".", "7"), ("é", "人")];
        let free = surroundings.into_iter().all(|(before, after)| {
            let of = |length: usize| {
                let run: String = std::iter::repeat_n(c, length).collect();
                ids(&format!("{before}{run}{after}"))
            };
            let expected = of(KEPT_RUN);
            expected.is_some() && [KEPT_RUN + 1, 700, 1021, LONG_RUN].into_iter().all(|length| of(length) == expected)
        });
        tried().insert(c, free);
        free
    }
}
