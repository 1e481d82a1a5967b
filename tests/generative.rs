//! Language models that rerank: their questions and answers equal those of sentence-transformers' CrossEncoder.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use infa::parts::fetch::Context;
use infa::parts::graph::{Answer, Output, Request};
use infa::parts::model::cache::HubEnv;
use infa::parts::model::generative::{AnswerTokens, PairPrompt};
use infa::parts::model::tokenizer::Truncate;
use infa::parts::model::{Model, ModelError};
use serde_json::{Value as Json, json as value};
use support::*;

/// Words of the fixture's tokenizer that its template ends with.
const MAX_LENGTH: usize = 150;

fn model(dir: &Path) -> Model {
    let source = request(dir.to_str().unwrap()).resolve(HubEnv::from_env(), &Context::silent()).unwrap();
    Model::read(source).unwrap()
}

/// Asks about every pair of `list`: the same tokens as the reference, and the same answer.
fn check(dir: &Path, list: &str, instruction: Option<&str>) {
    let expected = json(fixture("architectures/qwen3-reranker/expected.json"));
    let model = model(dir);
    let AnswerTokens { yes, no } = AnswerTokens::of(&model).unwrap().unwrap();
    let prompt = PairPrompt::of(&model, instruction.map(str::to_owned)).unwrap();
    let mut graph = GraphRunner::new(dir, Request::of(Output::Answer(Answer { yes, no })));
    let cases = expected[list].as_array().unwrap();
    assert!(cases.len() > 5);
    for case in cases {
        let (query, document) = (case["query"].as_str().unwrap(), case["document"].as_str().unwrap());
        let tokens = match &prompt {
            Some(prompt) => prompt.encode(&model.tokenizer, query, document, MAX_LENGTH, Truncate::Right),
            None => model.tokenizer.encode_pair(query, document, MAX_LENGTH, Truncate::Right),
        };
        let (tokens, what) = (tokens.unwrap(), format!("{list}, {}", case["name"]));
        assert_eq!(value!(tokens.ids), case["ids"], "{what}");
        assert_eq!(value!(tokens.truncated), case["truncated"], "{what}");
        let difference = max_difference(&graph.run(&tokens.ids, None), &floats(&case["logits"]));
        assert!(difference <= 1e-4, "{what}: {difference:e}");
    }
}

fn without(files: &[&str]) -> tempfile::TempDir {
    let dir = copy("architectures/qwen3-reranker");
    files.iter().for_each(|file| std::fs::remove_file(dir.path().join(file)).unwrap());
    dir
}

const MODULES: [&str; 3] = ["modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"];

#[test]
fn as_its_modules_say() {
    check(&fixture("architectures/qwen3-reranker"), "pairs", None);
}

#[test]
fn an_instruction_is_the_systems_message() {
    let expected = json(fixture("architectures/qwen3-reranker/expected.json"));
    check(&fixture("architectures/qwen3-reranker"), "prompted", expected["prompts"]["short"].as_str());
}

#[test]
fn one_token_is_enough() {
    let dir = copy("architectures/qwen3-reranker");
    patch(dir.path().join("1_LogitScore/config.json"), |config| config["false_token_id"] = Json::Null);
    check(dir.path(), "one_token", None);
}

#[test]
fn without_modules_by_the_words_yes_and_no() {
    check(without(&MODULES).path(), "raw", None);
}

#[test]
fn without_a_template_pairs_are_tokenised_as_they_are() {
    let dir = without(&[MODULES[0], MODULES[1], MODULES[2], "chat_template.jinja"]);
    patch(dir.path().join("tokenizer_config.json"), |config| config["chat_template"] = Json::Null);
    check(dir.path(), "no_template", None);
}

#[test]
fn a_head_of_its_own_goes_before_the_word_embeddings() {
    // Untied, there is none in this file: the tensor is named.
    let dir = copy("architectures/qwen3-reranker");
    patch(dir.path().join("config.json"), |config| config["tie_word_embeddings"] = value!(false));
    let weights = infa::parts::model::weights::Weights::open(&dir.path().join("model.safetensors")).unwrap();
    let request = Request::of(Output::Answer(Answer { yes: 3, no: None }));
    let error = infa::parts::graph::build(&json(dir.path().join("config.json")), &weights, &request).err().unwrap();
    assert!(error.to_string().contains("lm_head.weight"), "{error}");
    let request = Request::of(Output::Answer(Answer { yes: 999_999, no: None }));
    let error = infa::parts::graph::build(&json(dir.path().join("config.json")), &weights, &request).err().unwrap();
    assert!(error.to_string().contains("token 999999"), "{error}");
}

#[test]
fn the_end_of_a_question_survives_whichever_end_goes() {
    let model = model(&fixture("architectures/qwen3-reranker"));
    let prompt = PairPrompt::of(&model, None).unwrap().unwrap();
    let encode = |length, truncate| prompt.encode(&model.tokenizer, "q", &"long ".repeat(900), length, truncate);
    let (right, left) = (encode(60, Truncate::Right).unwrap(), encode(60, Truncate::Left).unwrap());
    assert_eq!((right.ids.len(), left.ids.len()), (60, 60));
    assert_eq!(right.ids[50..], left.ids[50..]);
    assert!(encode(60, Truncate::None).unwrap_err().to_string().contains("60"));
    // Less room than the template's own ending takes.
    assert_eq!(encode(3, Truncate::Right).unwrap().ids, right.ids[57..]);
}

/// A model of this name whose template is made for chats.
fn chat_model(name: &str) -> Result<Option<PairPrompt>, ModelError> {
    let parent = tempfile::tempdir().unwrap();
    let dir = without(&MODULES);
    std::fs::write(
        dir.path().join("chat_template.jinja"),
        "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}",
    )
    .unwrap();
    let named = parent.path().join(name);
    std::fs::rename(dir.path(), &named).unwrap();
    PairPrompt::of(&model(&named), None)
}

#[test]
fn a_template_without_a_place_for_the_pair() {
    let error = chat_model("Qwen3-0.6B").unwrap_err().to_string();
    assert!(error.contains("no place for a message of the role \"query\""), "{error}");
    // The first Qwen3-Reranker had its template on the model's card.
    let prompt = chat_model("Qwen3-Reranker-0.6B").unwrap().unwrap();
    let model = model(&fixture("architectures/qwen3-reranker"));
    let tokens = prompt.encode(&model.tokenizer, "is it?", "it is", 1000, Truncate::Right).unwrap();
    let text = concat!(
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct ",
        "provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n",
        "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n",
        "<Query>: is it?\n<Document>: it is<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    );
    assert_eq!(tokens, model.tokenizer.encode_bare(text, 1000, Truncate::Right).unwrap());
}

#[test]
fn other_models_are_no_language_models() {
    let answer = |dir: &Path| AnswerTokens::of(&model(dir)).unwrap();
    assert_eq!(answer(&fixture("architectures/qwen3-seqcls")), None);
    assert_eq!(answer(&fixture("architectures/qwen3-embedding")), None);
    assert!(PairPrompt::of(&model(&fixture("architectures/qwen3-seqcls")), None).unwrap().is_none());
    // Its chat template is of no use to a model with modules that do not speak of messages.
    assert!(PairPrompt::of(&model(&fixture("architectures/qwen3-embedding")), None).unwrap().is_none());
}

#[test]
fn what_is_not_implemented_is_named() {
    for key in ["max_length", "chat_template", "restore_suffix"] {
        let dir = copy("architectures/qwen3-reranker");
        patch(dir.path().join("sentence_bert_config.json"), |config| {
            config["processing_kwargs"]["chat_template"][key] = value!(false);
        });
        let error = PairPrompt::of(&model(dir.path()), None).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains("sentence_bert_config.json"), "{error}");
    }
}
