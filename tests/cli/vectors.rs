//! Flags about the way from text to vector.

use serde_json::{Value as Json, json};

use crate::run::{embed, embed_with, infa};
use crate::support::{fixture, floats, json as read, max_difference};

fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// The reference's case with a text that is cut, and its file's head.
fn reference(name: &str) -> (Json, Json) {
    let expected = read(fixture("bert-tiny/expected.json"));
    let case = expected["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap().clone();
    (case, expected)
}

fn truncated() -> (String, Json) {
    let expected = read(fixture("bert-tiny/expected.json"));
    let fits = |case: &&Json| case["truncated"] == true && !case["text"].as_str().unwrap().contains('\n');
    let case = expected["cases"].as_array().unwrap().iter().find(fits).unwrap().clone();
    (case["text"].as_str().unwrap().to_owned(), case)
}

#[track_caller]
fn close(found: &[f32], expected: &Json) {
    let expected = floats(expected);
    let size = expected.iter().fold(1f32, |m, x| m.max(x.abs()));
    let difference = max_difference(found, &expected);
    assert!(difference <= 1e-5 * size, "max |Δ| = {difference:e}");
}

#[test]
fn dimensions_cut_and_normalise() {
    let (case, _) = reference("empty");
    let vector = embed(["--dimensions", "16"]).stdin("\n").run().well().vectors().remove(0);
    assert_eq!(vector.len(), 16);
    close(&vector, &case["dim16"]);
    for wrong in ["0", "49"] {
        embed(["--dimensions", wrong]).stdin("a\n").run().refuses(2, &["--dimensions", "48"]);
    }
}

#[test]
fn normalise_or_not() {
    let (case, _) = reference("empty");
    let raw = embed(["--no-normalize"]).stdin("\n").run().well().vectors().remove(0);
    close(&raw, &case["raw"]["mean"]);
    let both = embed(["--no-normalize", "--normalize"]).stdin("\n").run().well().vectors().remove(0);
    assert!((length(&both) - 1.0).abs() < 1e-5, "the last of the two counts");
    let plain = |flags: &[&str]| {
        let ran = embed_with(fixture("bert-plain"), ["--pooling", "mean"]).args(flags).stdin("a\n").run();
        length(&ran.well().vectors()[0])
    };
    assert!((plain(&["--normalize"]) - 1.0).abs() < 1e-5);
    assert!((plain(&[]) - 1.0).abs() > 1e-3);
}

#[test]
fn pooling_by_flag() {
    let (case, _) = reference("empty");
    for (flag, key) in [("cls", "cls"), ("max", "max"), ("last-token", "lasttoken"), ("weighted-mean", "weightedmean")]
    {
        let vector = embed(["--no-normalize", "--pooling", flag]).stdin("\n").run().well().vectors().remove(0);
        close(&vector, &case["raw"][key]);
    }
    embed(["--pooling", "middle"]).run().refuses(2, &["--pooling", "last-token"]);
}

#[test]
fn a_model_that_does_not_say_how_to_pool_gets_a_warning() {
    let ran = embed_with(fixture("bert-plain"), [] as [&str; 0]).stdin("a\n").run().status(0);
    let ran = ran.says(&["WARN", "--pooling"]);
    assert_eq!(ran.rows().len(), 1);
}

#[test]
fn prompts_by_name_and_as_text() {
    let (case, head) = reference("empty");
    let by_name = embed(["--prompt-name", "query"]).stdin("\n").run().well().vectors().remove(0);
    close(&by_name, &case["query"]["embedding"]);
    let text = head["prompts"]["query"].as_str().unwrap();
    assert_eq!(embed(["--prompt", text]).stdin("\n").run().well().vectors().remove(0), by_name);
    let unknown = embed(["--prompt-name", "nope"]).stdin("a\n").run();
    unknown.refuses(2, &["--prompt-name", "nope", "known: document, query"]);
    embed(["--prompt-name", "query", "--prompt", "x"]).run().refuses(2, &["cannot be used with"]);
}

#[test]
fn either_end_goes_or_the_text_is_an_error() {
    let (text, case) = truncated();
    let left = embed(["--truncate", "left"]).stdin(text.clone()).run().well();
    close(&left.vectors()[0], &case["left"]["embedding"]);
    let ran = embed(["--truncate", "none"]).stdin(format!("short\n{text}\nshort\n")).run().status(1);
    let rows = ran.rows();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["embedding"], rows[2]["embedding"]);
    let error = rows[1]["error"].as_str().unwrap();
    assert!(error.contains("32 tokens") && error.starts_with("stdin:2: "), "{error}");
    assert!(ran.err.contains(error), "{}", ran.err);
}

#[test]
fn max_length_within_what_the_model_can_do() {
    let (text, _) = truncated();
    let rows = embed(["--max-length", "8"]).stdin(text.clone()).run().well().rows();
    assert_eq!((&rows[0]["tokens"], &rows[0]["truncated"]), (&json!(8), &json!(true)));
    let rows = embed(["--max-length", "64"]).stdin("a ".repeat(99)).run().well().rows();
    assert_eq!(rows[0]["tokens"], json!(64));
    for wrong in ["65", "2", "0"] {
        embed(["--max-length", wrong]).stdin("a\n").run().refuses(2, &["--max-length", "64"]);
    }
}

#[test]
fn workers_and_batches_change_nothing() {
    let text = "a sea\nthe sea\na\n\nharbour lights\n";
    let run = |flags: &[&str]| infa(["embed", "-m"]).arg(fixture("bert-tiny")).args(flags).stdin(text).run().well();
    let expected = run(&[]).vectors();
    for flags in [["--threads", "1"], ["--threads", "7"], ["--batch-tokens", "1"], ["--batch-tokens", "100000"]] {
        for (a, b) in run(&flags).vectors().iter().zip(&expected) {
            assert!(max_difference(a, b) <= 1e-5, "{flags:?}");
        }
    }
}

#[test]
fn without_a_limit_of_its_own_the_model_takes_the_users() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("bert-plain.onnx"), dir.path().join("model.onnx")).unwrap();
    std::fs::copy(fixture("bert-plain/tokenizer.json"), dir.path().join("tokenizer.json")).unwrap();
    let run = |flags: &[&str]| {
        let ran = infa(["embed", "--pooling", "mean", "-m"]).arg(dir.path().join("model.onnx")).args(flags);
        ran.stdin("a sea\n".to_owned() + &"word ".repeat(5000)).run()
    };
    run(&[]).refuses(2, &["--max-length", "do not say how long"]);
    let rows = run(&["--max-length", "9"]).well().rows();
    assert_eq!((&rows[1]["tokens"], &rows[1]["truncated"]), (&json!(9), &json!(true)));
    // Longer than the positions of the graph: that row fails, the others do not.
    let rows = run(&["--max-length", &usize::MAX.to_string()]).status(1).rows();
    assert!(rows[0]["embedding"].is_array() && rows[1]["error"].is_string(), "{rows:?}");
}
