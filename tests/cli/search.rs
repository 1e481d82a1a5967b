//! `infa search`: texts and saved vectors, one query or many, reranked, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::run::{Infa, embed, infa};
use crate::support::{cosine, fixture};

const QUERY: &str = "what do cats eat";
const TEXTS: [&str; 6] = ["a sea", "cats eat fish", "the old bridge", "harbour lights", "what cats eat", "a sea"];

fn search<'a>(args: impl IntoIterator<Item = &'a str>) -> Infa {
    infa(["search", "--threads", "2", "-m"]).arg(fixture("bert-tiny")).args(args)
}

/// The texts as JSON lines with ids and texts.
fn corpus() -> String {
    let row = |(at, text): (usize, &&str)| json!({"id": format!("d{at}"), "text": text}).to_string() + "\n";
    TEXTS.iter().enumerate().map(row).collect()
}

fn file(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    fs::write(dir.join(name), bytes).unwrap();
    dir.join(name)
}

/// Vectors as `infa embed --mode MODE` makes them.
fn vectors(mode: &str, texts: &[&str]) -> Vec<Vec<f32>> {
    embed(["--mode", mode]).stdin(texts.join("\n") + "\n").run().well().vectors()
}

fn places(rows: &[Json]) -> Vec<u64> {
    rows.iter().map(|row| row["index"].as_u64().unwrap()).collect()
}

/// True if both have the same documents with the same scores, but for rounding.
#[track_caller]
fn same(found: &[Json], expected: &[Json]) {
    assert_eq!(places(found), places(expected));
    for (found, expected) in found.iter().zip(expected) {
        let difference = found["score"].as_f64().unwrap() - expected["score"].as_f64().unwrap();
        assert!(difference.abs() < 1e-5, "{found} {expected}");
    }
}

/// `rows` vectors of `dimensions` numbers as `.npy`.
fn npy(dimensions: usize, numbers: &[f32]) -> Vec<u8> {
    let rows = numbers.len() / dimensions;
    let head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimensions}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(head.len()).unwrap().to_le_bytes());
    bytes.extend(head.as_bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    bytes
}

#[test]
fn texts_in_the_order_of_their_vectors_and_with_the_prompts_of_roles() {
    let query = vectors("query", &[QUERY]).remove(0);
    let mut expected: Vec<(usize, f64)> =
        vectors("document", &TEXTS).iter().map(|vector| cosine(&query, vector)).enumerate().collect();
    expected.sort_by(|a, b| b.1.total_cmp(&a.1));
    let ran = search([QUERY]).stdin(TEXTS.join("\n")).run().status(0);
    assert!(ran.err.starts_with("Searched 6 documents ("), "{}", ran.err);
    let expected: Vec<Json> = expected.iter().map(|(at, score)| json!({"index": at, "score": score})).collect();
    same(&ran.rows(), &expected);
    assert!(ran.rows().iter().all(|row| row.as_object().unwrap().len() == 2));
    let few = search([QUERY, "--top-k", "2"]).stdin(TEXTS.join("\n")).run().status(0).rows();
    assert_eq!(few, ran.rows()[..2]);
    let given = [QUERY, "--text", TEXTS[0], "--text", TEXTS[1], "--top-n", "9"];
    assert_eq!(search(given).run().status(0).rows().len(), 2);
}

#[test]
fn saved_vectors_of_every_format_find_what_texts_do() {
    let dir = tempfile::tempdir().unwrap();
    let texts = file(dir.path(), "texts.jsonl", corpus());
    let expected = search([QUERY]).arg(&texts).run().status(0).rows();
    assert!(expected.iter().all(|row| row["id"] == format!("d{}", row["index"])));
    for name in ["v.jsonl", "v.json", "v.csv", "v.npy"] {
        let path = dir.path().join(name);
        embed(["--mode", "document", "-o"]).arg(&path).arg(&texts).run().status(0);
        let ran = search([QUERY]).arg(&path).run().status(0).says(&["Searched 6 vectors"]);
        same(&ran.rows(), &expected);
        let ids = ran.rows().iter().all(|row| row["id"] == format!("d{}", row["index"]));
        assert!(ids || name == "v.npy", "{}", ran.text());
        let piped = search([QUERY, "--vectors"]).stdin(fs::read(&path).unwrap()).run().status(0);
        assert_eq!(piped.rows(), ran.rows(), "{name}");
        // Rows count over all files.
        let twice = search([QUERY]).arg(&path).arg(&path).run().status(0).rows();
        assert_eq!((twice.len(), twice[1]["index"].as_u64()), (10, twice[0]["index"].as_u64().map(|index| index + 6)));
    }
}

#[test]
fn a_file_of_many_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let query = vectors("query", &[QUERY]).remove(0);
    let (rows, dimensions) = (250_000, query.len());
    let mut rng = fastrand::Rng::with_seed(3);
    let mut numbers: Vec<f32> = (0..rows * dimensions).map(|_| rng.f32() - 0.5).collect();
    // The query's own vector, longer or shorter, and one that is near it.
    for (at, scale) in [(249_999, 3.0), (90_001, 0.1), (200_000, 1.0)] {
        let row = &mut numbers[at * dimensions..(at + 1) * dimensions];
        row.iter_mut().zip(&query).for_each(|(number, value)| *number = value * scale);
    }
    numbers[200_000 * dimensions] += 0.05;
    let path = file(dir.path(), "large.npy", npy(dimensions, &numbers));
    let found = search([QUERY, "--top-k", "3"]).arg(path).run().status(0).rows();
    let mut first = places(&found)[..2].to_vec();
    first.sort_unstable();
    assert_eq!((first, places(&found)[2]), (vec![90_001, 249_999], 200_000));
    assert!(found[0]["score"].as_f64().unwrap() > 0.999_999 && found[2]["score"].as_f64().unwrap() < 0.999_999);
}

#[test]
fn several_queries_and_one_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let texts = file(dir.path(), "texts.jsonl", corpus());
    let lines = "{\"id\":7,\"text\":\"what do cats eat\"}\n{\"text\":\" \"}\n{\"id\":\"b\",\"text\":\"the sea\"}\n";
    let queries = file(dir.path(), "q.jsonl", lines);
    let run = |args: &[&str]| search(["--queries"]).arg(&queries).arg(&texts).args(args).run().status(1);
    let ran = run(&[]).says(&["q.jsonl:2: the query is empty"]);
    let rows = ran.rows();
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0]["id"], &rows[2]["id"], rows[1].get("results")), (&json!(7), &json!("b"), None));
    assert!(rows[1]["error"].as_str().unwrap().contains("empty"));
    for (row, query) in [(0, QUERY), (2, "the sea")] {
        let alone = search([query]).arg(&texts).run().status(0).rows();
        same(rows[row]["results"].as_array().unwrap(), &alone);
    }
    let csv = run(&["--format", "csv", "--top-k", "1", "--return-documents"]);
    let lines: Vec<&str> = csv.text().lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "query,query_id,rank,index,id,score,error,document"));
    assert!(lines[1].starts_with("0,7,1,") && lines[3].starts_with("2,b,1,"), "{}", csv.text());
}

#[test]
fn a_table_and_a_threshold() {
    let texts = TEXTS.join("\n");
    let table = search([QUERY, "--format", "table", "--top-k", "3"]).stdin(texts.clone()).run().status(0);
    let lines: Vec<&str> = table.text().lines().collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["rank", "score", "index", "document"]);
    assert!(lines.len() == 4 && TEXTS.iter().any(|text| lines[1].ends_with(text)), "{}", table.text());
    let rows = search([QUERY]).stdin(texts.clone()).run().status(0).rows();
    let second = rows[1]["score"].to_string();
    let above = search([QUERY, "--threshold", &second]).stdin(texts.clone()).run().status(0).rows();
    assert_eq!(above, rows[..2]);
    let none = search([QUERY, "--threshold", "1.5"]).stdin(texts.clone()).run().status(0);
    assert!(none.rows().is_empty() && none.err.contains("(--threshold)"), "{}", none.err);
    assert_eq!(search([QUERY, "--threshold", "-2"]).stdin(texts).run().status(0).rows(), rows);
}

#[test]
fn a_reranker_puts_the_nearest_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let texts = file(dir.path(), "texts.jsonl", corpus());
    let ranker = fixture("architectures/bert-rerank");
    let ranked = |count: &str| {
        let args = ["rerank", "--query", QUERY, "--return-documents", "--top-n", count, "-m"];
        infa(args).arg(&ranker).arg(&texts).run().status(0).rows()
    };
    let found = |top_k: &str, input: &Path| {
        let args = [QUERY, "--return-documents", "--top-k", top_k, "--rerank"];
        search(args).arg(&ranker).arg(input).run().status(0).rows()
    };
    same(&found("2", &texts), &ranked("2"));
    assert_eq!(found("2", &texts)[0]["document"], ranked("1")[0]["document"]);
    // Of one, five are candidates.
    let near: Vec<u64> = places(&search([QUERY, "--top-k", "5"]).arg(&texts).run().status(0).rows());
    let best = places(&ranked("6")).into_iter().find(|place| near.contains(place)).unwrap();
    assert_eq!(places(&found("1", &texts)), [best]);
    // Saved vectors that have their texts.
    let saved: String = vectors("document", &TEXTS)
        .iter()
        .zip(TEXTS)
        .map(|(vector, text)| json!({"text": text, "embedding": vector}).to_string() + "\n")
        .collect();
    same(&found("2", &file(dir.path(), "v.jsonl", saved)), &ranked("2"));
    let without = file(dir.path(), "v.npy", npy(48, &vectors("document", &TEXTS).concat()));
    let ran = search([QUERY, "--rerank"]).arg(&ranker).arg(without).run();
    ran.refuses(2, &["--rerank: row 1 of", "v.npy", "hint: leave --rerank out"]);
}

#[test]
fn files_that_cannot_be_searched() {
    let dir = tempfile::tempdir().unwrap();
    let vector = |numbers: &str| format!("{{\"index\":0,\"embedding\":[{numbers}]}}\n");
    let good = vector(&["0.5"; 48].join(","));
    let nan = good.clone() + &vector(&(["0.5"; 47].join(",") + ",null"));
    let zero = good.clone() + &vector(&["0"; 48].join(","));
    for (name, bytes, words) in [
        ("short.jsonl", vector("1,2,3"), &["row 1 has 3 dimensions", "have 48", "--model-id"][..]),
        ("nan.jsonl", nan, &["row 2", "NaN or infinite", "embed its text again"]),
        ("zero.jsonl", zero, &["row 2", "all zeros"]),
        ("sparse.jsonl", "{\"indices\":[1],\"values\":[0.5]}\n".into(), &["sparse.jsonl:1: sparse", "dense"]),
        ("tokens.jsonl", "{\"embeddings\":[[1.0]]}\n".into(), &["vectors of tokens", "dense"]),
        ("torn.jsonl", good.clone() + "{\"embedding\":[1,", &["torn.jsonl:2: it ends in the middle"]),
    ] {
        search([QUERY]).arg(file(dir.path(), name, bytes)).run().refuses(2, &[&[name], words].concat());
    }
    let (texts, vectors) = (file(dir.path(), "a.txt", "cats\n"), file(dir.path(), "v.jsonl", &good));
    search([QUERY]).arg(&texts).arg(&vectors).run().refuses(2, &["v.jsonl holds vectors, and", "a.txt"]);
    search([QUERY, "--field", "x"]).arg(&vectors).run().refuses(2, &["--field", "holds vectors"]);
    search([QUERY]).arg(&vectors).arg("-o").arg(&vectors).run().refuses(2, &["--output", "it is an input"]);
    search([" "]).arg(&texts).run().refuses(2, &["the query is empty"]);
    search([]).stdin("cats\n").run().refuses(2, &["there is no query", "hint: infa search"]);
    search([QUERY]).run().refuses(2, &["there are no documents"]);
    search([QUERY, "--threshold", "nan"]).arg(&texts).run().refuses(2, &["--threshold"]);
    // A row that failed is left out, and counted.
    let failed = file(dir.path(), "f.jsonl", "{\"index\":0,\"error\":\"too long\"}\n".to_owned() + &good);
    let ran = search([QUERY]).arg(failed).run().status(0).says(&["1 row without a vector", "Searched 1 vector"]);
    assert_eq!(places(&ran.rows()), [1]);
}

#[test]
fn a_text_that_fails_harms_no_other_and_no_file() {
    let ran = search([QUERY]).stdin(&b"fish\n\xff\nthe bridge\n"[..]).run().status(1).says(&["stdin:2", "UTF-8"]);
    let mut found = places(&ran.rows());
    found.sort_unstable();
    assert_eq!(found, [0, 2]);
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "r.jsonl", "old\n");
    search([QUERY, "-o"]).arg(&path).stdin(&b"\xff\n"[..]).run().status(1).says(&["left as it was"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
    let long = "word ".repeat(100);
    search([&long, "--truncate", "none"]).stdin("fish\n").run().refuses(2, &["the query: ", "--truncate"]);
}
