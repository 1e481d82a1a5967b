//! A text's tokens for people to look at, each with its place in the text; and tokens back to text.

use std::ops::Range;

use super::prompted::Prompted;
use super::types::{TokenizeError, Tokenizer};
use crate::panic_guard::catch_panic;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub id: u32,
    /// The part of the text that it stands for; a special token's own name.
    pub text: String,
    /// The span of the token in the text, in characters (not bytes); `None` for added special tokens. Tokens that are
    /// bytes of the same character have the same span.
    pub span: Option<Range<usize>>,
}

impl Tokenizer {
    /// The tokens of the whole `text`, and with `specials` those around it. Takes up to 700 bytes of memory for each
    /// byte of the text.
    pub fn pieces<'t>(&self, text: impl Into<Prompted<'t>>, specials: bool) -> Result<Vec<Piece>, TokenizeError> {
        let text = &*text.into().whole();
        let encode = || self.inner.encode(text, specials).map_err(|e| e.to_string());
        let encoding = catch_panic(encode).unwrap_or_else(Err).map_err(TokenizeError::Failed)?;
        let mut characters = Characters { text, byte: 0, characters: 0 };
        let (ids, names) = (encoding.get_ids(), encoding.get_tokens());
        let (spans, masks) = (encoding.get_offsets(), encoding.get_special_tokens_mask());
        let mut pieces = Vec::with_capacity(ids.len());
        for (((&id, name), &(start, stop)), &mask) in ids.iter().zip(names).zip(spans).zip(masks) {
            if mask != 0 {
                pieces.push(Piece { id, text: name.clone(), span: None });
                continue;
            }
            let (start, stop) = (text.floor_char_boundary(start), text.ceil_char_boundary(stop.max(start)));
            let span = characters.before(start)..characters.before(stop);
            pieces.push(Piece { id, text: text[start..stop].to_owned(), span: Some(span) });
        }
        Ok(pieces)
    }

    pub fn knows(&self, id: u32) -> bool {
        self.inner.id_to_token(id).is_some()
    }

    /// The text of these tokens, as near as the tokenizer gets; without special tokens if `skip_specials`. Ids that
    /// are not in the vocabulary are left out.
    pub fn decode(&self, ids: &[u32], skip_specials: bool) -> Result<String, TokenizeError> {
        let decode = || self.inner.decode(ids, skip_specials).map_err(|e| e.to_string());
        catch_panic(decode).unwrap_or_else(Err).map_err(TokenizeError::Failed)
    }
}

/// Counts characters of a text up to a byte. Each count goes on from the last: tokens follow one another.
struct Characters<'t> {
    text: &'t str,
    byte: usize,
    characters: usize,
}

impl Characters<'_> {
    /// Number of characters that begin before `byte`, which is a boundary.
    fn before(&mut self, byte: usize) -> usize {
        let between = &self.text[byte.min(self.byte)..byte.max(self.byte)];
        let count = between.chars().count();
        self.characters = if byte < self.byte { self.characters - count } else { self.characters + count };
        self.byte = byte;
        self.characters
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use super::*;
    use crate::model::Model;
    use crate::model::hub::source::{Source, WeightsFile};

    #[derive(Deserialize)]
    struct Case {
        model: String,
        text: String,
        ids: Vec<u32>,
        spans: Vec<[usize; 2]>,
        special: Vec<bool>,
        bare: Vec<u32>,
        decoded: String,
        skipped: String,
    }

    /// The output of `transformers` for the same texts (make_pieces.py).
    fn cases() -> Vec<Case> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pieces.json");
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    fn tokenizer(model: &str) -> Tokenizer {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(model);
        let weights = WeightsFile::Safetensors(dir.join("model.safetensors"));
        Model::read(Source { name: model.into(), dir, weights }).unwrap().tokenizer
    }

    #[test]
    fn tokens_and_their_places_are_those_of_transformers() {
        for case in cases() {
            let (tokenizer, place) = (tokenizer(&case.model), format!("{}: {:?}", case.model, case.text));
            let pieces = tokenizer.pieces(&case.text, true).unwrap();
            assert_eq!(pieces.iter().map(|p| p.id).collect::<Vec<_>>(), case.ids, "{place}");
            let characters: Vec<char> = case.text.chars().collect();
            for (i, piece) in pieces.iter().enumerate() {
                assert_eq!(piece.span.is_none(), case.special[i], "{place}: {i}");
                if let Some(span) = &piece.span {
                    assert_eq!([span.start, span.end], case.spans[i], "{place}: {i}");
                    assert_eq!(piece.text, characters[span.clone()].iter().collect::<String>(), "{place}: {i}");
                }
            }
            let bare = tokenizer.pieces(&case.text, false).unwrap();
            assert_eq!(bare.iter().map(|p| p.id).collect::<Vec<_>>(), case.bare, "{place}");
        }
    }

    #[test]
    fn tokens_become_the_text_that_transformers_makes_of_them() {
        for case in cases() {
            let (tokenizer, place) = (tokenizer(&case.model), format!("{}: {:?}", case.model, case.text));
            assert_eq!(tokenizer.decode(&case.ids, false).unwrap(), case.decoded, "{place}");
            assert_eq!(tokenizer.decode(&case.ids, true).unwrap(), case.skipped, "{place}");
        }
    }

    #[test]
    fn ids_beyond_the_vocabulary_are_left_out() {
        let tokenizer = tokenizer("bert-tiny");
        assert_eq!(tokenizer.decode(&[u32::MAX], false).unwrap(), "");
        assert_eq!(tokenizer.decode(&[], true).unwrap(), "");
    }
}
