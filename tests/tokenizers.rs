//! Token ids equal those of `transformers`, whose tokenizer classes build themselves anew from a vocabulary.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use infa::parts::model::tokenizer::{Hints, Tokenizer, Truncate};
use serde_json::{Value as Json, json as value};
use support::*;
use tempfile::TempDir;

fn read(dir: &TempDir, model_type: &str) -> Tokenizer {
    let hints = Hints { model_type: Some(model_type), tokenizer_class: None, lowercase: false };
    Tokenizer::read(dir.path(), hints).unwrap()
}

fn ids(case: &Json) -> Vec<i64> {
    case["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

/// All cases of a fixture: single texts and pairs.
fn check(tokenizer: &Tokenizer, expected: &Json) {
    let limit = expected["max_seq_length"].as_u64().unwrap() as usize;
    let mut checked = 0;
    for list in ["cases", "pairs", "classify", "sparse"] {
        for case in expected[list].as_array().into_iter().flatten() {
            let tokens = match case["query"].as_str() {
                Some(query) => tokenizer.encode_pair(query, case["document"].as_str().unwrap(), limit, Truncate::Right),
                None => tokenizer.encode(case["text"].as_str().unwrap(), limit, Truncate::Right),
            };
            let tokens = tokens.unwrap();
            assert_eq!(tokens.ids, ids(case), "{} {}", expected["model"], case["name"]);
            let types: Vec<i64> = case["types"].as_array().into_iter().flatten().map(|t| t.as_i64().unwrap()).collect();
            let types = if types.iter().all(|&t| t == 0) { Vec::new() } else { types };
            assert_eq!(tokens.types, types, "{} {}", expected["model"], case["name"]);
            checked += 1;
        }
    }
    assert!(checked > 0);
}

#[test]
fn every_class() {
    let models = [
        ("roberta-embed", "roberta"),
        ("roberta-rerank", "roberta"),
        ("xlm-roberta-embed", "xlm-roberta"),
        ("xlm-roberta-rerank", "xlm-roberta"),
        ("camembert-embed", "camembert"),
        ("camembert-rerank", "camembert"),
        ("distilbert-embed", "distilbert"),
        ("distilbert-rerank", "distilbert"),
        ("mpnet-embed", "mpnet"),
        ("mpnet-rerank", "mpnet"),
        ("electra-rerank", "electra"),
        ("albert-embed", "albert"),
        ("albert-rerank", "albert"),
        ("bert-splade", "bert"),
    ];
    for (name, model_type) in models {
        let dir = copy(&format!("architectures/{name}"));
        check(&read(&dir, model_type), &json(dir.path().join("expected.json")));
    }
}

/// Repositories from before tokenizer.json: the class builds the same tokenizer from the vocabulary alone.
#[test]
fn vocabulary_files_in_place_of_tokenizer_json() {
    for (name, model_type) in [
        ("distilbert-rerank", "distilbert"),
        ("electra-rerank", "electra"),
        ("bert-splade", "bert"),
        ("mpnet-embed", "mpnet"),
        ("roberta-embed", "roberta"),
        ("roberta-rerank", "roberta"),
    ] {
        let dir = copy(&format!("architectures/{name}"));
        split(&dir);
        check(&read(&dir, model_type), &json(dir.path().join("expected.json")));
    }
}

/// Replaces tokenizer.json by the older files of the vocabulary.
fn split(dir: &TempDir) {
    let file = |name: &str| dir.path().join(name);
    let whole = json(file("tokenizer.json"));
    let mut vocabulary: Vec<(&str, u64)> =
        whole["model"]["vocab"].as_object().unwrap().iter().map(|(t, id)| (t.as_str(), id.as_u64().unwrap())).collect();
    vocabulary.sort_by_key(|&(_, id)| id);
    if let Some(merges) = whole["model"]["merges"].as_array() {
        let line = |merge: &Json| match merge.as_array() {
            Some(pair) => format!("{} {}\n", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()),
            None => format!("{}\n", merge.as_str().unwrap()),
        };
        let lines: String = merges.iter().map(line).collect();
        fs::write(file("merges.txt"), format!("#version: 0.2\n{lines}")).unwrap();
        let vocabulary: serde_json::Map<String, Json> =
            vocabulary.into_iter().map(|(token, id)| (token.to_owned(), id.into())).collect();
        fs::write(file("vocab.json"), Json::Object(vocabulary).to_string()).unwrap();
    } else {
        let lines: String = vocabulary.iter().map(|(token, _)| format!("{token}\n")).collect();
        fs::write(file("vocab.txt"), lines).unwrap();
    }
    fs::remove_file(file("tokenizer.json")).unwrap();
}

#[test]
fn tokens_added_beside_a_vocabulary_file() {
    let dir = copy("architectures/bert-rerank");
    split(&dir);
    fs::write(dir.path().join("added_tokens.json"), r#"{"<new>": 632}"#).unwrap();
    let tokens = read(&dir, "bert").encode("a <new>b", 9, Truncate::Right).unwrap();
    assert_eq!(tokens.ids[2], 632, "{:?}", tokens.ids);
}

/// A vocabulary is not enough for a class that takes tokenizer.json as it is.
#[test]
fn a_vocabulary_file_that_does_not_do() {
    let dir = copy("architectures/bert-rerank");
    split(&dir);
    let hints = Hints { model_type: Some("modernbert"), tokenizer_class: None, lowercase: false };
    let error = Tokenizer::read(dir.path(), hints).err().unwrap().to_string();
    assert!(error.contains("there is no tokenizer.json"), "{error}");
}

/// Where tokenizer_config.json does not name the class, the model's type does.
#[test]
fn the_class_of_the_model_type() {
    for (name, model_type) in [
        ("roberta-embed", "roberta"),
        ("xlm-roberta-embed", "xlm-roberta"),
        ("camembert-embed", "camembert"),
        ("mpnet-embed", "mpnet"),
        ("albert-embed", "albert"),
    ] {
        let dir = copy(&format!("architectures/{name}"));
        patch(dir.path().join("tokenizer_config.json"), |config| {
            config.as_object_mut().unwrap().remove("tokenizer_class");
        });
        check(&read(&dir, model_type), &json(dir.path().join("expected.json")));
    }
}

/// `PreTrainedTokenizerFast` takes the file as it is: here one without the splitting at white space.
#[test]
fn a_class_that_takes_the_file_as_it_is() {
    let dir = copy("architectures/xlm-roberta-embed");
    let encode = |dir: &TempDir| read(dir, "xlm-roberta").encode("trailing \n ", 64, Truncate::Right).unwrap().ids;
    let rebuilt = encode(&dir);
    patch(dir.path().join("tokenizer_config.json"), |config| {
        config["tokenizer_class"] = value!("PreTrainedTokenizerFast");
    });
    assert!(encode(&dir).len() > rebuilt.len());
}

/// Tokens that only tokenizer_config.json or special_tokens_map.json knows are found in texts, under the next free id.
#[test]
fn tokens_beyond_the_vocabulary() {
    let dir = copy("architectures/roberta-embed");
    let encode = |dir: &TempDir| read(dir, "roberta").encode("a<extra>b", 64, Truncate::Right).unwrap().ids;
    let plain = encode(&dir);
    std::fs::write(dir.path().join("special_tokens_map.json"), r#"{"additional_special_tokens": ["<extra>"]}"#)
        .unwrap();
    let with_map = encode(&dir);
    assert!(with_map.len() < plain.len());
    assert_eq!(with_map[2], 400);
    // Beside added_tokens_decoder the map does not count.
    patch(dir.path().join("tokenizer_config.json"), |config| {
        config["added_tokens_decoder"] = value!({ "4": { "content": "<mask>", "lstrip": true, "special": true } });
    });
    assert_eq!(encode(&dir), plain);
    patch(dir.path().join("tokenizer_config.json"), |config| {
        config["added_tokens_decoder"]["500"] = value!({ "content": "<extra>", "special": true });
    });
    assert_eq!(encode(&dir), with_map);
}

/// A vocabulary of another kind than the class needs is an error that says so.
#[test]
fn a_vocabulary_without_scores() {
    let dir = copy("architectures/roberta-embed");
    patch(dir.path().join("tokenizer_config.json"), |config| config["tokenizer_class"] = value!("XLMRobertaTokenizer"));
    let hints = Hints { model_type: Some("roberta"), tokenizer_class: None, lowercase: false };
    let error = Tokenizer::read(dir.path(), hints).err().unwrap().to_string();
    assert!(error.contains("no scores"), "{error}");
}

/// Decoders' classes, too, take the vocabulary alone; but for Llama's where the file works on bytes.
#[test]
fn classes_of_decoders() {
    let dir = copy("architectures/qwen3-embedding");
    let digits = |dir: &TempDir| read(dir, "qwen3").encode("1234 don't", 64, Truncate::Right).unwrap().ids;
    let expected = digits(&dir);
    patch(dir.path().join("tokenizer.json"), |file| {
        file["normalizer"] = Json::Null;
        file["pre_tokenizer"] = value!({ "type": "WhitespaceSplit" });
    });
    assert_eq!(digits(&dir), expected);
    for (class, as_saved) in
        [("PreTrainedTokenizerFast", true), ("LlamaTokenizer", true), ("Qwen2TokenizerFast", false)]
    {
        patch(dir.path().join("tokenizer_config.json"), |config| config["tokenizer_class"] = value!(class));
        assert_eq!(digits(&dir) != expected, as_saved, "{class}");
    }
}
