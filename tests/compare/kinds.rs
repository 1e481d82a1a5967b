//! `infa compare runs`, `vectors` and `engines`: the same reports as without a subcommand, and only their own flags.

use crate::{Files, compare, noisy, report, run};

#[test]
fn a_subcommand_is_what_the_bare_command_guesses() {
    let files = Files::temporary();
    let runs = [files.report("base.json", &report(&noisy(1000.0))), files.report("new.json", &report(&noisy(900.0)))];
    let vectors =
        ["a.jsonl", "b.jsonl"].map(|name| files.write(name, "{\"embedding\":[1.0,0.0]}\n{\"embedding\":[0,1]}\n"));
    for (kind, pair) in [("runs", runs), ("vectors", vectors)] {
        let own = run::infa(["compare", kind]).args(&pair).run().status(0);
        assert_eq!(own.text(), compare(&pair).run().status(0).text(), "{kind}");
        assert!(!own.text().is_empty());
    }
    let engines = ["--engines", "onnx", "-m"];
    let model = crate::support::fixture("bert-tiny");
    for begin in [&["compare"][..], &["compare", "engines"]] {
        let ran = run::infa(begin).args(engines).arg(&model).stdin("a\nb\nc\n").run().status(0);
        assert!(ran.text().contains("3 texts of"), "{}", ran.text());
    }
}

#[test]
fn each_kind_has_its_own_flags_and_metrics() {
    let files = Files::temporary();
    let base = files.report("base.json", &report(&noisy(1000.0)));
    let run = |kind: &str, flags: &[&str]| run::infa(["compare", kind]).args(flags).arg(&base).arg(&base).run();
    run("vectors", &["--baseline", "onnx"]).refuses(2, &["--baseline"]);
    run("runs", &["--task", "sts"]).refuses(2, &["--task"]);
    run("engines", &[]).refuses(2, &["--engines"]);
    run("engines", &["--engines", "onnx", "--force"]).refuses(2, &["--force"]);
    run("runs", &["--fail-if", "top10<0.9"]).refuses(2, &["it is one of saved vectors", "infa compare runs --help"]);
    let long = run("runs", &["--fail-if", "sped<1"]).refuses(2, &["result files have no metric \"sped\""]);
    assert!(long.err.lines().all(|line| line.chars().count() < 150), "{}", long.err);
    for (kind, metric, other) in
        [("runs", "held_requests_per_s", "top10"), ("vectors", "top10", "memory"), ("engines", "ndcg10", "memory")]
    {
        let help = run::infa(["compare", kind, "--help"]).run().status(0);
        assert!(help.text().contains(metric) && !help.text().contains(&format!("{other},")), "{}", help.text());
    }
}

#[test]
fn flags_may_stand_before_a_subcommand() {
    let files = Files::temporary();
    let base = files.report("base.json", &report(&noisy(1000.0)));
    let vectors = files.write("a.jsonl", "{\"embedding\":[1.0,0.0]}\n{\"embedding\":[0,1]}\n");
    let run = |words: &[&str]| run::infa(["compare"]).args(words);
    for (words, file) in [
        (&["-q", "vectors"][..], &vectors),
        (&["--fail-if", "cosine_min<0.9", "vectors"], &vectors),
        (&["--offline", "runs"], &base),
        (&["--metrics", "all", "runs"], &base),
    ] {
        run(words).arg(file).arg(file).run().status(0);
    }
    let model = crate::support::fixture("bert-tiny");
    let ran = run(&["-q", "--engines", "onnx", "engines", "-m"]).arg(&model).stdin("a\nb\n").run().status(0);
    assert!(ran.text().contains("2 texts of"), "{}", ran.text());
    // Flags of another kind are as wrong as behind it.
    run(&["--force", "vectors"]).arg(&vectors).arg(&vectors).run().refuses(2, &["--force"]);
    run(&["--engines", "onnx", "runs"]).arg(&base).arg(&base).run().refuses(2, &["--engines"]);
    run(&["-q", "vectors"]).arg(&vectors).run().refuses(2, &["a single file of vectors"]);
    run(&["-q", "engines"]).arg(&vectors).run().refuses(2, &["--engines"]);
}

/// A subcommand is only the first word: a file of that name can be given as a path, or after a flag.
#[test]
fn files_can_have_the_names_of_subcommands() {
    let files = Files::temporary();
    let base = files.report("base.json", &report(&noisy(1000.0)));
    files.report("runs", &report(&noisy(900.0)));
    for order in [&["./runs", "base.json"][..], &["base.json", "runs"], &["--force", "runs", "base.json"]] {
        let script = format!("cd '{}' && \"$@\"", base.parent().unwrap().display());
        let ran = run::infa(["compare"]).args(order).run_in_shell(&script).status(0);
        assert!(ran.text().contains("runs (2026-"), "{order:?}: {}", ran.text());
    }
}

#[test]
fn variables_of_the_command_are_those_of_its_kinds() {
    let files = Files::temporary();
    let base = files.report("base.json", &report(&noisy(1000.0)));
    let new = files.report("new.json", &report(&noisy(900.0)));
    let ran = run::infa(["compare", "runs"]).env("INFA_FILES", &new).env("INFA_BASE", &base).run().status(0);
    assert!(ran.text().contains("slower"), "{}", ran.text());
    let ran = run::infa(["compare", "runs"]).arg(&base).arg(&new).env("INFA_FAIL_IF", "tokens_per_s<-5%").run();
    ran.status(5).says(&["crossed by onnx"]);
    // Those of other kinds change nothing.
    run::infa(["compare", "runs"]).arg(&base).arg(&new).env("INFA_ENGINES", "onnx").run().status(0);
}

#[test]
fn short_help_fits_on_a_screen() {
    for arguments in [
        &["compare", "-h"][..],
        &["compare", "runs", "-h"],
        &["compare", "vectors", "-h"],
        &["compare", "engines", "-h"],
    ] {
        let ran = run::infa(arguments).env("COLUMNS", "100").run().status(0);
        let lines = ran.text().lines().count();
        assert!((10..=32).contains(&lines) && ran.text().contains("--fail-if"), "{lines} lines\n{}", ran.text());
    }
}
