//! tokenizer.json comes from strangers: whatever it holds, the answer is an error and never a crash.

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::run::{Ran, embed_with};
use crate::support::{copy, patch};

/// bert-tiny with parts of its tokenizer replaced, and without the class that would overrule its normaliser.
fn with(parts: Json) -> TempDir {
    let dir = copy("bert-tiny");
    patch(dir.path().join("tokenizer.json"), |tokenizer| {
        for (key, value) in parts.as_object().unwrap() {
            tokenizer[key] = value.clone();
        }
    });
    std::fs::write(dir.path().join("tokenizer_config.json"), "{\"tokenizer_class\":\"PreTrainedTokenizerFast\"}")
        .unwrap();
    dir
}

fn run(parts: Json) -> Ran {
    let dir = with(parts);
    embed_with(dir.path(), [] as [&str; 0]).stdin("hello\n\nwörld ﬁ\n").run()
}

#[track_caller]
fn refused(parts: Json) {
    run(parts).refuses(3, &["tokenizer.json: not a usable tokenizer: ", "hint: "]);
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |chunk: &[u8]| {
        let number = chunk.iter().enumerate().fold(0u32, |n, (i, &b)| n | u32::from(b) << (16 - 8 * i));
        let digit =
            move |i: usize| if i <= chunk.len() { DIGITS[(number >> (18 - 6 * i)) as usize & 63] } else { b'=' };
        [digit(0), digit(1), digit(2), digit(3)].map(char::from)
    };
    bytes.chunks(3).flat_map(digits).collect()
}

/// A normaliser of SentencePiece: a trie of 32-bit units, its size in front.
fn precompiled(size: u32, trie: &[u8]) -> Json {
    let bytes = [&size.to_le_bytes()[..], trie, b"x\0"].concat();
    json!({"normalizer": {"type": "Precompiled", "precompiled_charsmap": base64(&bytes)}})
}

#[test]
fn malformed_normalisers() {
    refused(json!({"normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}}));
    refused(json!({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "?"}}));
    refused(precompiled(0, b""));
    refused(precompiled(16, &[0xff; 16]));
    refused(json!({"normalizer": {"type": "Nothing"}}));
    for pattern in ["(", "[", "(?<", "*", "\\", "(?:a{1000}){1000}{1000}"] {
        refused(json!({"normalizer": {"type": "Replace", "pattern": {"Regex": pattern}, "content": ""}}));
    }
    refused(json!({"normalizer": {"type": "Replace", "pattern": {"Regex": "(".repeat(50_000)}, "content": ""}}));
}

#[test]
fn a_panic_on_one_text_is_that_texts_error() {
    // 128 units: bytes of ASCII stay within them, others lead out.
    let ran = run(precompiled(512, &[0; 512])).status(1).says(&["stdin:3: the tokenizer failed", "1 failed"]);
    let rows = ran.rows();
    assert_eq!(rows.len(), 3);
    assert!(rows[0]["embedding"].is_array() && rows[1]["embedding"].is_array());
    assert!(rows[2]["error"].as_str().unwrap().contains("index out of bounds"), "{}", rows[2]);
}

#[test]
fn pre_tokenizers_that_make_no_sense() {
    refused(json!({"pre_tokenizer": {"type": "FixedLength", "length": 0}}));
    refused(json!({"pre_tokenizer": {"type": "Metaspace", "replacement": "", "prepend_scheme": "always"}}));
    refused(
        json!({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": false}}),
    );
    refused(json!({"pre_tokenizer": 3}));
    let empty = json!({"type": "Split", "pattern": {"Regex": ""}, "behavior": "Isolated", "invert": false});
    run(json!({"pre_tokenizer": empty})).status(0);
}

#[test]
fn templates_that_name_what_is_not_there() {
    let cls = json!({"SpecialToken": {"id": "[CLS]", "type_id": 0}});
    let template = |single: Json, specials: Json| {
        json!({"post_processor":
            {"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": specials}})
    };
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    refused(template(json!([cls, text("A")]), json!({})));
    refused(template(json!([]), json!({})));
    refused(template(json!([text("B")]), json!({})));
    refused(json!({"post_processor": {"type": "BertProcessing", "sep": ["x"], "cls": ["y", -1]}}));
}

#[test]
fn special_tokens_beyond_the_vocabulary_fail_every_row() {
    let processor = json!({"type": "BertProcessing", "sep": ["x", 632], "cls": ["y", 2]});
    let ran = run(json!({"post_processor": processor})).status(1);
    assert_eq!(ran.says(&["token 632 is outside the model's vocabulary of 632", "3 failed"]).rows().len(), 3);
}

#[test]
fn words_beyond_the_vocabulary_fail_their_row() {
    let vocabulary = json!({"[UNK]": 1, "hello": 4_294_967_295u32});
    let model = json!({"type": "WordPiece", "vocab": vocabulary, "unk_token": "[UNK]",
        "continuing_subword_prefix": "##", "max_input_chars_per_word": 100});
    let ran = run(json!({"model": model})).status(1);
    let rows = ran.says(&["stdin:1: token 4294967295 is outside the model's vocabulary"]).rows();
    assert!(rows[1]["embedding"].is_array() && rows[2]["embedding"].is_array(), "{rows:?}");
}

#[test]
fn models_that_are_inconsistent() {
    let unigram =
        |unk: Json, vocabulary: Json| json!({"model": {"type": "Unigram", "unk_id": unk, "vocab": vocabulary}});
    refused(unigram(json!(0), json!([])));
    refused(unigram(json!(7), json!([["a", -1.0]])));
    refused(unigram(json!(0), json!([["a"]])));
    let bpe = |vocabulary: Json, merges: Json| json!({"model": {"type": "BPE", "vocab": vocabulary, "merges": merges}});
    refused(bpe(json!({}), json!([])));
    refused(bpe(json!({"a": 0, "b": 1}), json!(["ab"])));
    refused(bpe(json!({"a": 0, "b": 1}), json!(["a c"])));
    refused(bpe(json!({"a": 0, "b": 1}), json!(["a b"])));
    refused(bpe(json!({"a": -1}), json!([])));
    refused(json!({"model": {"type": "WordPiece", "vocab": {}, "unk_token": "", "continuing_subword_prefix": "",
        "max_input_chars_per_word": 0}}));
    refused(json!({"model": null}));
    refused(json!({"model": {"type": "WordPiece"}}));
    refused(json!({"version": "99"}));
}

#[test]
fn words_without_an_unknown_token_fail_their_row() {
    for model in [
        json!({"type": "Unigram", "unk_id": null, "vocab": [["a", -1.0]]}),
        json!({"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "<unk>"}),
        json!({"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "[UNK]"}),
    ] {
        let ran = run(json!({"model": model})).status(1).says(&["stdin:1: the tokenizer failed: ", "2 failed"]);
        assert!(ran.rows()[1]["embedding"].is_array());
    }
}

#[test]
fn lengths_and_padding_saved_in_the_file_do_not_count() {
    let plain = run(json!({})).well();
    let ran = run(json!({
        "truncation": {"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 50},
        "padding": {"strategy": {"Fixed": 1_000_000_000u32}, "direction": "Left", "pad_to_multiple_of": 0,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "x"}
    }));
    assert_eq!(ran.well().text(), plain.text());
}

#[test]
fn added_tokens_that_clash() {
    let added = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": true, "rstrip": true,
            "normalized": true, "special": true})
    };
    let ran = run(json!({"added_tokens": [added(0, ""), added(5, "h"), added(5, "h"), added(u32::MAX, "w")]}));
    assert!(ran.status == 0 || ran.status == 1 || ran.status == 3, "{}", ran.err);
}

#[test]
fn texts_that_would_grow_beyond_all_memory() {
    let replace = |times: usize| json!({"type": "Replace", "pattern": {"String": "a"}, "content": "a".repeat(times)});
    let regex = json!({"type": "Replace", "pattern": {"Regex": ""}, "content": "ab"});
    for normalizers in [vec![replace(100); 5], vec![regex; 40], vec![json!({"type": "ByteLevel"}); 60]] {
        refused(json!({"normalizer": {"type": "Sequence", "normalizers": normalizers}}));
    }
    refused(json!({"normalizer": {"type": "Prepend", "prepend": "a".repeat(100_000)}}));
    refused(json!({"decoder": {"type": "Sequence", "decoders": vec![replace(100); 5]}}));
    // What real tokenizers do is none of these.
    run(json!({"normalizer": {"type": "Sequence", "normalizers": vec![replace(3); 2]}})).status(0);
}

#[test]
fn more_special_tokens_than_any_model_has() {
    let special = json!({"SpecialToken": {"id": "[CLS]", "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let many: Vec<Json> = std::iter::repeat_n(special, 1000).chain([text]).collect();
    refused(json!({"post_processor": {
        "type": "TemplateProcessing", "single": many, "pair": many,
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}},
    }}));
}
