//! Every architecture equals the reference: tiny models with random weights under `fixtures/architectures`, each with
//! the answers of `transformers` and `sentence-transformers` beside it.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use infa::parts::engine::{Engine, Input, OutputKind, Role, TextOptions};
use infa::parts::graph::{Answer, Lexical, Operators, Output, Request, Rows};
use infa::parts::kernels::{NAMES, Set};
use serde_json::Value as Json;
use support::*;

const UNIT: f32 = 1e-5;
const LOGITS: f32 = 1e-4;

/// One test a fixture, by the name of its directory; and one that no directory is forgotten.
macro_rules! fixtures {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            check_fixture($name);
        })*

        #[test]
        fn every_directory_is_tested() {
            let entries = std::fs::read_dir(fixture("architectures")).unwrap().map(|entry| entry.unwrap().path());
            let mut there: Vec<_> = entries
                .filter(|path| path.join("expected.json").is_file())
                .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
                .collect();
            there.sort();
            let mut tested = vec![$($name.to_owned()),*];
            tested.sort();
            assert_eq!(there, tested);
        }
    };
}

fixtures! {
    albert_embed: "albert-embed",
    albert_rerank: "albert-rerank",
    bert_classify: "bert-classify",
    bert_nli: "bert-nli",
    bert_rerank: "bert-rerank",
    bert_rerank_modules: "bert-rerank-modules",
    bert_splade: "bert-splade",
    camembert_embed: "camembert-embed",
    camembert_rerank: "camembert-rerank",
    colbert_modern: "colbert-modern",
    colbert_native: "colbert-native",
    colbert_pylate: "colbert-pylate",
    colbert_stanford: "colbert-stanford",
    deberta_v2_absolute: "deberta-v2-absolute",
    deberta_v2_embed: "deberta-v2-embed",
    deberta_v2_mlm: "deberta-v2-mlm",
    deberta_v3_embed: "deberta-v3-embed",
    deberta_v3_mlm: "deberta-v3-mlm",
    deberta_v3_rerank: "deberta-v3-rerank",
    deberta_v3_rerank_long: "deberta-v3-rerank-long",
    distilbert_classify: "distilbert-classify",
    distilbert_embed: "distilbert-embed",
    distilbert_rerank: "distilbert-rerank",
    distilbert_splade: "distilbert-splade",
    electra_embed: "electra-embed",
    electra_rerank: "electra-rerank",
    eurobert_classify: "eurobert-classify",
    eurobert_cross: "eurobert-cross",
    eurobert_cross_bos: "eurobert-cross-bos",
    eurobert_embed: "eurobert-embed",
    eurobert_splade: "eurobert-splade",
    gemma3_embedding: "gemma3-embedding",
    gte_absolute: "gte-absolute",
    gte_en: "gte-en",
    gte_multilingual: "gte-multilingual",
    gte_native: "gte-native",
    gte_native_cross: "gte-native-cross",
    gte_native_mlm: "gte-native-mlm",
    gte_reranker: "gte-reranker",
    gte_rms: "gte-rms",
    gte_splade: "gte-splade",
    jina_reranker: "jina-reranker",
    jina_reranker_v2: "jina-reranker-v2",
    jina_v2: "jina-v2",
    jina_v2_code: "jina-v2-code",
    jina_v2_code_relu: "jina-v2-code-relu",
    jina_v2_original: "jina-v2-original",
    jina_v2_plain: "jina-v2-plain",
    jina_v3: "jina-v3",
    jina_v3_lora: "jina-v3-lora",
    jina_v3_packed: "jina-v3-packed",
    llama_embedding: "llama-embedding",
    llama_seqcls: "llama-seqcls",
    m3_bert: "m3-bert",
    m3_xlm_roberta: "m3-xlm-roberta",
    mistral_e5: "mistral-e5",
    modernbert_embed: "modernbert-embed",
    modernbert_embed_new: "modernbert-embed-new",
    modernbert_mlm: "modernbert-mlm",
    modernbert_mlm_untied: "modernbert-mlm-untied",
    modernbert_rerank: "modernbert-rerank",
    modernbert_rerank_mean: "modernbert-rerank-mean",
    mpnet_embed: "mpnet-embed",
    mpnet_rerank: "mpnet-rerank",
    nomic_absolute: "nomic-absolute",
    nomic_classifier: "nomic-classifier",
    nomic_native: "nomic-native",
    nomic_native_dynamic: "nomic-native-dynamic",
    nomic_partial: "nomic-partial",
    nomic_v1_dynamic: "nomic-v1-dynamic",
    nomic_v1_5: "nomic-v1.5",
    qwen2_gte: "qwen2-gte",
    qwen3_embedding: "qwen3-embedding",
    qwen3_reranker: "qwen3-reranker",
    qwen3_seqcls: "qwen3-seqcls",
    roberta_embed: "roberta-embed",
    roberta_rerank: "roberta-rerank",
    roberta_splade: "roberta-splade",
    splade_max: "splade-max",
    splade_plain: "splade-plain",
    splade_sum: "splade-sum",
    xlm_roberta_embed: "xlm-roberta-embed",
    xlm_roberta_rerank: "xlm-roberta-rerank",
}

/// Whatever lists `expected.json` has: embeddings through the engine, heads through the graph, and all graphs in
/// standard operators, too.
fn check_fixture(name: &str) {
    let dir = fixture(&format!("architectures/{name}"));
    let expected = json(dir.join("expected.json"));
    let list = |key: &str| expected.get(key).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let lists = ["cases", "prompted", "pairs", "classify", "sparse", "multi"];
    assert!(lists.iter().any(|key| !list(key).is_empty()), "{name}: no cases");

    if !list("cases").is_empty() {
        let cases = cases(&expected["cases"], |case| case.get("embedding"));
        let largest = cases.iter().flat_map(|case| &case.embedding).fold(1f32, |m, x| m.max(x.abs()));
        check_all_ways(name, engine(&dir, &text_options()), &cases, UNIT * largest);
        let mut whole = GraphRunner::new(&dir, Request::of(Output::Hidden(Rows::All)));
        for rows in [Rows::All, Rows::First, Rows::Last] {
            let mut own = GraphRunner::new(&dir, Request::of(Output::Hidden(rows)));
            let standard = Request { operators: Operators::Standard, ..Request::of(Output::Hidden(rows)) };
            let mut standard = GraphRunner::new(&dir, standard);
            for case in list("cases") {
                let (a, b) = (own.run(&ids(case, "ids"), None), standard.run(&ids(case, "ids"), None));
                let difference = max_difference(&a, &b) / a.iter().fold(1f32, |m, x| m.max(x.abs()));
                assert!(difference <= UNIT, "{name}, {}, {rows:?}: standard operators: {difference:e}", case["name"]);
                let whole = whole.run(&ids(case, "ids"), None);
                let row = if rows == Rows::Last { &whole[whole.len() - a.len()..] } else { &whole[..a.len()] };
                let difference = max_difference(&a, row) / a.iter().fold(1f32, |m, x| m.max(x.abs()));
                assert!(difference <= UNIT, "{name}, {}, {rows:?} alone: {difference:e}", case["name"]);
            }
        }
    }
    if !list("cases").is_empty() {
        check_packed(name, &dir, list("cases"));
    }
    check_variants(name, &dir);
    let generative = expected.get("true_token_id");
    if !list("pairs").is_empty() || !list("classify").is_empty() {
        let engine = engine_for(OutputKind::Logits, &dir);
        let cases: Vec<&Json> = list("pairs").iter().chain(list("classify")).collect();
        let inputs: Vec<Input> = cases.iter().map(|case| input(case)).collect();
        let together = engine.predict(&inputs);
        for (case, result) in cases.iter().zip(together) {
            for result in [result, engine.predict(&[input(case)]).pop().unwrap()] {
                let result = result.unwrap_or_else(|e| panic!("{name}, {}: {e}", case["name"]));
                let difference = max_difference(&result.logits, &floats(&case["logits"]));
                assert!(difference <= LOGITS, "{name}, {}: {difference:e}", case["name"]);
                assert_eq!(result.tokens, ids(case, "ids").len(), "{name}, {}: tokens", case["name"]);
                if let Some(truncated) = case["truncated"].as_bool() {
                    assert_eq!(result.truncated, truncated, "{name}, {}: truncated", case["name"]);
                }
            }
        }
    }
    let prompted = if generative.is_none() { list("prompted") } else { &[] };
    let prompts: BTreeSet<&str> = prompted.iter().map(|case| case["prompt_name"].as_str().unwrap()).collect();
    for prompt in prompts {
        let cases = cases(&expected["prompted"], |case| (case["prompt_name"] == prompt).then(|| &case["embedding"]));
        let options = TextOptions { prompt_name: Some(prompt.into()), ..text_options() };
        check_all_ways(&format!("{name} {prompt}"), engine(&dir, &options), &cases, UNIT);
    }
    if !list("sparse").is_empty() {
        check_sparse(name, &expected, list("sparse"));
    }
    if !list("multi").is_empty() {
        check_token_vectors(name, list("multi"), list("scores"));
    }
    let ways = [(Operators::OnnxRuntime, None), (Operators::Standard, None), (Operators::OnnxRuntime, Set::best())];
    for (operators, kernels) in ways {
        let mut heads = vec![("pairs", Output::Logits), ("classify", Output::Logits)];
        if let Some(yes) = generative {
            // A generative reranker: the same pairs asked in several ways.
            let id = |id: &Json| id.as_u64().unwrap() as usize;
            let (yes, no) = (id(yes), Some(id(&expected["false_token_id"])));
            let both = Output::Answer(Answer { yes, no });
            heads = vec![("pairs", both), ("prompted", both), ("raw", both), ("no_template", both)];
            heads.push(("one_token", Output::Answer(Answer { yes, no: None })));
        }
        for (key, output) in heads.into_iter().filter(|(key, _)| !list(key).is_empty()) {
            let mut graph =
                GraphRunner::new(&dir, Request { token_types: true, operators, kernels, ..Request::of(output) });
            for case in list(key) {
                let types = case.get("types").map(|_| ids(case, "types"));
                let logits = graph.run(&ids(case, "ids"), types.as_deref());
                let difference = max_difference(&logits, &floats(&case["logits"]));
                assert!(difference <= LOGITS, "{name}, {} {}: {difference:e}", key, case["name"]);
            }
        }
        // Where nothing comes after the graph.
        let settings = dir.join("config_sentence_transformers.json");
        let cut = settings.is_file() && json(settings)["max_active_dims"].is_u64();
        if !list("sparse").is_empty() && !cut && list("multi").is_empty() {
            let output = Output::Lexical(lexical(&dir, &expected));
            let mut graph = GraphRunner::new(&dir, Request { operators, kernels, ..Request::of(output) });
            for case in list("sparse") {
                let weights = graph.run(&ids(case, "ids"), None);
                let mut reference = vec![0.0; weights.len()];
                for (at, value) in ids(case, "indices").into_iter().zip(floats(&case["values"])) {
                    reference[usize::try_from(at).unwrap()] = value;
                }
                let difference = max_difference(&weights, &reference) / reference.iter().fold(1f32, |m, &x| m.max(x));
                assert!(difference <= LOGITS, "{name}, {}: sparse: {difference:e}", case["name"]);
            }
        }
    }
}

/// The architectures whose layers can be operators of our own.
const PACKED: &[&str] = &[
    "albert",
    "bert",
    "camembert",
    "distilbert",
    "electra",
    "eurobert",
    "gemma3_text",
    "gte",
    "jina_embeddings_v3",
    "llama",
    "mistral",
    "modernbert",
    "mpnet",
    "new",
    "nomic_bert",
    "qwen2",
    "qwen3",
    "roberta",
    "xlm-roberta",
];

/// Fixtures of other layers than those of their architecture: norms over all heads of queries, and frequencies that grow with
/// the text.
const OTHERS: &[&str] = &["jina-v2-code", "nomic-native-dynamic", "nomic-v1-dynamic"];

/// Layers as operators of our own give what ONNX Runtime's give, on every instruction set of this machine the same to the
/// last bit, and each text the same in any company.
fn check_packed(name: &str, dir: &Path, cases: &[Json]) {
    let texts: Vec<Vec<i64>> = cases.iter().map(|case| ids(case, "ids")).collect();
    let sets: Vec<Set> = NAMES.iter().filter_map(|name| Set::named(name)).collect();
    for rows in [Rows::All, Rows::First, Rows::Last] {
        let request = Request::of(Output::Hidden(rows));
        let mut built_in = GraphRunner::new(dir, request);
        let mut same: Option<Vec<f32>> = None;
        for &set in &sets {
            let mut packed = GraphRunner::new(dir, Request { kernels: Some(set), ..request });
            let kind = json(dir.join("config.json"))["model_type"].as_str().unwrap().to_owned();
            let own = PACKED.contains(&kind.as_str()) && !OTHERS.iter().any(|other| name.starts_with(other));
            assert_eq!(packed.packs(), own, "{name}");
            if !packed.packs() {
                return;
            }
            let together = packed.run_together(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), None);
            let alone: Vec<f32> = texts.iter().flat_map(|ids| packed.run(ids, None)).collect();
            assert!(alone == together, "{name}, {rows:?}, {set}: alone and together differ");
            let expected: Vec<f32> = texts.iter().flat_map(|ids| built_in.run(ids, None)).collect();
            let difference = max_difference(&together, &expected) / expected.iter().fold(1f32, |m, x| m.max(x.abs()));
            assert!(difference <= UNIT, "{name}, {rows:?}, {set}: {difference:e}");
            let same = same.get_or_insert_with(|| together.clone());
            assert!(*same == together, "{name}, {rows:?}, {set}: sets differ");
        }
    }
}

/// How a SPLADE model pools: what its own files say, or those that would make it one; else the default.
fn lexical(dir: &Path, expected: &Json) -> Lexical {
    let file = dir.join("1_SpladePooling/config.json");
    let config = if file.is_file() { json(file) } else { expected["sparse_pooling"].clone() };
    Lexical { sum: config["pooling_strategy"] == "sum", twice: config["activation_function"] == "log1p_relu" }
}

/// Lexical weights through the engine.
fn check_sparse(name: &str, expected: &Json, cases: &[Json]) {
    let dir = copy(&format!("architectures/{name}"));
    if let (Some(modules), Some(pooling)) = (expected.get("sparse_modules"), expected.get("sparse_pooling")) {
        let write = |path: &str, json: &Json| std::fs::write(dir.path().join(path), json.to_string()).unwrap();
        write("modules.json", modules);
        std::fs::create_dir_all(dir.path().join("1_SpladePooling")).unwrap();
        write("1_SpladePooling/config.json", pooling);
    }
    let engine = engine_for(OutputKind::Sparse, dir.path());
    for role in ROLES {
        let cases: Vec<&Json> = cases.iter().filter(|case| self::role(case) == role).collect();
        let texts: Vec<&str> = cases.iter().map(|case| case["text"].as_str().unwrap()).collect();
        for (case, together) in cases.iter().zip(engine.embed_sparse(&texts, role)) {
            let alone = engine.embed_sparse(&[case["text"].as_str().unwrap()], role).pop().unwrap();
            for result in [together, alone] {
                let result = result.unwrap_or_else(|e| panic!("{name}, {}: {e}", case["name"]));
                let indices: Vec<i64> = result.indices.iter().map(|&i| i.into()).collect();
                assert_eq!(indices, ids(case, "indices"), "{name}, {}: indices", case["name"]);
                let difference = max_difference(&result.values, &floats(&case["values"]));
                assert!(difference <= LOGITS, "{name}, {}: {difference:e}", case["name"]);
                assert_eq!(result.tokens, ids(case, "ids").len(), "{name}, {}: tokens", case["name"]);
            }
        }
    }
}

/// Vectors of tokens, and how they score; and that the graph's attention mask is the same in both operator sets.
fn check_token_vectors(name: &str, cases: &[Json], scores: &[Json]) {
    let dir = fixture(&format!("architectures/{name}"));
    let engine = engine_for(OutputKind::TokenVectors, &dir);
    for role in ROLES {
        let cases: Vec<&Json> = cases.iter().filter(|case| self::role(case) == role).collect();
        let texts: Vec<&str> = cases.iter().map(|case| case["text"].as_str().unwrap()).collect();
        for (case, together) in cases.iter().zip(engine.embed_tokens(&texts, role)) {
            let alone = engine.embed_tokens(&[case["text"].as_str().unwrap()], role).pop().unwrap();
            for result in [together, alone] {
                let result = result.unwrap_or_else(|e| panic!("{name}, {}: {e}", case["name"]));
                let expected: Vec<f32> = case["vectors"].as_array().unwrap().iter().flat_map(floats).collect();
                assert_eq!(result.vectors.len(), expected.len(), "{name}, {}: number of vectors", case["name"]);
                let difference = max_difference(&result.vectors, &expected);
                assert!(difference <= UNIT, "{name}, {}: {difference:e}", case["name"]);
                assert_eq!(Some(result.dimensions), engine.info().dimensions);
                assert_eq!(result.tokens, ids(case, "ids").len(), "{name}, {}: tokens", case["name"]);
            }
        }
    }
    assert!(!scores.is_empty(), "{name}: no scores");
    // BGE-M3 knows no roles.
    let roles = if cases.iter().any(|case| role(case) == Role::Query) {
        [Role::Query, Role::Document]
    } else {
        [Role::Text, Role::Text]
    };
    let vectors = |text: &Json, role| engine.embed_tokens(&[text.as_str().unwrap()], role).pop().unwrap().unwrap();
    for case in scores {
        let (query, document) = (vectors(&case["query"], roles[0]), vectors(&case["document"], roles[1]));
        let score = engine.info().scoring.unwrap().score(&query, &document);
        let difference = (f64::from(score) - case["score"].as_f64().unwrap()).abs();
        assert!(difference <= f64::from(LOGITS), "{name}: {case}: {score}");
    }
    let [mut own, mut standard] = [Operators::OnnxRuntime, Operators::Standard].map(|operators| {
        let request = Request::of(Output::Hidden(Rows::All));
        GraphRunner::new(&dir, Request { operators, attention_mask: true, ..request })
    });
    for case in cases {
        let ids = ids(case, "ids");
        let mask: Vec<i64> = (0..ids.len()).map(|at| i64::from(at < ids.len().div_ceil(2))).collect();
        let (a, b) = (own.run_masked(&ids, &mask), standard.run_masked(&ids, &mask));
        let difference = max_difference(&a, &b);
        assert!(difference <= UNIT * 10.0, "{name}, {}: masked: {difference:e}", case["name"]);
    }
}

const ROLES: [Role; 3] = [Role::Text, Role::Query, Role::Document];

fn role(case: &Json) -> Role {
    match case.get("role").and_then(Json::as_str) {
        Some("query") => Role::Query,
        Some("document") => Role::Document,
        _ => Role::Text,
    }
}

fn input(case: &Json) -> Input {
    let text = |key: &str| case[key].as_str().unwrap().to_owned();
    match case.get("query") {
        Some(_) => Input::Pair(text("query").into(), text("document")),
        None => Input::Text(text("text")),
    }
}

/// `expected-variants.json`, where there is one: the same weights under other configurations.
fn check_variants(name: &str, dir: &Path) {
    let path = dir.join("expected-variants.json");
    if !path.is_file() {
        return;
    }
    for variant in json(path)["variants"].as_array().unwrap() {
        let what = format!("{name}, {}", variant["name"].as_str().unwrap());
        let changed = copy(&format!("architectures/{name}"));
        patch(changed.path().join("config.json"), |config| {
            for (key, value) in variant["config"].as_object().unwrap() {
                if value.is_null() {
                    config.as_object_mut().unwrap().remove(key);
                } else {
                    config[key] = value.clone();
                }
            }
        });
        let cases = cases(&variant["cases"], |case| case.get("embedding"));
        let largest = cases.iter().flat_map(|case| &case.embedding).fold(1f32, |m, x| m.max(x.abs()));
        check_all_ways(&what, engine(changed.path(), &text_options()), &cases, UNIT * largest);
    }
}

fn ids(case: &Json, key: &str) -> Vec<i64> {
    case[key].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}
