//! What is told before anything is measured.

use crate::{bench, read, run};

#[test]
fn a_plan_is_printed_and_nothing_measured() {
    let ran = run::infa(["bench", "cpu-bge-small", "--seed", "7", "--rounds", "2", "--dry-run"]).run().status(0);
    let plan = ran.text();
    for line in [
        "config     cpu-bge-small",
        "seed       7",
        "rounds     2 to 2",
        "dataset    payload:255",
        "engine     torch, baseline, reference",
    ] {
        assert!(plan.contains(line), "{line} in {plan}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = dir.path().join("mine.toml");
    std::fs::write(&wrong, "engines = ['onnx']\nconcurency = 3\n").unwrap();
    let wrong = wrong.to_str().unwrap();
    for (args, said) in [
        (&["quik"][..], &["did you mean quick?"][..]),
        (&[wrong], &["mine.toml", "line 2", "did you mean `concurrency`?"]),
        (&["--engines", "onix"], &["did you mean \"onnx\"?"]),
        (&["--engines", "onnx", "--load", "closed:x"], &["--load", "number of clients"]),
        (&["--engines", "onnx", "--dataset", "lognorm"], &["--dataset", "lognormal"]),
        (&["--engines", "onnx", "--baseline", "torch"], &["--baseline", "engines: onnx"]),
        (&["--engines", "onnx", "--concurrency", "2", "--rate", "3"], &["cannot be used with"]),
        (&["--engines", "onnx", "--rounds", "0"], &["--rounds"]),
        (&["--engines", "onnx", "--export-json", "/nonexistent/x.json"], &["/nonexistent"]),
        (&["--engines", "onnx", "--splice", "/nonexistent/x.md"], &["/nonexistent"]),
        (&["--engines", "onnx", "-m", "/nonexistent/model"], &["/nonexistent/model"]),
    ] {
        let ran = run::infa(["bench"]).args(args).run().status(2);
        assert!(ran.out.is_empty(), "{args:?}");
        for said in said {
            assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
        }
    }
}

#[test]
fn secrets_are_told_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("r.json");
    let spec = "openai=http://me:geheim@127.0.0.1:9/v1?key=geheim";
    let ran = bench(spec, []).arg("--export-json").arg(&json).run().status(4);
    for told in [ran.err.as_str(), ran.text(), &read(&json)] {
        assert!(!told.contains("geheim"), "{told}");
    }
}

#[test]
fn a_spliced_file_needs_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let readme = dir.path().join("README.md");
    std::fs::write(&readme, "# mine\n").unwrap();
    let ran = bench("onnx", []).arg("--splice").arg(&readme).run().status(2);
    assert!(ran.err.contains("README.md") && ran.err.contains("infa bench"), "{}", ran.err);
    assert_eq!(read(&readme), "# mine\n");
}
