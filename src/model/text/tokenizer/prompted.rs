//! A text with a prompt before it, joined only as far as it is needed.

use std::borrow::Cow;

/// A text with a prompt before it, as if both were one string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prompted<'t> {
    pub prompt: &'t str,
    pub text: &'t str,
}

impl<'t> From<&'t str> for Prompted<'t> {
    fn from(text: &'t str) -> Self {
        Self { prompt: "", text }
    }
}

impl<'t> From<&'t String> for Prompted<'t> {
    fn from(text: &'t String) -> Self {
        text.as_str().into()
    }
}

impl<'t> Prompted<'t> {
    /// Bytes of both.
    pub fn len(self) -> usize {
        self.prompt.len().saturating_add(self.text.len())
    }

    pub fn is_empty(self) -> bool {
        self.prompt.is_empty() && self.text.is_empty()
    }

    /// Both as one string.
    pub fn whole(self) -> Cow<'t, str> {
        match (self.prompt, self.text) {
            ("", text) => text.into(),
            (prompt, "") => prompt.into(),
            (prompt, text) => [prompt, text].concat().into(),
        }
    }

    /// The first `bytes` bytes, or a little less: up to the end of a character.
    pub(super) fn first(self, bytes: usize) -> Cow<'t, str> {
        let prompt = first(self.prompt, bytes);
        match bytes.checked_sub(self.prompt.len()) {
            Some(rest) => Prompted { prompt, text: first(self.text, rest) }.whole(),
            None => prompt.into(),
        }
    }

    /// The last `bytes` bytes, or a little less: from the beginning of a character.
    pub(super) fn last(self, bytes: usize) -> Cow<'t, str> {
        let text = last(self.text, bytes);
        match bytes.checked_sub(self.text.len()) {
            Some(rest) => Prompted { prompt: last(self.prompt, rest), text }.whole(),
            None => text.into(),
        }
    }

    /// The first `characters` characters, and whether that is less than all.
    pub fn first_characters(self, characters: usize) -> (Cow<'t, str>, bool) {
        let end = |text: &str| text.char_indices().nth(characters).map(|(at, _)| at);
        if let Some(at) = end(self.prompt) {
            return (self.prompt[..at].into(), true);
        }
        let rest = characters - self.prompt.chars().count();
        match self.text.char_indices().nth(rest) {
            Some((at, _)) => (Prompted { text: &self.text[..at], ..self }.whole(), true),
            None => (self.whole(), false),
        }
    }

    /// The last `characters` characters, and whether that is less than all.
    pub fn last_characters(self, characters: usize) -> (Cow<'t, str>, bool) {
        let start = |text: &str, count: usize| match count.checked_sub(1) {
            Some(before) => text.char_indices().nth_back(before).map(|(at, _)| at),
            None => Some(text.len()),
        };
        let length = self.text.chars().count();
        let (text, prompt) = match characters.checked_sub(length) {
            Some(rest) => (Some(0), start(self.prompt, rest)),
            None => (start(self.text, characters), Some(self.prompt.len())),
        };
        let part = Prompted { prompt: &self.prompt[prompt.unwrap_or(0)..], text: &self.text[text.unwrap_or(0)..] };
        (part.whole(), part.len() < self.len())
    }

    /// Its characters, from either end.
    pub(super) fn chars(self) -> impl DoubleEndedIterator<Item = char> + 't {
        self.prompt.chars().chain(self.text.chars())
    }
}

/// The first `bytes` bytes of `text`, or a little less.
pub(super) fn first(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The last `bytes` bytes of `text`, or a little less.
pub(super) fn last(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_joined_string() {
        for (prompt, text) in [("", "añb"), ("añ", ""), ("ab", "ñcñ"), ("ñ", "ñ"), ("", "")] {
            let (both, joined) = (Prompted { prompt, text }, format!("{prompt}{text}"));
            assert_eq!((both.whole(), both.len()), (joined.as_str().into(), joined.len()));
            assert_eq!(both.chars().rev().collect::<String>(), joined.chars().rev().collect::<String>());
            for n in 0..9 {
                assert_eq!(both.first(n), first(&joined, n), "{prompt}|{text} {n}");
                assert_eq!(both.last(n), last(&joined, n), "{prompt}|{text} {n}");
                let expected: String = joined.chars().take(n).collect();
                let cut = expected.len() < joined.len();
                assert_eq!(both.first_characters(n), (expected.into(), cut), "{prompt}|{text} {n}");
                let skipped = joined.chars().count().saturating_sub(n);
                let expected: String = joined.chars().skip(skipped).collect();
                assert_eq!(both.last_characters(n), (expected.into(), skipped > 0), "{prompt}|{text} {n}");
            }
        }
    }
}
