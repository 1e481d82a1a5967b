//! Where a comparison goes.

use serde_json::Value as Json;

use crate::{Files, compare, noisy, report, run};

fn pair(files: &Files, rate: f64) -> [std::path::PathBuf; 2] {
    [files.report("base.json", &report(&noisy(1000.0))), files.report("new.json", &report(&noisy(rate)))]
}

#[test]
fn a_table_with_verdicts() {
    let files = Files::temporary();
    let ran = compare(&pair(&files, 940.0)).run().status(0);
    let row = |text: &str| ran.text().lines().rfind(|line| line.contains(text)).unwrap_or_default().to_owned();
    let tokens = row("tokens/s");
    assert!(tokens.starts_with("onnx") && tokens.contains("-6.0%") && tokens.ends_with("slower"), "{}", ran.text());
    assert!(row("p99 ms").ends_with("slower") && row("cosine min").ends_with("indistinguishable"));
    assert!(row("memory").ends_with("–") && ran.text().contains("measured once a side"), "{}", ran.text());
    assert!(ran.text().contains("Intervals hold for all figures of this report together"), "{}", ran.text());
    let all = compare(&pair(&files, 970.0)).args(["--metrics", "all"]).run().status(0);
    assert!(all.text().contains("requests/s") && all.text().contains("errors"), "{}", all.text());
    let one = compare(&pair(&files, 970.0)).args(["--metrics", "p99_ms,errors"]).run().status(0);
    assert!(one.text().contains("p99 ms") && !one.text().contains("tokens/s"), "{}", one.text());
    compare(&pair(&files, 970.0))
        .args(["--metrics", "p98"])
        .run()
        .refuses(2, &["p98", "did you mean p9", "infa compare runs --help"]);
}

#[test]
fn half_a_per_cent_is_noise() {
    let files = Files::temporary();
    let ran = compare(&pair(&files, 995.0)).run().status(0);
    let row = ran.text().lines().find(|line| line.contains("tokens/s")).unwrap_or_default().to_owned();
    assert!(row.ends_with("indistinguishable"), "{row}");
}

#[test]
fn documents_are_written() {
    let files = Files::temporary();
    let (json, markdown, html) = (files.path("out.json"), files.path("out.md"), files.path("out.html"));
    let ran = compare(&pair(&files, 900.0)).arg("--export-json").arg(&json).arg("--export-markdown").arg(&markdown);
    ran.arg("--export-html").arg(&html).run().status(0);
    let document: Json = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let schema: Json = serde_json::from_str(include_str!("../../docs/compare-report.schema.json")).unwrap();
    assert!(jsonschema::is_valid(&schema, &document));
    let tokens = &document["comparisons"][0]["engines"][0]["metrics"][0];
    assert_eq!((&tokens["metric"], &tokens["verdict"]), (&"tokens_per_s".into(), &"slower".into()));
    assert!((tokens["change"]["value"].as_f64().unwrap() - 0.9).abs() < 1e-9);
    let text = std::fs::read_to_string(markdown).unwrap();
    assert!(text.contains("| onnx | tokens/s | ") && text.contains("**slower**"), "{text}");
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("onnx: slower (tokens/s, p50, p99).") && page.contains("base.json"), "{page}");
}

#[test]
fn stdout_can_be_the_document() {
    let files = Files::temporary();
    let ran = compare(&pair(&files, 900.0)).args(["--export-json", "-"]).run().status(0);
    let document: Json = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!(document["schema_version"], 1);
    assert!(ran.err.contains("slower"), "{}", ran.err);
    let ran = compare(&pair(&files, 900.0)).args(["--export-markdown", "-"]).run().status(0);
    let begin = "- **onnx: slower (tokens/s, p50, p99).**\n\n**embedding";
    assert!(ran.text().starts_with(begin), "{}", ran.text());
    let ran = compare(&pair(&files, 900.0)).args(["--export-html", "-"]).run().status(0);
    assert!(ran.text().starts_with("<!doctype html>") && ran.err.contains("slower"), "{}", ran.err);
    let page = files.path("page.html");
    compare(&pair(&files, 900.0)).env("INFA_EXPORT_HTML", &page).run().status(0);
    assert_eq!(std::fs::read(page).unwrap(), ran.out);
    compare(&pair(&files, 900.0)).args(["--export-json", "-", "--export-markdown", "-"]).run().refuses(2, &["stdout"]);
    compare(&pair(&files, 900.0)).args(["--export-json", "/no/where.json"]).run().refuses(2, &["/no/where.json"]);
    compare(&pair(&files, 900.0)).args(["--export-html", "/no/where.html"]).run().refuses(2, &["/no/where.html"]);
}

#[test]
fn several_files_and_several_sides() {
    let files = Files::temporary();
    let [base, new] = pair(&files, 900.0);
    let third = files.report("third.json", &report(&noisy(1100.0)));
    let ran = compare(&[&base, &new, &third]).run().status(0);
    assert_eq!(ran.text().matches("Base      ").count(), 2, "{}", ran.text());
    assert!(ran.text().contains("faster") && ran.text().contains("slower"));
    let both = format!("{},{}", base.display(), new.display());
    let ran = compare(&[&third]).args(["--base", &both]).run().status(0);
    assert!(ran.text().contains("each run is one value"), "{}", ran.text());
    // Typed, it silences the variable of what excludes it.
    compare(&[&third]).args(["--base", &both]).env("INFA_BASELINE", "onnx").run().status(0);
    // By variables, as everything.
    let ran = run::infa(["compare"]).env("INFA_FILES", &third).env("INFA_BASE", &both).run().status(0);
    assert!(ran.text().contains("each run is one value"), "{}", ran.text());
}

/// What a real run writes is read, and its engines are compared round by round.
#[test]
fn reports_of_bench_are_read() {
    let files = Files::temporary();
    let path = files.path("run.json");
    let bench = [
        "bench",
        "--engines",
        "onnx,onnx:int8",
        "--threads",
        "2",
        "--dataset",
        "fixed:12x8",
        "--batch",
        "4",
        "--concurrency",
        "2",
        "--requests",
        "6",
        "--rounds",
        "3",
        "--warm-up",
        "0s",
        "-m",
    ];
    run::infa(bench).arg(crate::support::fixture("bert-tiny")).arg("--export-json").arg(&path).run().status(0);
    let ran = compare(&[&path]).run().status(0);
    assert!(ran.text().contains("onnx:int8 / onnx") && ran.text().contains("tokens/s"), "{}", ran.text());
    let same = compare(&[&path, &path]).run().status(0).says(&["are the same run"]);
    assert!(!same.text().contains("faster") && !same.text().contains("slower"), "{}", same.text());
}

/// Another dataset, batch, load or model is other work: no verdict, and no success for a threshold.
#[test]
fn other_workloads_are_not_comparable() {
    let files = Files::temporary();
    let base = files.report("base.json", &report(&noisy(1000.0)));
    for (field, value) in [
        ("dataset", Json::from("code")),
        ("inputs_per_request", 8.into()),
        ("load", "offline".into()),
        ("texts", 7.into()),
    ] {
        let mut new = report(&noisy(500.0));
        new["workload"][field] = value;
        let new = files.report("new.json", &new);
        let ran = compare(&[&base, &new]).run().status(0);
        assert!(ran.text().contains("not comparable") && ran.err.contains("not comparable"), "{field}: {}", ran.text());
        for word in ["slower", "faster", "worse", "better", "-50"] {
            assert!(!ran.text().contains(word), "{field}: {word} in {}", ran.text());
        }
        let fail_if = ["--fail-if", "tokens_per_s<-5%"];
        compare(&[&base, &new]).args(fail_if).run().status(2).says(&["not checked for onnx", "--force"]);
        compare(&[&base, &new]).args(fail_if).arg("--force").run().status(5).says(&["crossed by onnx"]);
        // A value is what it is.
        compare(&[&base, &new]).args(["--fail-if", "tokens_per_s<900"]).run().status(5);
        compare(&[&base, &new]).args(["--fail-if", "cosine_min<0.9"]).run().status(0);
    }
    let mut new = report(&noisy(1000.0));
    new["workload"]["task"] = "rerank".into();
    let new = files.report("new.json", &new);
    compare(&[&base, &new]).run().refuses(2, &["nothing in common"]);
    let vectors = files.write("a.jsonl", "{\"embedding\":[1.0,0.0]}\n");
    compare(&[&vectors, &vectors]).arg("--force").run().refuses(2, &["--force", "result files"]);
}

/// The interval and the noise floor are what the command is for: they stay when other columns go.
#[test]
fn one_engine_each_is_compared_whatever_it_is_called() {
    let files = Files::temporary();
    let named = |file: &str, name: &str, rate: f64| {
        let mut report = report(&noisy(rate));
        report["engines"][0]["name"] = name.into();
        report["engines"][0]["spec"] = name.into();
        files.report(file, &report)
    };
    let (base, new) = (
        named("base.json", "openai=http://10.0.0.1/v1", 1000.0),
        named("new.json", "openai=http://10.0.0.2/v1", 900.0),
    );
    let ran = compare(&[&base, &new]).run().status(0);
    assert!(ran.text().contains("10.0.0.2") && ran.text().contains("slower"), "{}", ran.text());
}

/// Whoever reads stdout and stderr in one place reads each warning once, and whoever reads one of them reads it there.
#[test]
fn warnings_come_once() {
    let files = Files::temporary();
    let base = files.report("base.json", &report(&noisy(1000.0)));
    let again = files.report("again.json", &report(&noisy(1000.0)));
    let (words, out) = ("are the same run", files.path("out.txt"));
    let script = format!("\"$@\" > '{}' 2>&1", out.display());
    assert_eq!(compare(&[&base, &again]).run_in_shell(&script).status, 0);
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!(text.split_whitespace().collect::<Vec<_>>().join(" ").matches(words).count(), 1, "{text}");
    let piped = compare(&[&base, &again]).run_in_shell("\"$@\" 2>&1 | cat");
    assert_eq!(piped.text().matches(words).count(), 1, "{}", piped.text());
    let apart = compare(&[&base, &again]).run().status(0).says(&[words]);
    assert_eq!(apart.text().matches(words).count(), 1, "{}", apart.text());
    // Where a document has stdout, the table is on stderr.
    let document = compare(&[&base, &again]).args(["--export-json", "-"]).run().status(0);
    assert_eq!(document.err.matches(words).count(), 1, "{}", document.err);
}
