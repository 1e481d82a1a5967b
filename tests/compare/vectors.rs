//! Saved vectors, the whole binary: formats, verdicts, thresholds, files that are none.

use std::fmt::Write;

use serde_json::Value as Json;

use crate::{Files, compare, noisy, report, run};

const COUNT: usize = 60;
const DIMENSIONS: usize = 8;

fn numbers(seed: u64) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..COUNT * DIMENSIONS).map(|_| rng.f32() - 0.5).collect()
}

fn npy(numbers: &[f32], dimensions: usize) -> Vec<u8> {
    let rows = numbers.len() / dimensions;
    let head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimensions}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((head.len() as u16).to_le_bytes());
    bytes.extend(head.as_bytes());
    bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

fn jsonl(numbers: &[f32], id: impl Fn(usize) -> String) -> String {
    let row = |(at, vector): (usize, &[f32])| {
        let vector: Vec<Json> = vector.iter().map(|&x| x.into()).collect();
        format!("{{\"index\":{at},\"id\":\"{}\",\"embedding\":{}}}\n", id(at), Json::from(vector))
    };
    numbers.chunks(DIMENSIONS).enumerate().map(row).collect()
}

fn csv(numbers: &[f32]) -> String {
    let mut text = "index,id,tokens,truncated,error".to_owned();
    (0..DIMENSIONS).for_each(|at| write!(text, ",e{at}").unwrap());
    for (at, vector) in numbers.chunks(DIMENSIONS).enumerate() {
        write!(text, "\n{at},,3,false,").unwrap();
        vector.iter().for_each(|x| write!(text, ",{x}").unwrap());
    }
    text
}

/// A column of lists and one of ids.
fn parquet(numbers: &[f32]) -> Vec<u8> {
    use parquet::data_type::{FloatType, Int64Type};
    let schema = "message schema { required int64 id; required group embedding (LIST) { repeated group list {
        required float element; } } }";
    let schema = std::sync::Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let mut file = parquet::file::writer::SerializedFileWriter::new(&mut bytes, schema, Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let ids: Vec<i64> = (0..(numbers.len() / DIMENSIONS) as i64).collect();
    column.typed::<Int64Type>().write_batch(&ids, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let repetitions: Vec<i16> = (0..numbers.len()).map(|at| i16::from(at % DIMENSIONS > 0)).collect();
    column.typed::<FloatType>().write_batch(numbers, Some(&vec![1; numbers.len()]), Some(&repetitions)).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

#[test]
fn one_index_in_all_formats() {
    let (files, numbers) = (Files::temporary(), numbers(1));
    let rows = jsonl(&numbers, |at| at.to_string());
    let array = format!("[{}]", rows.trim().replace('\n', ","));
    let all = [
        files.write("a.npy", npy(&numbers, DIMENSIONS)),
        files.write("b.jsonl", rows),
        files.write("c.csv", csv(&numbers)),
        files.write("d.json", array),
        files.write("e.parquet", parquet(&numbers)),
        // The first bytes say what it is.
        files.write("f", parquet(&numbers)),
    ];
    let ran = compare(&all).run().status(0);
    let text = ran.text();
    // In the table of all sets, and above the figures of each.
    assert_eq!(text.matches("interchangeable").count(), 10, "{text}");
    assert_eq!(text.matches("60 matched by place, 60 compared, 60 identical bit for bit").count(), 5, "{text}");
    let by_id = compare(&all[1..2]).arg(&all[3]).run().status(0);
    assert!(by_id.text().contains("60 matched by id"), "{}", by_id.text());
}

#[test]
fn findings_are_printed_and_exported() {
    let (files, base) = (Files::temporary(), numbers(1));
    let mut swapped = base.clone();
    (0..DIMENSIONS).for_each(|d| swapped.swap(7 * DIMENSIONS + d, 40 * DIMENSIONS + d));
    let scaled: Vec<f32> = base.iter().map(|x| 3.0 * x).collect();
    let all = [("base", &base), ("swapped", &swapped), ("scaled", &scaled), ("other", &numbers(9))]
        .map(|(name, numbers)| files.write(&format!("{name}.npy"), npy(numbers, DIMENSIONS)));
    let (json, markdown, html) = (files.path("out.json"), files.path("out.md"), files.path("out.html"));
    let ran = compare(&all).arg("--export-json").arg(&json).arg("--export-markdown").arg(&markdown);
    let ran = ran.arg("--export-html").arg(&html).run().status(0);
    let text = ran.text();
    for words in ["two rows swapped: input 7 and input 40", "all vectors scaled by 3.00", "unrelated: another model"] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{text}");
    }
    let report: Json = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let verdicts: Vec<&str> = (0..3).map(|at| report["comparisons"][at]["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["different", "same_ranking", "different"]);
    assert_eq!(report["comparisons"][0]["findings"][0]["kind"], "swapped");
    let schema: Json = serde_json::from_str(include_str!("../../docs/compare-vectors.schema.json")).unwrap();
    assert!(jsonschema::is_valid(&schema, &report));
    let bins = report["comparisons"][0]["cosines"]["bins"].as_array().unwrap();
    assert_eq!(bins.iter().map(|bin| bin["inputs"].as_u64().unwrap()).sum::<u64>(), 60);
    assert_eq!((&bins[0]["from"], &bins[0]["inputs"]), (&0.0.into(), &58.into()));
    assert!(std::fs::read_to_string(&markdown).unwrap().contains("- **same ranking, different values**: "));
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("all vectors scaled by 3.00") && page.contains("same ranking, different values"), "{page}");
    let ran = compare(&all).args(["--export-html", "-"]).run().status(0);
    assert!(ran.out == page.as_bytes() && ran.err.contains("two rows swapped"), "{}", ran.err);
    compare(&all).args(["--export-html", "/no/where.html"]).run().refuses(2, &["/no/where.html"]);
}

#[test]
fn thresholds_of_vectors() {
    let (files, base) = (Files::temporary(), numbers(1));
    let near: Vec<f32> = base.iter().map(|x| x + 1e-4).collect();
    let a = files.write("a.npy", npy(&base, DIMENSIONS));
    let (near, other) =
        (files.write("near.npy", npy(&near, DIMENSIONS)), files.write("x.npy", npy(&numbers(9), DIMENSIONS)));
    let thresholds = ["--fail-if", "cosine_min<0.999", "--fail-if", "top10<0.9,nan>0"];
    compare(&[&a, &near]).args(thresholds).run().status(0);
    let ran = compare(&[&a, &other]).args(thresholds).run().status(5);
    ran.says(&["cosine_min<0.999: crossed by ", "x.npy: ", "top10<0.9: crossed by"]);
    let unknown = compare(&[&a, &near]).args(["--fail-if", "speed<1"]).run().status(2);
    unknown.says(&["saved vectors have no metric \"speed\"", "infa compare vectors --help"]);
    compare(&[&a, &near]).args(["--fail-if", "tokens_per_s<-5%"]).run().status(2).says(&["it is one of result files"]);
    let base = files.report("base.json", &report(&noisy(1000.0)));
    compare(&[&base, &base]).args(["--fail-if", "top10<0.9"]).run().status(2).says(&["it is one of saved vectors"]);
}

#[test]
fn files_that_do_not_fit_or_are_none() {
    let (files, base) = (Files::temporary(), numbers(1));
    let whole = npy(&base, DIMENSIONS);
    let a = files.write("a.npy", &whole);
    let ids = files.write("ids.jsonl", jsonl(&base, |at| format!("text {at}")));
    for (name, bytes, reference, expected) in [
        ("cut.npy", whole[..whole.len() - 3].to_vec(), &a, "cut.npy: its head promises an array of 1920 bytes"),
        ("b.parquet", b"PAR1....PAR1".to_vec(), &a, "b.parquet: this Parquet file is damaged: "),
        ("empty.npy", Vec::new(), &a, "empty.npy: holds no vectors"),
        (
            "cut.jsonl",
            b"{\"index\":0,\"embedding\":[1,2]}\n{\"index\":1,\"emb".to_vec(),
            &a,
            "cut.jsonl:2: it ends in the middle",
        ),
        (
            "twice.jsonl",
            jsonl(&base, |at| (at % 59).to_string()).into_bytes(),
            &ids,
            "row 1 and row 60 have the same id \"0\"",
        ),
        ("others.jsonl", jsonl(&base, |at| format!("other {at}")).into_bytes(), &ids, "have no input in common"),
        ("words.csv", b"a,b\n1,2\n".to_vec(), &a, "words.csv: its first row names no columns e0, e1"),
    ] {
        let file = files.write(name, bytes);
        compare(&[reference, &file]).run().status(2).says(&[expected]);
    }
    compare(&[&a, &files.path("missing.npy")]).run().status(2).says(&["missing.npy: no such file"]);
    compare(&[&a]).run().status(2).says(&["a.npy: a single file of vectors", "name a second one"]);
    let texts = files.write("q.txt", "what do cats eat\n");
    compare(&[&a, &texts]).run().status(2).says(&["q.txt: not saved vectors, but texts", "infa embed "]);
    let report = files.report("base.json", &report(&noisy(1000.0)));
    run::infa(["compare", "vectors"]).arg(&a).arg(&report).run().status(2).says(&["but a report of infa bench"]);
    compare(&[&a, &a]).args(["--baseline", "onnx"]).run().status(2).says(&["--baseline: it is for result files"]);

    let shorter = files.write("shorter.npy", npy(&base[..50 * DIMENSIONS], DIMENSIONS));
    let ran = compare(&[&a, &shorter]).run().status(0);
    assert!(ran.text().contains("Warning") && ran.text().contains("10 inputs are in"), "{}", ran.text());
}
