//! Messages before a measurement.

use crate::{bench, read, run};

#[test]
fn a_plan_is_printed_and_nothing_measured() {
    let args = ["bench", "cpu-bge-small", "--seed", "7", "--rounds", "2", "--python", "/bin/false", "--dry-run"];
    let ran = run::infa(args).run().status(0);
    let plan = ran.text();
    for line in [
        "config     cpu-bge-small",
        "seed       7",
        "rounds     2\n",
        "changed by ",
        "takes      as long as the engines need for 2 rounds of 10 requests for each of the ",
        " engines that can run here, besides",
        "dataset    payload:255",
        "engine     torch, baseline",
        "(infa engines install torch)",
    ] {
        assert!(plan.contains(line), "{line} in {plan}");
    }
}

#[test]
fn impossible_flags_are_refused_with_a_hint() {
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
fn secrets_are_never_printed() {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("r.json");
    let spec = "openai=http://me:geheim@127.0.0.1:9/v1?key=geheim";
    let ran = bench(spec, []).arg("--export-json").arg(&json).run().status(4);
    for text in [ran.err.as_str(), ran.text(), &read(&json)] {
        assert!(!text.contains("geheim"), "{text}");
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

/// Flags and configs that combine, and those that do not; errors come before any measurement.
#[test]
fn flags_and_configs_do_not_get_in_each_others_way() {
    let model = crate::support::fixture("bert-tiny");
    let dry = |args: &[&str]| run::infa(["bench"]).args(args).arg("--dry-run").arg("-m").arg(&model).run();
    for (args, said) in [
        (
            &["cpu-bge-small", "--engines", "onnx,onnx:int8"][..],
            &["engine     onnx, baseline, reference", "note       torch, the baseline of the config"][..],
        ),
        (&["quantisation", "--engines", "onnx,onnx:int8"], &["note       torch, the reference of the config"]),
        (
            &["--engines", "onnx,onnx:int8"],
            &["config     quick, changed by --engines, --model-id", "takes      12s to 20s"],
        ),
        (&["--rounds", "3"], &["rounds     3\n", "takes      12s (3 rounds of 2s for each of 2 engines)"]),
        (&["--stable", "2%"], &["until figures are stable to ±2%"]),
        (&["--dataset", "words:3x4", "--field", "body"], &["dataset    words:3x4\n", "note       --field changes"]),
        (
            &["--engines", "a=onnx,b=onnx:int8", "--baseline", "b"],
            &["engine     a (onnx), reference", "engine     b (onnx:int8), baseline"],
        ),
        (&["--engines", "onnx,onnx@cuda:float16"], &["engine     onnx@cuda:float16; cannot run here: "]),
        (&["--engines", "tei=http://127.0.0.1:9", "--threads", "2"], &["--threads changes nothing"]),
    ] {
        let ran = dry(args).status(0);
        for said in said {
            assert!(ran.text().contains(said), "{args:?}: {said} in {}", ran.text());
        }
        assert!(!ran.text().contains("title "), "{args:?}: {}", ran.text());
    }
    // Without any engine that can run the plan is printed, and fails as the run does.
    for (args, said) in [
        (&["--engines", "onnx:float16"][..], "cannot run here: "),
        (&["--engines", "onnx", "--device", "cuda"], "engine     onnx, baseline, reference; cannot run here: "),
        (&["--engines", "torch", "--python", "/bin/false"], "engine     torch, baseline, reference; cannot run here: "),
    ] {
        let ran = dry(args).status(4);
        assert!(ran.text().contains(said), "{args:?}: {said} in {}", ran.text());
        assert!(ran.err.contains("error: no engine of the plan can run here"), "{args:?}: {}", ran.err);
    }
    for (args, said) in [
        (&["serving", "--rounds", "3"][..], "--rounds: a sweep or a search has no rounds"),
        (&["--load", "search:p99<1s", "--stable", "5%"], "--stable: a sweep or a search"),
        (&["rerank", "--batch", "4"], "--batch: with --task rerank"),
        (&["quick", "--engines", "onnx:int4"], "onnx has no option \"int4\""),
        (&["--engines", "torch:int7"], "torch has no option"),
        (&["latency", "--task", "rerank"], "the dataset queries has no documents to rerank"),
        (&["--stable", "2"], "did you mean 2%?"),
        (&["--dataset", "file=/nonexistent/x.txt"], "--dataset: file=/nonexistent/x.txt: no such file"),
        (
            &["--engines", "torch", "--python", "/nonexistent/python3"],
            "--python: /nonexistent/python3: no such program",
        ),
        (&["--engines", "onnx=onnx:int8"], "is the name of an engine"),
        (&["--engines", "a=onnx,a=onnx:int8"], "two engines are called \"a\""),
        (&["--engines", "onnx", "--baseline", "torch"], "--baseline: no engine is called \"torch\""),
        (&["--requests", "3", "--duration", "2s"], "cannot be used with"),
    ] {
        let ran = dry(args).status(2);
        assert!(ran.err.contains(said) && ran.out.is_empty(), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_config_says_what_is_a_flag_and_what_excludes_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("mine.toml");
    for (toml, said) in [
        ("export-json = 'x.json'", "`export-json` is a flag, not a key of a config: give --export-json"),
        ("requests = 3\nduration = '2s'", "requests and duration both end a round: give one of them"),
        ("load = 'sweep'\nrounds = 3", "--rounds: a sweep or a search has no rounds"),
        ("engines = ['onnx']\nbaseline = 'torch'", "no engine is called \"torch\""),
    ] {
        std::fs::write(&config, toml).unwrap();
        let ran = run::infa(["bench"]).arg(&config).arg("--dry-run").run().status(2);
        assert!(ran.err.contains(said), "{toml}: {}", ran.err);
    }
}

/// Engines that fail as soon as they start are named, and a plan of such engines alone fails as its run does.
#[test]
fn a_rehearsal_names_engines_that_fail_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let model = |name: &str| crate::support::fixture(&format!("architectures/{name}")).display().to_string();
    let tiny = crate::support::fixture("bert-tiny").display().to_string();
    let config = |engines: &str| {
        let path = dir.path().join("mine.toml");
        std::fs::write(&path, format!("engines = [{engines}]\nload = 'closed:1'\nrequests = 1\n")).unwrap();
        path.display().to_string()
    };
    let gone = "{ name = 'x', spec = 'infinity', launch = 'no-such-server --model {model} --port {port}' }";
    let path = "{ name = 'x', spec = 'tei', launch = '/nonexistent/server {model} {port}' }";
    let words = ["--dataset", "words:3x4", "--rounds", "1"];
    for (args, said) in [
        (&["--engines", "onnx,onnx:int8", "-m", &model("bert-classify")][..], "it was not trained to turn texts"),
        (&["--engines", "onnx", "-m", &model("bert-rerank")], "it was not trained to turn texts"),
        (&[&config(gone), "-m", &tiny], "no-such-server: no such program (is it installed, and in PATH?)"),
    ] {
        let run = |dry: &[&str]| run::infa(["bench"]).args(args).args(words).args(dry).run().status(4);
        let (plan, ran) = (run(&["--dry-run"]), run(&[]));
        assert!(plan.text().contains("cannot run here: ") && plan.text().contains(said), "{}", plan.text());
        assert!(plan.err.contains("error: no engine of the plan can run here"), "{}", plan.err);
        assert!(ran.text().contains("failed at start: "), "{}", ran.text());
        // The reason stands once, for all engines.
        let reason = if said.contains("trained") { said } else { "No such file" };
        assert_eq!(format!("{}{}", ran.text(), ran.err).matches(reason).count(), 1, "{} {}", ran.text(), ran.err);
        assert!(!ran.text().contains("start: error:") && !ran.err.contains("error:"), "{} {}", ran.text(), ran.err);
    }
    let rerank = ["bench", "--task", "rerank", "--dry-run", "--engines", "onnx", "-m"];
    let ran = run::infa(rerank).arg(model("bert-classify")).run().status(4);
    assert!(ran.text().contains("it gives no single score"), "{}", ran.text());
    run::infa(rerank).arg(model("bert-rerank")).run().status(0);
    // Others can be measured.
    let ran = run::infa(["bench", &config(&format!("'onnx', {path}")), "-m", &tiny, "--dry-run"]).run().status(0);
    let said =
        "engine     x (tei), started by: /nonexistent/server {model} {port}; cannot run here: /nonexistent/server: ";
    assert!(ran.text().contains(said), "{}", ran.text());
    let here = "{ name = 'x', spec = 'tei', launch = 'sh -c {model} {port}' }";
    run::infa(["bench", &config(here), "-m", &tiny, "--dry-run"]).run().status(0);
}

/// A dry run fails like the run itself, with the same words and exit status, and downloads nothing.
#[test]
fn a_rehearsal_finds_what_fails_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let dataset = |path: &str| format!("file={path}");
    let other = dataset(&file("b.csv", "title,body\na,b\n"));
    let empty = dataset(&file("empty.txt", "\n\n"));
    let broken = dataset(&file("broken.parquet", "PAR1 is all there is"));
    let plain = dataset(&file("plain.jsonl", "what do cats eat\na bridge\n"));
    let queries = dataset(&file("q.jsonl", "{\"query\": 3}\n"));
    let model = crate::support::fixture("bert-tiny");
    let model = model.to_str().unwrap();
    let none = dir.path().join("not-a-model");
    std::fs::create_dir(&none).unwrap();
    let none = none.to_str().unwrap();
    for (args, status, said) in [
        (&["-m", model, "--dataset", &other][..], 2, "name the field with --field"),
        (&["-m", model, "--dataset", &other, "--field", "nope"], 2, "nope"),
        (&["-m", model, "--dataset", &empty], 2, "it contains no text"),
        (&["-m", model, "--dataset", &broken], 2, "broken.parquet"),
        (&["-m", model, "--task", "rerank", "--dataset", &queries], 2, "it contains no text"),
        (&["-m", model, "--dataset", &plain], 2, "it contains no text: 2 rows that cannot be read, the first: "),
        (&["-m", none], 3, "not-a-model"),
        (&["-m", "BAAI/nowhere", "--offline"], 3, "is not in the cache"),
        (&["--engines", "tei=http://127.0.0.1:9", "-m", "BAAI/nowhere", "--offline"], 2, "needs a tokenizer"),
        (&["-m", model, "--export-json", "/nonexistent/r.json"], 2, "/nonexistent"),
    ] {
        let run = |dry: &[&str]| {
            let engines: &[&str] = if args.contains(&"--engines") { &[] } else { &["--engines", "onnx"] };
            run::infa(["bench", "--rounds", "1"]).args(engines).args(args).args(dry).run()
        };
        for ran in [run(&["--dry-run"]), run(&[])] {
            assert!(ran.status == status && ran.err.contains(said), "{args:?}: {} {}", ran.status, ran.err);
        }
    }
    // With downloads allowed a note says that the model would be downloaded; nothing listens at that address.
    let ran = run::infa(["bench", "--dry-run", "--engines", "onnx", "-m", "BAAI/nowhere"]).run().status(0);
    assert!(ran.text().contains("model      BAAI/nowhere; not in the cache, would be downloaded"), "{}", ran.text());
    let renamed = ["--dry-run", "--engines", "onnx", "-m", model, "--dataset", &other, "--field", "body"];
    let ran = run::infa(["bench"]).args(renamed).run().status(0);
    assert!(ran.text().contains("b.csv, field body\n"), "{}", ran.text());
    let some = dataset(&file("some.jsonl", "{\"text\":\"a\"}\n{\"text\":\" \"}\nnot json\n"));
    let ran = run::infa(["bench", "--dry-run", "--engines", "onnx", "-m", model, "--dataset", &some]).run().status(0);
    let said = "some.jsonl: left out 1 row without text; 1 row that cannot be read: ";
    assert!(ran.err.starts_with("warning: ") && ran.err.contains(said) && ran.err.contains(":3: "), "{}", ran.err);
    let good = dataset(&file("a.csv", "id,text\n1,a\n"));
    let ran = run::infa(["bench", "--dry-run", "--engines", "onnx", "-m", model, "--dataset", &good]).run().status(0);
    assert!(ran.text().contains(&format!("model      {model}\n")), "{}", ran.text());
}
