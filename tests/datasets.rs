//! The benchmark's texts: as long as asked for by real tokenizers, and readable by every command.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use infa::parts::bench::dataset::{Dataset, DatasetSpec, LengthHistogram};
use infa::parts::input::{self, Options};
use infa::parts::model::tokenizer::{Hints, TokenizeError, Tokenizer, Truncate};
use support::copy;

/// WordPiece, Unigram and two kinds of BPE, all of vocabularies so small that words are many tokens.
const TOKENIZERS: [(&str, &str); 6] = [
    ("bert-tiny", "bert"),
    ("architectures/mpnet-embed", "mpnet"),
    ("architectures/albert-embed", "albert"),
    ("architectures/xlm-roberta-embed", "xlm-roberta"),
    ("architectures/camembert-embed", "camembert"),
    ("architectures/roberta-embed", "roberta"),
];

fn texts(spec: &str, count: impl FnMut(&str) -> Result<usize, TokenizeError>) -> Vec<String> {
    let DatasetSpec::Made(recipe) = spec.parse().unwrap() else { panic!("{spec}") };
    match recipe.generate(11, count).unwrap() {
        Dataset::Texts(texts) => texts,
        Dataset::Queries(_) => panic!("{spec}"),
    }
}

#[test]
fn texts_have_the_requested_number_of_tokens() {
    for (name, model_type) in TOKENIZERS {
        let dir = copy(name);
        let hints = Hints { model_type: Some(model_type), tokenizer_class: None, lowercase: false };
        let tokenizer = Tokenizer::read(dir.path(), hints).unwrap();
        let count = |text: &str| Ok(tokenizer.encode(text, usize::MAX, Truncate::Right)?.ids.len());
        for tokens in [16, 37, 128, 509] {
            let texts = texts(&format!("fixed:{tokens}x40"), count);
            let lengths: Vec<usize> = texts.iter().map(|text| count(text).unwrap()).collect();
            let exact = lengths.iter().filter(|&&length| length == tokens).count();
            assert!(exact >= 38, "{name}, {tokens} tokens: {lengths:?}");
        }
        let lengths: Vec<usize> =
            texts("lognormal:median=40,min=8,max=200,count=300", count).iter().map(|t| count(t).unwrap()).collect();
        let histogram = LengthHistogram::of(&lengths, Some(200)).unwrap();
        assert!((34..=46).contains(&histogram.median), "{name}: {histogram:?}");
        assert_eq!((histogram.texts, histogram.excess.unwrap().texts), (300, 0), "{name}");
    }
}

#[test]
fn every_file_can_be_read() {
    let file = |name: &str| -> Vec<PathBuf> { vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets").join(name)] };
    for name in ["quickstart.txt", "words.txt", "queries.txt", "passages.txt", "multilingual.jsonl", "code.jsonl"] {
        let records = input::open(&file(name), &Options::default()).unwrap();
        let read = records.map(|record| record.unwrap().content.unwrap()).filter(|text| !text.text.is_empty()).count();
        assert_eq!(read, std::fs::read_to_string(&file(name)[0]).unwrap().lines().count(), "{name}");
    }
    let queries = input::open_queries(&file("rerank.jsonl"), &Options::default()).unwrap();
    let documents = queries.map(|record| record.unwrap().content.unwrap().documents.len());
    assert!(documents.into_iter().all(|documents| documents == 5));
}
