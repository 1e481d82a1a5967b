//! Long texts give exactly the tokens that they give when all of them is read.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use tokenizers::{TruncationParams, truncate_encodings};

use super::super::{Prompted, TokenizeError};
use super::*;
use crate::model::Model;
use crate::model::hub::source::{Source, WeightsFile};

/// Every fixture with a tokenizer, by its directory.
fn tokenizers() -> Vec<(PathBuf, Tokenizer)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut dirs: Vec<PathBuf> = ["", "architectures"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(fixtures.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|dir| dir.join("tokenizer.json").is_file() && dir.join("config.json").is_file())
        .collect();
    dirs.sort();
    let read = |dir: PathBuf| {
        let weights = WeightsFile::Safetensors(dir.join("model.safetensors"));
        let model = Model::read(Source { name: "fixture".into(), dir: dir.clone(), weights }).ok()?;
        Some((dir, model.tokenizer))
    };
    dirs.into_iter().filter_map(read).collect()
}

/// A piece of test text: of kinds with many tokens, few, or none.
fn stretch(random: &mut fastrand::Rng) -> String {
    const ALPHABETS: [&str; 14] = [
        "the cat sat on a mat, and then it ran away. ",
        " ",
        " \t\n\r\u{a0}\u{3000}\u{2003}",
        "a",
        "0123456789abcdef",
        "éñüàöß",
        "привет мир",
        "你好世界今天天气",
        "\u{301}\u{308}",
        "a\u{301}",
        "🎉🚀👍",
        "\u{200b}\u{feff}\0\u{fffd}",
        "!?.,;",
        "نص عربي ",
    ];
    const WHOLE: [&str; 7] = ["[SEP]", "</s>", "<mask>", "[unused1]", "<|endoftext|>", " [MASK] ", "  "];
    if random.u8(..6) == 0 {
        return WHOLE[random.usize(..WHOLE.len())].to_owned();
    }
    let alphabet: Vec<char> = ALPHABETS[random.usize(..ALPHABETS.len())].chars().collect();
    let length = 12_000f64.powf(random.f64()) as usize;
    match random.bool() {
        // In order: sentences, and runs.
        true => alphabet.iter().cycle().take(length).collect(),
        false => (0..length).map(|_| alphabet[random.usize(..alphabet.len())]).collect(),
    }
}

fn text(random: &mut fastrand::Rng) -> String {
    (0..random.usize(1..10)).map(|_| stretch(random)).collect()
}

fn whole(tokenizer: &Tokenizer, text: &str) -> Vec<i64> {
    tokenizer.raw(text).unwrap().get_ids().iter().map(|&id| i64::from(id)).collect()
}

fn kept_of(ids: &[i64], keep: usize, truncate: Truncate) -> &[i64] {
    match truncate {
        Truncate::Left => &ids[ids.len() - keep.min(ids.len())..],
        _ => &ids[..keep.min(ids.len())],
    }
}

#[test]
fn a_long_text_has_the_tokens_that_it_has_when_all_of_it_is_read() {
    let mut long = 0;
    for (dir, tokenizer) in tokenizers() {
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..12 {
            let (prompt, text) = (if random.bool() { text(&mut random) } else { String::new() }, text(&mut random));
            let room = [1, 7, 30, 200][round % 4];
            let all = whole(&tokenizer, &format!("{prompt}{text}"));
            for truncate in [Truncate::Right, Truncate::Left, Truncate::None] {
                let input = Prompted { prompt: &prompt, text: &text };
                let got = tokenizer.encode(input, room + tokenizer.specials(), truncate);
                if truncate == Truncate::None && all.len() > room {
                    assert!(matches!(got, Err(TokenizeError::TooLong { .. })), "{}", dir.display());
                    continue;
                }
                let got = got.unwrap();
                let body = &got.ids[tokenizer.prefix.len()..got.ids.len() - tokenizer.suffix.len()];
                let expected = kept_of(&all, room, truncate);
                assert_eq!(body, expected, "{} {truncate:?} {room} {prompt:?} {text:?}", dir.display());
                assert_eq!(got.truncated, all.len() > room, "{}", dir.display());
                long += usize::from(prompt.len() + text.len() > 10_000);
            }
        }
    }
    assert!(long > 500, "{long}");
}

#[test]
fn a_pair_of_long_texts_is_cut_as_when_all_of_them_is_read() {
    for (dir, tokenizer) in tokenizers() {
        let mut random = fastrand::Rng::with_seed(3);
        // The special tokens around and between the two.
        let template = tokenizer.encode_pair("a", "b", 1000, Truncate::Right).unwrap().ids;
        let (a, b) = (whole(&tokenizer, "a"), whole(&tokenizer, "b"));
        let at = |part: &[i64], from: usize| {
            from + template[from..].windows(part.len()).position(|window| window == part).unwrap()
        };
        let first = at(&a, 0);
        let second = at(&b, first + a.len());
        for round in 0..8 {
            let (first_text, second_text) = (text(&mut random), text(&mut random));
            let room = [5, 30, 201, 64][round % 4];
            let (all_a, all_b) = (whole(&tokenizer, &first_text), whole(&tokenizer, &second_text));
            for truncate in [Truncate::Right, Truncate::Left] {
                let max = room + tokenizer.pair_specials();
                let got = tokenizer.encode_pair(&first_text, &second_text, max, truncate).unwrap();
                let direction = match truncate {
                    Truncate::Left => TruncationDirection::Left,
                    _ => TruncationDirection::Right,
                };
                let params = TruncationParams { max_length: room, direction, ..TruncationParams::default() };
                let (a_kept, b_kept) = truncate_encodings(
                    tokenizer.raw(&first_text).unwrap(),
                    Some(tokenizer.raw(&second_text).unwrap()),
                    &params,
                )
                .unwrap();
                let (keep_a, keep_b) = (a_kept.len(), b_kept.unwrap().len());
                let expected = [
                    &template[..first],
                    kept_of(&all_a, keep_a, truncate),
                    &template[first + a.len()..second],
                    kept_of(&all_b, keep_b, truncate),
                    &template[second + b.len()..],
                ]
                .concat();
                assert_eq!(got.ids, expected, "{} {truncate:?} {room} {first_text:?} {second_text:?}", dir.display());
                assert_eq!(got.truncated, all_a.len() + all_b.len() > room);
            }
        }
    }
}

#[test]
fn megabytes_without_tokens_are_read_to_their_end() {
    for name in ["bert-tiny", "architectures/xlm-roberta-embed", "architectures/roberta-embed"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let weights = WeightsFile::Safetensors(dir.join("model.safetensors"));
        let tokenizer = Model::read(Source { name: name.into(), dir, weights }).unwrap().tokenizer;
        for (run, end) in [(" ", "hello"), ("\u{3000}", "hello"), ("a", " hello"), ("🎉", " hello")] {
            let (few, many) = (run.repeat(1000) + end, run.repeat(3 << 20) + end);
            let (few, many) = (tokenizer.encode(&few, 40, Truncate::Left), tokenizer.encode(&many, 40, Truncate::Left));
            assert_eq!(few.unwrap().ids, many.unwrap().ids, "{name} {run:?}");
        }
    }
}

#[test]
fn a_text_of_few_tokens_that_cannot_be_shortened_has_a_limit() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/architectures/xlm-roberta-embed");
    let weights = WeightsFile::Safetensors(dir.join("model.safetensors"));
    let tokenizer = Model::read(Source { name: "x".into(), dir, weights }).unwrap().tokenizer;
    let mut random = fastrand::Rng::with_seed(1);
    // Unknown characters; a run of them is one token.
    let unknown: String = (0..2 << 20).filter_map(|_| char::from_u32(random.u32(0x10000..0x1005D))).collect();
    let tokens = tokenizer.encode(&unknown, 40, Truncate::Right);
    assert!(matches!(tokens, Err(TokenizeError::TooManyBytes { .. })), "{tokens:?}");
}
