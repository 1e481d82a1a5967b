//! Configuration files that are missing, damaged, or ask for what infa does not do.

use std::fs;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::run::{Ran, embed_with};
use crate::support::{copy, patch};

fn run(dir: &TempDir) -> Ran {
    embed_with(dir.path(), [] as [&str; 0]).stdin("a\n").run()
}

/// bert-tiny with one file changed.
fn with(file: &str, change: impl FnOnce(&mut Json)) -> TempDir {
    let dir = copy("bert-tiny");
    patch(dir.path().join(file), change);
    dir
}

/// bert-tiny with this in place of a file.
fn instead(file: &str, content: impl AsRef<[u8]>) -> TempDir {
    let dir = copy("bert-tiny");
    fs::write(dir.path().join(file), content).unwrap();
    dir
}

#[test]
fn files_that_are_not_json_are_named() {
    let files = [
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "1_Pooling/config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    for file in files {
        for content in ["", "{", "not json", "\u{0}\u{1}", "<html>Sign in</html>"] {
            run(&instead(file, content)).refuses(3, &[file, "hint: "]);
        }
        run(&instead(file, b"\xff\xfe{}")).refuses(3, &[file, "hint: "]);
        run(&instead(file, "[".repeat(200_000))).refuses(3, &[file, "hint: "]);
    }
}

#[test]
fn missing_files_are_named() {
    for file in ["config.json", "tokenizer.json", "1_Pooling/config.json"] {
        let dir = copy("bert-tiny");
        fs::remove_file(dir.path().join(file)).unwrap();
        run(&dir).refuses(3, &[file, "hint: "]);
    }
    // Settings that have defaults.
    for file in ["sentence_bert_config.json", "config_sentence_transformers.json", "tokenizer_config.json"] {
        let dir = copy("bert-tiny");
        fs::remove_file(dir.path().join(file)).unwrap();
        assert_eq!(run(&dir).well().rows().len(), 1, "{file}");
    }
}

#[test]
fn json_of_the_wrong_kind() {
    for content in ["null", "[]", "3", "\"text\""] {
        run(&instead("config.json", content)).refuses(3, &["config.json", "hint: "]);
    }
    let files = ["1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json"];
    for file in files.iter().chain(&["tokenizer_config.json"]) {
        for content in ["null", "[]", "3", "\"text\""] {
            run(&instead(file, content)).refuses(3, &[file, "hint: "]);
        }
    }
    for content in ["null", "{}", "3", "[1]", "[{}]", "[]"] {
        run(&instead("modules.json", content)).refuses(3, &["modules.json", "hint: "]);
    }
}

#[test]
fn an_unknown_architecture_lists_the_known_ones() {
    let dir = with("config.json", |config| config["model_type"] = json!("mamba"));
    run(&dir).refuses(3, &["config.json", "mamba", "supported: albert, bert, ", "--onnx-file"]);
    let dir = with("config.json", |config| drop(config.as_object_mut().unwrap().remove("model_type")));
    run(&dir).refuses(3, &["config.json", "model_type"]);
}

#[test]
fn settings_that_are_not_implemented_are_named() {
    for (key, value) in [
        ("hidden_act", json!("quick_brown_fox")),
        ("position_embedding_type", json!("relative_key")),
        ("is_decoder", json!(true)),
        ("quantization_config", json!("gptq")),
    ] {
        let shown = value.to_string();
        let dir = with("config.json", |config| config[key] = value);
        run(&dir).refuses(3, &["config.json", key, &shown, "not implemented"]);
    }
}

#[test]
fn settings_of_the_wrong_type_or_size() {
    let numbers = [
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
    ];
    for key in numbers {
        for value in [json!(-1), json!(0), json!("48"), json!(7), json!(1u64 << 62), json!(1.5)] {
            let dir = with("config.json", |config| config[key] = value.clone());
            run(&dir).refuses(3, &["hint: "]);
        }
        for value in [json!("48"), json!(1.5), json!([48]), json!({"n": 48}), json!(true)] {
            let dir = with("config.json", |config| config[key] = value.clone());
            run(&dir).refuses(3, &["config.json", &format!("{key}: invalid type"), "hint: "]);
        }
        let dir = with("config.json", |config| config[key] = json!(1u64 << 31));
        run(&dir).refuses(3, &["config.json", key, "2147483648", "out of range", "hint: "]);
    }
}

#[test]
fn numbers_that_no_norm_can_have() {
    for epsilon in [json!(-1e-12), json!(-1), json!(1e30)] {
        let dir = with("config.json", |config| config["layer_norm_eps"] = epsilon);
        run(&dir).refuses(3, &["config.json", "layer_norm_eps = ", "out of range", "hint: "]);
    }
    let dir = with("config.json", |config| config["deep"] = json!({"in": {"it": 1e30}}));
    run(&dir).refuses(3, &["config.json", "it = 1e+30", "out of range"]);
}

/// As the reference has it, which lists them among its warnings.
#[test]
fn layers_that_config_leaves_out_are_named() {
    let dir = with("config.json", |config| config["num_hidden_layers"] = json!(1));
    let reported = ["tensor \"encoder.layer.1.attention.output.LayerNorm.bias\" and ", "config.json", "not used"];
    assert_eq!(run(&dir).status(0).says(&reported).rows().len(), 1);
}

/// As `transformers` has it; here the defaults do not fit the weights.
#[test]
fn settings_that_are_missing_have_their_defaults() {
    for (key, default) in [
        ("vocab_size", "calls for [30522, 48]"),
        ("hidden_size", "calls for [64, 768]"),
        ("num_hidden_layers", "\"encoder.layer.3.attention.self.query.weight\" is missing"),
        ("intermediate_size", "calls for [3072, 48]"),
        ("max_position_embeddings", "calls for [512, 48]"),
    ] {
        let dir = with("config.json", |config| drop(config.as_object_mut().unwrap().remove(key)));
        run(&dir).refuses(3, &["model.safetensors", default, "hint: "]);
        let dir = with("config.json", |config| config[key] = json!(null));
        run(&dir).refuses(3, &["model.safetensors", default, "hint: "]);
    }
}

#[test]
fn modules_that_lead_out_of_the_directory() {
    for path in ["../elsewhere", "/etc", "1_Pooling/../../x"] {
        let dir = with("modules.json", |modules| modules[1]["path"] = json!(path));
        run(&dir).refuses(3, &["modules.json", path, "out of the model's directory"]);
    }
}

#[test]
fn modules_that_are_not_implemented() {
    let dir = with("modules.json", |modules| modules[1]["type"] = json!("sentence_transformers.models.LSTM"));
    run(&dir).refuses(3, &["modules.json", "LSTM", "not implemented"]);
    let dir = with("modules.json", |modules| {
        let dense = json!({"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"});
        modules.as_array_mut().unwrap().push(dense);
    });
    run(&dir).refuses(3, &["3_Dense/config.json", "missing"]);
    // In another order they mean something else.
    let dir = with("modules.json", |modules| modules.as_array_mut().unwrap().swap(1, 2));
    run(&dir).refuses(3, &["modules.json", "comes before Pooling"]);
}

#[test]
fn pooling_that_is_unknown() {
    for mode in [json!("middle"), json!(["mean", "middle"]), json!([]), json!(3), json!([7])] {
        let dir = instead("1_Pooling/config.json", json!({"pooling_mode": mode}).to_string());
        run(&dir).refuses(3, &["1_Pooling/config.json", "pooling"]);
    }
}

#[test]
fn switches_that_are_neither_on_nor_off() {
    for key in ["pooling_mode_cls_token", "pooling_mode_lasttoken", "include_prompt"] {
        for value in [json!("true"), json!(1), json!([true])] {
            let dir = instead("1_Pooling/config.json", json!({key: value}).to_string());
            run(&dir).refuses(3, &["1_Pooling/config.json", &format!("{key} is {value}")]);
        }
    }
    let dir = with("sentence_bert_config.json", |config| config["do_lower_case"] = json!("no"));
    run(&dir).refuses(3, &["sentence_bert_config.json", "do_lower_case is \"no\""]);
}

#[test]
fn prompts_and_lengths_that_make_no_sense() {
    for (key, value) in [
        ("prompts", json!([1])),
        ("prompts", json!({"query": 7})),
        ("default_prompt_name", json!("nope")),
        ("default_prompt_name", json!(1)),
        ("truncate_dim", json!(0)),
        ("truncate_dim", json!(-3)),
    ] {
        let dir = with("config_sentence_transformers.json", |config| config[key] = value);
        run(&dir).refuses(3, &["config_sentence_transformers.json", key]);
    }
    for value in [json!(0), json!(-1), json!("128"), json!(1.5)] {
        let dir = with("sentence_bert_config.json", |config| config["max_seq_length"] = value);
        run(&dir).refuses(3, &["sentence_bert_config.json", "max_seq_length"]);
    }
    let dir = with("sentence_bert_config.json", |config| config["max_seq_length"] = json!(2));
    run(&dir).refuses(3, &["too little"]);
    let dir = with("sentence_bert_config.json", |config| config["max_seq_length"] = json!(1000));
    assert_eq!(run(&dir).status(0).says(&["64 positions"]).rows().len(), 1);
}
