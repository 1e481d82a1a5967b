//! `--fail-if`: exit status 5 when something is crossed beyond the noise, and only then.

use serde_json::json;

use crate::{Files, compare, noisy, report};

const ALL: [&str; 8] = [
    "tokens_per_s<-0.1%",
    "p99>+0%",
    "p50>+1%",
    "requests_per_s<-5%",
    "cosine_min<0.999",
    "errors>0",
    "memory>+1%",
    "tokens_per_s<500",
];

fn fail_if(thresholds: &[&str]) -> Vec<String> {
    thresholds.iter().flat_map(|threshold| ["--fail-if".to_owned(), (*threshold).to_owned()]).collect()
}

#[test]
fn the_same_run_crosses_nothing() {
    let files = Files::temporary();
    let base = files.report("base.json", &report(&noisy(1000.0)));
    let ran = compare(&[&base, &base]).args(fail_if(&ALL)).run().status(0);
    assert!(!ran.err.contains("error:"), "{}", ran.err);
    assert_eq!(ran.text().matches(": not crossed by onnx").count(), ALL.len(), "{}", ran.text());
}

#[test]
fn crossed_thresholds_are_reported_with_their_values() {
    let files = Files::temporary();
    let (base, new) =
        (files.report("base.json", &report(&noisy(1000.0))), files.report("new.json", &report(&noisy(900.0))));
    let ran = compare(&[&base, &new]).args(fail_if(&["tokens_per_s<-5%", "p99>+5%", "p50>+50%"])).run().status(5);
    let words = [
        "error: tokens_per_s<-5%: crossed by onnx: tokens_per_s by -10.0% (-13.",
        "p99>+5%: crossed by onnx: p99 by +11.1%",
    ];
    let ran = ran.says(&words);
    assert!(!ran.err.contains("p50"), "{}", ran.err);
    assert!(ran.text().contains("p50>+50%: not crossed by onnx"), "{}", ran.text());
    // Faster is not slower.
    compare(&[&new, &base]).args(fail_if(&["tokens_per_s<-5%", "p99>+5%"])).run().status(0);
    let by_variable = compare(&[&base, &new]).env("INFA_FAIL_IF", "tokens_per_s<-5%,p99>+50%").run().status(5);
    by_variable.says(&["tokens_per_s<-5%"]);
}

#[test]
fn changes_within_the_noise_do_not_count() {
    let files = Files::temporary();
    let rates = [1000.0, 700.0, 1300.0];
    let base = files.report("base.json", &report(&rates));
    let new = files.report("new.json", &report(&rates.map(|rate| rate * 0.9)));
    let ran = compare(&[&base, &new]).args(fail_if(&["tokens_per_s<-5%"])).run().status(0);
    let words = "tokens_per_s<-5%: not crossed for certain by onnx: tokens_per_s by -10.0%, but the interval ends at +";
    assert!(ran.text().contains(words), "{}", ran.text());
    // Nothing of the size that the threshold is for would cross it.
    assert_eq!(ran.text().matches("the noise is too large for these thresholds").count(), 1, "{}", ran.text());
    ran.says(&["warning: the noise is too large for these thresholds; crossed is tokens_per_s<-5% of onnx only by -"]);
    let (one, other) = (files.report("one.json", &report(&[1000.0])), files.report("other.json", &report(&[500.0])));
    let ran = compare(&[&one, &other]).args(fail_if(&["tokens_per_s<-5%"])).run().status(0);
    ran.says(&["warning: tokens_per_s<-5%: not checked, since its noise is not known, for onnx"]);
}

#[test]
fn cosines_are_held_against_values() {
    let files = Files::temporary();
    let mut new = report(&noisy(1000.0));
    let base = files.report("base.json", &new);
    new["engines"][0]["fidelity"]["vectors"]["agreement"]["cosine_min"] = json!(0.98);
    let new = files.report("new.json", &new);
    compare(&[&base, &new]).args(fail_if(&["cosine_min<0.999"])).run().status(5).says(&["cosine_min 0.9800"]);
    compare(&[&base, &new]).args(fail_if(&["cosine_min<0.9"])).run().status(0);
}

#[test]
fn an_engine_that_failed_crosses_what_it_was_held_against() {
    let files = Files::temporary();
    let mut new = report(&noisy(1000.0));
    let base = files.report("base.json", &new);
    new["engines"][0]["rounds"] = json!([]);
    new["engines"][0]["state"] = json!({"state": "failed", "stage": "start", "kind": "timeout", "message": "late"});
    let new = files.report("new.json", &new);
    let ran = compare(&[&base, &new]).args(fail_if(&["tokens_per_s<-5%"])).run().status(5);
    ran.says(&["no tokens_per_s any more: failed at start: timeout"]);
}

#[test]
fn malformed_thresholds_are_refused() {
    let files = Files::temporary();
    let base = files.report("base.json", &report(&noisy(1000.0)));
    for (threshold, words) in [
        ("token_per_s<-5%", &["did you mean tokens_per_s?", "infa compare runs --help lists"][..]),
        ("tokens_per_s<5%", &["did you mean tokens_per_s<-5%?"]),
        ("tokens_per_s", &["a metric, < or >"]),
        ("tau_mean<0.9", &["no engine has tau_mean", "hint: "]),
    ] {
        compare(&[&base, &base]).args(["--fail-if", threshold]).run().refuses(2, words).says(&["--fail-if"]);
    }
}
