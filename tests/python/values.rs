//! What goes in comes out: bit by bit, in order, however odd.

use infa::parts::engine::{Role, TextOptions};

use crate::fake::{model, torch, vector};

fn bits(vectors: &[Vec<f32>]) -> Vec<Vec<u32>> {
    vectors.iter().map(|vector| vector.iter().map(|x| x.to_bits()).collect()).collect()
}

#[tokio::test]
async fn vectors_come_back_bit_by_bit() {
    let (worker, _model) = torch().await;
    let texts = ["a", "", "ä€😀 日本", "nul\0 and\nlines\r\n", "print", "\u{feff}bom"];
    let embedded = worker.embed(&texts, Role::Text).await.unwrap();
    assert_eq!(bits(&embedded.values), bits(&texts.map(vector)));
    let info = worker.info();
    assert_eq!((info.dimensions, info.device.as_str(), info.dtype.as_str()), (4, "cpu", "float32"));
    assert_eq!(info.max_length, Some(64));
    assert_eq!(info.versions["sentence-transformers"], "5.9.9");
    assert!(info.versions["python"].starts_with("3."), "{info:?}");
    let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
    assert_eq!((embedded.tokens, worker.truncated()), (Some(characters as u64), Some(0)));
    // A text that fills the model may have been cut: nobody knows.
    worker.embed(&[&"x".repeat(64)], Role::Text).await.unwrap();
    assert_eq!(worker.truncated(), None);
}

#[tokio::test]
async fn many_texts_and_many_requests_at_once() {
    let (worker, _model) = torch().await;
    let large: Vec<String> = (0..5000).map(|i| format!("{i} ").repeat(i % 400)).collect();
    let large: Vec<&str> = large.iter().map(String::as_str).collect();
    let small: Vec<String> = (0..200).map(|i| format!("text {i}")).collect();
    let requests = small.iter().map(|text| {
        let worker = worker.clone();
        async move { worker.embed(&[text], Role::Text).await.unwrap().values.remove(0) }
    });
    let (large_vectors, small_vectors) =
        tokio::join!(worker.embed(&large, Role::Text), futures_util::future::join_all(requests));
    assert_eq!(large_vectors.unwrap().values, large.iter().map(|text| vector(text)).collect::<Vec<_>>());
    assert_eq!(small_vectors, small.iter().map(|text| vector(text)).collect::<Vec<_>>());
    assert_eq!(worker.embed(&[], Role::Text).await.unwrap().values.len(), 0);
}

#[tokio::test]
async fn prompts_are_those_of_the_model_and_the_user() {
    let model = model("model");
    model.file("modules.json", r#"[{"type": "sentence_transformers.models.Transformer", "path": ""}]"#);
    let settings = r#"{"prompts": {"query": "ask: ", "usual": "u: "}, "default_prompt_name": "usual"}"#;
    model.file("config_sentence_transformers.json", settings);
    let vectors = async |text: TextOptions| {
        let options = infa::parts::engine::PythonOptions { text, ..model.options("torch") };
        let worker = infa::parts::engine::python::Worker::start(&options).await?;
        let mut vectors = Vec::new();
        for role in [Role::Text, Role::Query, Role::Document] {
            vectors.extend(worker.embed(&["x"], role).await.unwrap().values);
        }
        Ok::<_, infa::parts::engine::PythonError>(vectors)
    };
    let of = |texts: [&str; 3]| texts.map(vector).to_vec();
    assert_eq!(vectors(TextOptions::default()).await.unwrap(), of(["u: x", "ask: x", "x"]));
    let given = TextOptions { prompt: Some("p ".into()), ..TextOptions::default() };
    assert_eq!(vectors(given.clone()).await.unwrap(), of(["p x", "p x", "p x"]));
    let queries = TextOptions { prompt_queries: true, ..given };
    assert_eq!(vectors(queries).await.unwrap(), of(["p x", "p x", "x"]));
    let named = |name: &str| TextOptions { prompt_name: Some(name.into()), ..TextOptions::default() };
    assert_eq!(vectors(named("query")).await.unwrap(), of(["ask: x", "ask: x", "ask: x"]));
    let error = vectors(named("qeury")).await.unwrap_err().to_string();
    assert!(error.contains("--prompt-name") && error.contains("query, usual"), "{error}");
}

#[tokio::test]
async fn vectors_are_cut_and_scaled_as_asked() {
    let model = model("model");
    let vectors = async |text: TextOptions| {
        let options = infa::parts::engine::PythonOptions { text, ..model.options("torch") };
        let worker = infa::parts::engine::python::Worker::start(&options).await?;
        let width = worker.info().dimensions;
        Ok::<_, infa::parts::engine::PythonError>((
            width,
            worker.embed(&["ab", "unit"], Role::Text).await?.values.remove(0),
        ))
    };
    // The pretended model scales, if it may: only then is this vector one of length 1.
    assert_eq!(vectors(TextOptions::default()).await.unwrap().1, [1.0, 0.0, 0.0, 0.0]);
    let not = TextOptions { normalize: Some(false), ..TextOptions::default() };
    assert_eq!(vectors(not.clone()).await.unwrap().1, vector("ab"));
    let cut = TextOptions { dimensions: Some(2), ..not.clone() };
    assert_eq!(vectors(cut).await.unwrap(), (2, vector("ab")[..2].to_vec()));
    let too_long = TextOptions { dimensions: Some(5), ..not };
    assert!(vectors(too_long).await.unwrap_err().to_string().contains("4 dimensions"));
}

#[tokio::test]
async fn fastembed_gets_its_files_in_the_cache_and_the_model_keeps_its_own() {
    let model = model("model");
    let modules = r#"[{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}]"#;
    model.file("modules.json", modules);
    model.file("1_Pooling/config.json", r#"{"pooling_mode_cls_token": true}"#);
    model.file("sentence_bert_config.json", r#"{"max_seq_length": 77}"#);
    model.file("tokenizer.json", "{}");
    model.file("tokenizer_config.json", r#"{"model_max_length": 512}"#);
    model.file("onnx/model.onnx", "a graph");
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(&model.dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    // Two at once make the same directory.
    let (one, two) = tokio::join!(model.start("fastembed:b64"), model.start("fastembed"));
    let vectors = one.unwrap().embed(&["abc"], Role::Text).await.unwrap().values;
    assert_eq!(vectors, [[77.0, "a graph".len() as f32, 1.0, 3.0625]]);
    assert_eq!(two.unwrap().embed(&["abc"], Role::Text).await.unwrap().values[0][3], 3.03125);
    assert_eq!(names(), before);
    let text = TextOptions { max_length: Some(600), ..TextOptions::default() };
    let options = infa::parts::engine::PythonOptions { text, ..model.options("fastembed") };
    let error = infa::parts::engine::python::Worker::start(&options).await.err().unwrap().to_string();
    assert!(error.contains("--max-length") && error.contains("512"), "{error}");
    model.file("1_Pooling/config.json", r#"{"pooling_mode_max_tokens": true}"#);
    let error = model.start("fastembed").await.err().unwrap().to_string();
    assert!(error.contains("pooling by max"), "{error}");
}
