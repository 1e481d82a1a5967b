//! Engines on the same texts, the whole binary: on tiny models, and against servers with prepared replies.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use crate::fake::{Answer, Fake};
use crate::run::{Infa, Ran, infa};
use crate::{Files, support};

/// Sentences of one to nine words.
fn lines(count: usize) -> String {
    let words = ["river", "stone", "a", "walks", "the", "bright", "quickly", "under", "cold"];
    let line = |at: usize| {
        let words: Vec<&str> = (0..=at % 9).map(|word| words[(at * 7 + word * 5) % 9]).collect();
        format!("{} {at}\n", words.join(" "))
    };
    (0..count).map(line).collect()
}

/// `infa compare --engines` on the smallest model.
fn engines(specs: &str) -> Infa {
    infa(["compare", "--threads", "2", "--engines", specs]).arg("-m").arg(support::fixture("bert-tiny"))
}

/// Runs it with its report written to a file, and reads that.
#[track_caller]
fn report(infa: Infa) -> (Ran, Json) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.json");
    let ran = infa.arg("--export-json").arg(&path).run();
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{e}: {}", ran.err));
    let report = serde_json::from_str(&text).unwrap();
    let published: Json = serde_json::from_str(include_str!("../../docs/compare-engines.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&published).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    (ran, report)
}

fn squeezed(ran: &Ran) -> String {
    ran.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn infa_against_itself_over_http_and_in_int8() {
    let files = Files::temporary();
    let (page, markdown) = (files.path("page.html"), files.path("table.md"));
    let infa = engines("onnx:int8,infa,onnx").arg("--export-html").arg(&page).arg("--export-markdown").arg(&markdown);
    let (ran, report) = report(infa.stdin(lines(70)));
    let ran = ran.status(0);
    assert_eq!((&report["reference"], &report["workload"]["inputs"]), (&json!("onnx"), &json!(70)));
    let [int8, served, reference] = [0, 1, 2].map(|at| &report["engines"][at]);
    assert_eq!((&reference["name"], &reference["against"]), (&json!("onnx"), &Json::Null));
    assert_eq!(
        (&served["against"]["verdict"], &served["against"]["identical"]),
        (&json!("interchangeable"), &json!(70))
    );
    let least = int8["against"]["vectors"]["agreement"]["cosine_min"].as_f64().unwrap();
    assert!((0.9..0.999_999).contains(&least), "{least}");
    let worst = &int8["against"]["worst"][0];
    assert!(worst["tokens"].as_u64().unwrap() > 2 && lines(70).contains(worst["text"].as_str().unwrap()), "{worst}");
    for engine in [int8, served, reference] {
        for way in ["alone", "concurrent"] {
            let found = &engine["stability"]["vectors"][way];
            assert_eq!((&found["pairs"], &found["identical"]), (&json!(64), &json!(64)), "{way} {engine}");
        }
        assert!(engine["inputs_per_s"].as_f64().unwrap() > 0.0);
    }
    let text = squeezed(&ran);
    let [page, markdown] = [page, markdown].map(|path| std::fs::read_to_string(path).unwrap());
    for words in ["Against the reference", "64 of 64", "interchangeable", "infa bench measures"] {
        for text in [&text, &page, &markdown] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
    assert!(page.contains("Speed against fidelity") && page.contains("How cosines of onnx:int8 are spread"), "{page}");
}

/// A direction of its own for each text.
fn direction(text: &str) -> [f32; 8] {
    let seed = text.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let mut random = fastrand::Rng::with_seed(seed);
    std::array::from_fn(|_| random.f32() - 0.5)
}

fn vectors<'a>(texts: impl Iterator<Item = &'a String>, of: impl Fn(&str) -> Vec<f32>) -> Answer {
    Answer::json(&json!(texts.map(|text| of(text)).collect::<Vec<_>>()))
}

#[test]
fn another_server_is_named_for_what_it_is() {
    let [same, scaled] = [1.0, 3.0].map(|scale| {
        Fake::tei(move |texts| Some(vectors(texts.iter(), |text| direction(text).map(|x| x * scale).into())))
    });
    let reversed = Fake::tei(|texts| Some(vectors(texts.iter().rev(), |text| direction(text).into())));
    let specs = [&same, &scaled, &reversed].map(|fake| format!("tei={}", fake.url));
    let ran = engines(&specs.join(",")).stdin(lines(40)).run().status(0);
    let text = squeezed(&ran);
    assert!(text.contains("all vectors scaled by 3.00"), "{text}");
    assert!(text.contains("rows permuted"), "{text}");
    // Alone it is right, and in batches wrong.
    let (_, report) = report(engines(&specs[2]).stdin(lines(40)));
    let alone = &report["engines"][0]["stability"]["vectors"]["alone"];
    assert!(alone["identical"].as_u64().unwrap() < 40, "{alone}");
}

#[test]
fn thresholds_decide_the_exit_status() {
    let run = |threshold: &str| engines("onnx,onnx:int8").args(["--fail-if", threshold]).stdin(lines(20)).run();
    run("cosine_min<0.5").status(0);
    run("alone_max_difference>0").status(0);
    let crossed = run("cosine_min<0.9999999").status(5);
    assert!(crossed.err.contains("cosine_min<0.9999999: crossed by onnx:int8"), "{}", crossed.err);
    for (threshold, said) in [
        ("speed<1", "engines have no metric \"speed\"; infa compare engines --help lists"),
        ("cosine_min<-1%", "with a value, not with a change"),
        ("ndcg10<1%", "did you mean ndcg10<-1%?"),
        ("tokens_per_s<-5%", "engines have no metric \"tokens_per_s\": it is one of result files"),
    ] {
        let refused = run(threshold).status(2);
        assert!(refused.err.contains(said), "{threshold}: {}", refused.err);
    }
}

#[test]
fn an_engine_that_fails_keeps_its_row_and_the_others_go_on() {
    let odd = Fake::tei(|texts| texts.iter().any(|text| text.contains("13")).then(|| Answer::status(413, "too long")));
    let specs = format!("tei=http://127.0.0.1:9,onnx,tei={}", odd.url);
    let (ran, report) = report(engines(&specs).args(["--retries", "0"]).stdin(lines(20)));
    let ran = ran.status(4);
    let [gone, _, odd] = [0, 1, 2].map(|at| &report["engines"][at]);
    assert_eq!((&gone["state"], &gone["kind"]), (&json!("failed"), &json!("no connection")));
    assert_eq!((&odd["state"], &odd["failures"]["inputs"]), (&json!("answered"), &json!(1)));
    assert_eq!(odd["failures"]["answered_alone"], json!(19));
    let text = squeezed(&ran);
    assert!(text.contains("input 13: status 413") && text.contains("no connection"), "{text}");
}

#[test]
fn the_reference_is_the_users_or_the_most_right_one_that_answers() {
    let fake = Fake::tei(|_| None);
    let tei = format!("tei={}", fake.url);
    let reference = |specs: &str, more: &[&str]| {
        let (ran, report) = report(engines(specs).args(more).args(["--retries", "0"]).stdin(lines(5)));
        (ran, report["reference"].clone(), report["engines"][0]["against"].clone())
    };
    let both = format!("{tei},onnx");
    let (_, chosen, _) = reference(&both, &[]);
    assert_eq!(chosen, json!("onnx"));
    let (_, chosen, against) = reference(&both, &["--reference", &tei]);
    assert_eq!((chosen, against), (json!(tei), Json::Null));
    // Two engines that answer are compared; with one that was wished for, and is not there, nothing is.
    let gone = format!("{tei},onnx,tei=http://127.0.0.1:9");
    let (ran, chosen, against) = reference(&gone, &["--reference", "tei=http://127.0.0.1:9"]);
    assert_eq!((chosen, against), (Json::Null, Json::Null));
    assert!(squeezed(&ran.status(4)).contains("not compared"));
    let unknown = engines("onnx").args(["--reference", "torch"]).stdin("a\n").run().status(2);
    assert!(unknown.err.contains("--reference: no engine is called \"torch\"; engines: onnx"), "{}", unknown.err);
}

#[test]
fn scored_pairs() {
    let files = Files::temporary();
    let texts: Vec<String> = lines(60).lines().map(str::to_owned).collect();
    let rows = texts.windows(2).enumerate().map(|(at, pair)| format!("{}\t{}\t{}\n", pair[0], pair[1], at * 7 % 11));
    let path = files.write("sts.tsv", format!("sentence1\tsentence2\tscore\n{}", rows.collect::<String>()));
    let (ran, report) = report(engines("onnx,onnx:int8").args(["--task", "sts"]).arg(&path));
    let ran = ran.status(0);
    assert_eq!(report["workload"]["inputs"], json!(60), "each text once");
    let [onnx, int8] = [0, 1].map(|at| &report["engines"][at]["sts"]);
    assert_eq!((&onnx["pairs"], &onnx["lost"], &onnx["comparison"]), (&json!(59), &json!(0), &Json::Null));
    let difference = &int8["comparison"]["spearman"];
    let spearman = |sts: &Json| sts["spearman"]["value"].as_f64().unwrap();
    let expected = spearman(int8) - spearman(onnx);
    assert!((difference["difference"].as_f64().unwrap() - expected).abs() < 1e-12, "{difference}");
    assert!(squeezed(&ran).contains("Against the truth"), "{}", ran.text());
    engines("onnx,onnx:int8").args(["--task", "sts", "--fail-if", "spearman<-90%"]).arg(&path).run().status(0);
}

/// A server whose vectors say what a text is about, and one that has forgotten half of it.
#[test]
fn a_search_that_finds_less_is_found() {
    let files = Files::temporary();
    let (mut corpus, mut queries, mut qrels) =
        (String::new(), String::new(), "query-id\tcorpus-id\tscore\n".to_owned());
    for at in 0..40 {
        corpus += &format!("{}\n", json!({"_id": format!("d{at}"), "title": "T", "text": format!("document {at}")}));
        queries += &format!("{}\n", json!({"_id": format!("q{at}"), "text": format!("query {at}")}));
        qrels += &format!("q{at}\td{at}\t1\n");
    }
    std::fs::create_dir(files.path("qrels")).unwrap();
    files.write("corpus.jsonl", corpus);
    files.write("queries.jsonl", queries);
    files.write("qrels/test.tsv", qrels);
    let about = |forgets: bool| {
        Fake::tei(move |texts| {
            let vector = |text: &str| {
                let about: usize = text.rsplit(' ').next().unwrap().parse().unwrap_or_default();
                let forgotten = forgets && about % 2 == 1 && text.contains("document");
                let angle = if forgotten { 0 } else { about } as f32 / 13.0;
                vec![angle.cos(), angle.sin()]
            };
            Some(vectors(texts.iter(), vector))
        })
    };
    let (whole, half) = (about(false), about(true));
    let specs = format!("tei={},tei={}", whole.url, half.url);
    let run = |more: &[&str]| engines(&specs).args(["--task", "retrieval"]).args(more).arg(files.path(""));
    let (ran, report) = report(run(&[]));
    ran.status(0);
    let [whole, half] = [0, 1].map(|at| &report["engines"][at]["retrieval"]);
    assert_eq!((&whole["ndcg10"]["value"], &whole["queries"]), (&json!(1.0), &json!(40)));
    assert!(half["ndcg10"]["value"].as_f64().unwrap() < 0.7, "{half}");
    assert_eq!(half["comparison"]["ndcg10"]["verdict"], json!("worse"));
    run(&["--fail-if", "ndcg10<-5%"]).run().status(5);
    run(&["--fail-if", "recall100<0.1"]).run().status(0);
}

/// Queries have a prompt there, which goes with the texts where the server knows no roles.
#[test]
fn queries_and_documents_get_the_prompts_of_their_roles() {
    let files = Files::temporary();
    std::fs::create_dir(files.path("qrels")).unwrap();
    files.write("corpus.jsonl", "{\"_id\":\"d\",\"text\":\"the river\"}\n{\"_id\":\"e\",\"text\":\"a stone\"}\n");
    files.write("queries.jsonl", "{\"_id\":\"q\",\"text\":\"water\"}\n");
    files.write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\td\t1\n");
    let config: Json = serde_json::from_str(
        &std::fs::read_to_string(support::fixture("bert-tiny").join("config_sentence_transformers.json")).unwrap(),
    )
    .unwrap();
    let [query, document] = ["query", "document"].map(|role| config["prompts"][role].as_str().unwrap());
    assert!(!query.is_empty() && !document.is_empty());
    let fake = Fake::tei(|_| None);
    let specs = format!("onnx,infa,tei={}", fake.url);
    let (ran, report) = report(engines(&specs).args(["--task", "retrieval"]).arg(files.path("")));
    ran.status(0);
    assert_eq!(report["engines"][1]["against"]["verdict"], json!("interchangeable"), "{report}");
    let texts: Vec<String> = fake.seen().iter().flat_map(|seen| seen.inputs()).collect();
    assert!(texts.contains(&format!("{query}water")) && texts.contains(&format!("{document}the river")), "{texts:?}");
}

#[test]
fn rerankers() {
    let files = Files::temporary();
    let rows = (0..6).map(|at| {
        let documents: Vec<&str> = ["the river", "a stone", "cold", "walks quickly"][..2 + at % 3].to_vec();
        format!("{}\n", json!({"query": format!("what is {at}"), "documents": documents}))
    });
    let path = files.write("queries.jsonl", rows.collect::<String>());
    let model = support::fixture("architectures/bert-rerank");
    let run = |specs: &str| {
        infa(["compare", "--task", "rerank", "--threads", "2", "--engines", specs]).arg("-m").arg(&model).arg(&path)
    };
    let (ran, report) = report(run("onnx,infa"));
    ran.status(0);
    assert_eq!((&report["workload"]["inputs"], &report["workload"]["documents"]), (&json!(6), &json!(18)));
    assert_eq!(report["engines"][1]["rankings"]["verdict"], json!("interchangeable"), "{report}");
    // A server that sorts, and does not say so.
    let sorted = Fake::new(|seen| match seen.line.as_str() {
        "POST /rerank" => {
            let count = seen.body["texts"].as_array().unwrap().len();
            Answer::json(&json!(
                (0..count).map(|at| json!({"index": at, "score": 0.9 - at as f64 / 7.0})).collect::<Vec<_>>()
            ))
        }
        _ => Answer::status(404, "not here"),
    });
    let ran = run(&format!("onnx,tei={}", sorted.url)).args(["--fail-if", "tau_min<0.9"]).run().status(5);
    assert!(squeezed(&ran).contains("different"), "{}", ran.text());
}

#[test]
fn contradicting_flags_are_refused() {
    let files = Files::temporary();
    let empty = files.write("empty.txt", "\n \n");
    let text = files.write("a.txt", "a\n");
    for (args, said) in [
        (vec!["--engines", "onyx"], "did you mean \"onnx\"?"),
        (vec!["--engines", "onnx,onnx"], "two engines are called \"onnx\""),
        (vec!["--engines", ""], "--engines: no engine is named"),
        (vec!["--engines", "onnx", "--qrels", "x"], "--qrels: it is for --task retrieval"),
        (vec!["--engines", "onnx", "--split", "x"], "--split: it is for --task sts"),
        (vec!["--engines", "onnx", "--baseline", "onnx"], "--reference names one of --engines"),
        (vec!["--engines", "onnx", "--request-timeout", "0s"], "--request-timeout"),
        (vec!["--engines", "onnx", "--task", "retrieval"], "corpus.jsonl"),
        (vec!["--task", "sts"], "--task: it is for a comparison of engines; name some with --engines"),
    ] {
        let ran = infa(["compare"]).args(&args).arg(&text).run().status(2);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
    let ran = engines("onnx").arg(&empty).run().status(2);
    assert!(ran.err.contains("there is no text") && ran.err.contains("empty.txt"), "{}", ran.err);
    let ran = engines("onnx").arg(files.path("none.txt")).run();
    assert!(ran.err.contains("none.txt"), "{}", ran.err);
}

#[test]
fn interrupted_it_reports_the_results_so_far() {
    let count = AtomicUsize::new(0);
    let slow = Fake::tei(move |_| (count.fetch_add(1, Ordering::SeqCst) > 0).then_some(Answer::Never));
    let dir = tempfile::tempdir().unwrap();
    let (input, path) = (dir.path().join("a.txt"), dir.path().join("report.json"));
    std::fs::write(&input, lines(9)).unwrap();
    let specs = format!("onnx,tei={}", slow.url);
    let running = engines(&specs).arg(&input).arg("--export-json").arg(&path).spawn();
    slow.wait_for(2);
    running.signal(libc::SIGINT);
    let ran = running.end().status(130);
    let report: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((&report["interrupted"], &report["engines"][1]["state"]), (&json!(true), &json!("not_asked")));
    assert_eq!(report["engines"][0]["state"], json!("answered"), "{}", ran.err);
}

#[test]
fn an_engine_that_fails_under_load_is_reported() {
    let asked = AtomicUsize::new(0);
    // Two batches, then five texts alone, then the same ones many at once.
    let fake = Fake::tei(move |_| (asked.fetch_add(1, Ordering::SeqCst) > 6).then(|| Answer::status(503, "busy")));
    let specs = format!("tei={}", fake.url);
    let run = || engines(&specs).args(["--retries", "0", "--batch", "3", "--samples", "5"]).stdin(lines(5));
    let (ran, report) = report(run().args(["--fail-if", "failed>0"]));
    let ran = ran.status(5);
    let failures = &report["engines"][0]["failures"];
    assert_eq!((&failures["inputs"], &failures["not_answered_again"]), (&json!(0), &json!(5)));
    let text = squeezed(&ran);
    assert!(
        text.contains("5 times an input had a result in its batch, but not alone") && text.contains("busy"),
        "{text}"
    );
}

#[test]
fn nan_outside_of_batches_is_reported() {
    let fake = Fake::tei(|texts| {
        Some(vectors(texts.iter(), |text| match texts.len() {
            1 => vec![0.0; 8],
            _ => direction(text).into(),
        }))
    });
    let text = squeezed(&engines(&format!("tei={}", fake.url)).stdin(lines(6)).run().status(0));
    assert!(text.contains("Unsound sent alone, 6 of 6 have NaN, an infinite number or only zeros"), "{text}");
}

#[test]
fn inputs_and_other_reports_are_not_written_over() {
    let files = Files::temporary();
    let path = files.write("texts.txt", lines(3)).to_str().unwrap().to_owned();
    let other = files.path("report").to_str().unwrap().to_owned();
    let run = |more: &[&str]| engines("onnx").arg(&path).args(more).run();
    run(&["--export-json", &path]).refuses(2, &["--export-json", "texts.txt", "it is compared"]);
    files.write("report", "old");
    run(&["--export-json", &other, "--export-html", &other]).refuses(2, &["--export-html", "another output"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), lines(3));
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "old");
    run(&["--export-json", "/dev/null", "--export-html", "/dev/null"]).status(0);
}

#[test]
fn a_threshold_that_nothing_is_held_against_is_no_pass() {
    let ran = engines("onnx").args(["--fail-if", "cosine_min<0.9"]).stdin(lines(3)).run().status(2);
    assert!(ran.err.contains("--fail-if: cosine_min<0.9: it takes a second engine"), "{}", ran.err);
    engines("onnx").args(["--fail-if", "alone_cosine_min<0.9"]).stdin(lines(3)).run().status(0);
}

#[test]
fn lines_that_are_not_queries_are_reported() {
    let ran = engines("onnx").args(["--task", "rerank"]).stdin(lines(3)).run().status(2);
    for words in ["stdin: there is no query with documents: 3 queries cannot be used", "the first: stdin:1"] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

/// sentence-transformers would make vectors of it.
#[test]
fn a_cross_encoder_has_no_vectors_for_anybody() {
    let ran = infa(["compare", "--engines", "onnx,torch"])
        .arg("-m")
        .arg(support::fixture("architectures/bert-rerank"))
        .stdin("a\nb\n")
        .run()
        .status(4);
    assert_eq!(squeezed(&ran).matches("is a cross-encoder").count(), 2, "{}", ran.text());
}
