//! The command line of `infa serve`, its variables, and Infinity's.

use std::process::Command;

use serde_json::json;

use crate::running::{Server, command, fixture, run};

/// Names under which the server has its models.
fn names(server: &Server) -> Vec<String> {
    let list: serde_json::Value = server.get("/models").json().unwrap();
    list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

/// The numbers of one text's vector.
fn vector(server: &Server, model: &str) -> Vec<f64> {
    let (status, reply) = server.ask("/embeddings", &json!({"input": ["a sea"], "model": model}));
    assert_eq!(status, 200, "{reply}");
    reply["data"][0]["embedding"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn start(command: Command) -> Server {
    let server = Server::spawn(command);
    server.wait_until_ready();
    server
}

#[test]
fn several_models_repeated_or_in_one_value() {
    let (bert, mpnet) = (fixture("bert-tiny"), fixture("architectures/mpnet-embed"));
    let repeated = Server::start(&["-m", &bert, "--model-id", &mpnet]);
    assert_eq!(names(&repeated), ["fixtures/bert-tiny", "architectures/mpnet-embed"]);
    let both = format!("{bert};{mpnet};");
    let joined = Server::start(&["--model-id", &both, "--served-model-name", "a;", "--served-model-name", "b"]);
    assert_eq!(names(&joined), ["a", "b"]);
    assert_eq!(vector(&joined, "a"), vector(&repeated, "fixtures/bert-tiny"));
    assert_eq!(vector(&joined, "b"), vector(&repeated, "architectures/mpnet-embed"));
    assert_ne!(vector(&joined, "a"), vector(&joined, "b"));
    // By what it was loaded from, too; and the first where the client does not care.
    assert_eq!(vector(&joined, &mpnet), vector(&joined, "b"));
    assert_eq!(vector(&joined, "default/not-specified"), vector(&joined, "a"));
}

#[test]
fn values_by_position_or_one_for_all() {
    let bert = fixture("bert-tiny");
    let server = Server::start(&[
        "-m",
        &format!("{bert};{bert};{bert}"),
        "--served-model-name",
        "cls;mean;auto",
        "--pooling-method",
        "cls;mean;auto",
        "--dtype",
        "float32",
        "--dimensions",
        "4",
    ]);
    let [cls, mean, auto] = ["cls", "mean", "auto"].map(|name| vector(&server, name));
    assert!(cls != mean && mean == auto, "{cls:?} {mean:?} {auto:?}");
    assert_eq!([cls.len(), mean.len()], [4, 4]);
}

#[test]
fn a_wrong_count_names_the_flag() {
    let bert = fixture("bert-tiny");
    for (flag, values) in [
        ("--dtype", "int8;int8;int8"),
        ("--served-model-name", "a;b;c"),
        ("--revision", "a;b;c"),
        ("--device", "cpu;cpu;cpu"),
        ("--device-id", "0;1;2"),
        ("--engine", "onnx;onnx;onnx"),
        ("--pooling-method", "cls;cls;cls"),
        ("--embedding-dtype", "int8;int8;int8"),
        ("--model-warmup", "1;1;1"),
        ("--batch-size", "1;2;3"),
        ("--onnx-file", "a;b;c"),
    ] {
        let ran = run(&["-m", &bert, "-m", "org/b", &format!("{flag}={values}")]);
        let expected = format!("error: {flag}: 3 values for 2 models");
        assert!(ran.0 == 2 && ran.1.starts_with(&expected), "{ran:?}");
    }
}

#[test]
fn an_empty_model_is_refused() {
    for model in ["", " ", ";"] {
        let (status, err) = run(&["-m", model]);
        assert!(status == 2 && err.contains("--model-id: is empty"), "{model:?}: {err}");
    }
}

#[test]
fn two_models_of_one_name_are_refused() {
    let bert = fixture("bert-tiny");
    let (status, err) = run(&["-m", &bert, "-m", &bert]);
    assert!(status == 2 && err.contains("--served-model-name") && err.contains("\"fixtures/bert-tiny\""), "{err}");
    // The default name does not depend on the abbreviation of the id.
    let full = "sentence-transformers/all-MiniLM-L6-v2";
    let (status, err) = run(&["-m", "all-MiniLM-L6-v2", "-m", full]);
    assert!(status == 2 && err.contains(&format!("the name \"{full}\"")), "{err}");
    let (status, err) = run(&["-m", "a/b", "-m", "c/d", "--served-model-name", "x"]);
    assert!(status == 2 && err.contains("a/b and c/d would both have the name \"x\""), "{err}");
}

#[test]
fn wrong_values_name_flag_and_choices() {
    for (args, says) in [
        (["--dtype", "fp8"], ["--dtype", "the format of 8 bits is int8"]),
        (["--dtype", "float64"], ["--dtype", "bfloat16"]),
        (["--device", "mps"], ["--device", "NVIDIA GPUs"]),
        (["--device", "cuda:63"], ["device cuda:63: ", "hint: "]),
        (["--device", "tpu"], ["--device", "tensorrt"]),
        (["--device-id", "one"], ["--device-id", "\"one\" is not the number of a GPU"]),
        (["--engine", "debugengine"], ["--engine", "onnx"]),
        (["--pooling-method", "median"], ["--pooling-method", "auto"]),
        (["--embedding-dtype", "int4"], ["--embedding-dtype", "ubinary"]),
        (["--batch-size", "many"], ["--batch-size", "many"]),
        (["--model-warmup=maybe", "-v"], ["--model-warmup", "true"]),
        (["--unload-after", "soon"], ["--unload-after", "soon"]),
        (["--body-limit", "1 MiB of text"], ["--body-limit", "1 MiB of text"]),
        (["--tls-cert", "cert.pem"], ["--tls-key", "required"]),
        (["--log-level", "loud"], ["--log-level", "warning"]),
        (["--api-key", ""], ["--api-key", "empty"]),
        (["--calibrate", "texts.txt"], ["--calibrate", "int8"]),
        (["--threads", "100000"], ["--threads", "1024"]),
        (["-m", "./no/such/model"], ["no/such/model", "error"]),
    ] {
        let (status, err) = run(&args);
        assert!(status == 2 && says.iter().all(|word| err.contains(word)), "{args:?}: {status}, {err}");
    }
}

#[test]
fn a_key_is_in_no_message() {
    let mut command = command(&["-m", &fixture("bert-tiny"), "-vvv", "--api-key", "typed-secret", "--preload-only"]);
    let output = command.env("INFINITY_API_KEY", "infinity-secret").output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !err.contains("secret"), "{err}");
    let (_, err) = run(&["--api-key", "se cret"]);
    assert!(err.contains("--api-key") && !err.contains("cret\""), "{err}");
}

#[test]
fn infinitys_variables_do_what_they_did() {
    let (bert, mpnet) = (fixture("bert-tiny"), fixture("architectures/mpnet-embed"));
    let mut infinity = command(&[]);
    infinity
        .env("INFINITY_MODEL_ID", format!("{bert};{mpnet};"))
        .env("INFINITY_SERVED_MODEL_NAME", "one;two")
        .env("INFINITY_POOLING_METHOD", "cls;auto")
        .env("INFINITY_DTYPE", "auto")
        .env("INFINITY_DEVICE", "cpu")
        .env("INFINITY_ENGINE", "torch")
        .env("INFINITY_BATCH_SIZE", "32;16")
        .env("INFINITY_REVISION", "")
        .env("INFINITY_MODEL_WARMUP", "true;false")
        .env("INFINITY_EMBEDDING_DTYPE", "float32")
        .env("INFINITY_HOST", "127.0.0.1")
        .env("INFINITY_URL_PREFIX", "")
        .env("INFINITY_PRELOAD_ONLY", "false")
        .env("INFINITY_PERMISSIVE_CORS", "true")
        .env("INFINITY_REDIRECT_SLASH", "/docs")
        .env("INFINITY_LOG_LEVEL", "info")
        .env("INFINITY_ANONYMOUS_USAGE_STATS", "0")
        .env("DO_NOT_TRACK", "1")
        .env("INFINITY_TRUST_REMOTE_CODE", "true;true")
        .env("INFINITY_QUEUE_SIZE", "32000");
    let server = start(infinity);
    assert_eq!(names(&server), ["one", "two"]);
    let cls = Server::start(&["-m", &bert, "--pooling-method", "cls"]);
    assert_eq!(vector(&server, "one"), vector(&cls, ""));
    let err = server.stderr();
    let remark = "warning: accepted for compatibility with Infinity, but without effect: \
                  --batch-size, --trust-remote-code, INFINITY_QUEUE_SIZE\n";
    assert!(err.contains(remark) && err.contains("--engine is ignored: models run on infa's own engine"), "{err}");
    assert_eq!(err.matches("warning: ").count(), 2, "{err}");
}

#[test]
fn gpus_may_be_numbered_as_infinity_numbers_them() {
    let bert = fixture("bert-tiny");
    let (status, err) = run(&["-m", &bert, "--device", "cuda", "--device-id", "61,62"]);
    assert!(status == 2 && err.contains("device cuda:61,62: "), "{err}");
    let (status, err) = run(&["-m", &bert, "--device", "cuda:1", "--device-id", "0"]);
    assert!(status == 2 && err.contains("--device-id") && err.contains("contradicts --device cuda:1"), "{err}");
}

#[test]
fn all_of_infinitys_flags_are_accepted() {
    let bert = fixture("bert-tiny");
    let server = Server::start(&[
        "v2",
        "--model-id",
        &bert,
        "--trust-remote-code",
        "--no-compile",
        "--bettertransformer",
        "--no-lengths-via-tokenize",
        "--no-vector-disk-cache",
        "--no-model-warmup",
        "--no-preload-only",
        "--permissive-cors",
        "--device-id",
        "",
        "--redirect-slash",
        "/docs",
        "--proxy-root-path",
        "/proxy",
        "--log-level",
        "info",
        "--engine",
        "optimum",
    ]);
    let idle = "--trust-remote-code, --bettertransformer, --no-compile, --no-lengths-via-tokenize, \
                --no-vector-disk-cache, --proxy-root-path";
    let (err, mut named) = (server.stderr(), idle.split(", "));
    let line = err.lines().find(|line| line.contains("without effect")).unwrap_or_default();
    assert!(named.all(|flag| line.contains(flag)) && line.matches("--").count() == 6, "{err}");
}

#[test]
fn the_command_line_wins_then_infas_variable_then_infinitys() {
    let serve = |args: &[&str], infa: &str, infinity: &str| {
        let mut command = command(&[&["-m", &fixture("bert-tiny")], args].concat());
        command.env("INFA_SERVED_MODEL_NAME", infa).env("INFINITY_SERVED_MODEL_NAME", infinity);
        names(&start(command))
    };
    assert_eq!(serve(&["--served-model-name", "typed"], "infas", "infinitys"), ["typed"]);
    assert_eq!(serve(&[], "infas", "infinitys"), ["infas"]);
    assert_eq!(serve(&[], "", "infinitys"), ["infinitys"]);
    assert_eq!(serve(&[], "", ""), ["fixtures/bert-tiny"]);
}

#[test]
fn a_port_that_kubernetes_sets_for_a_service_is_none() {
    let ran = |variable: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infa"));
        command.env_remove("INFA_PORT").env(variable, value);
        let output = command.args(["serve", "-m", "./no/such/model"]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for variable in ["INFA_PORT", "INFINITY_PORT"] {
        let (status, err) = ran(variable, "tcp://10.0.0.1:7997");
        assert!(status == Some(2) && err.contains("no/such/model"), "{err}");
        let (status, err) = ran(variable, "many");
        assert!(status == Some(2) && err.contains("--port") && err.contains("many"), "{err}");
    }
}

#[test]
fn json_lines_on_stderr() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--log-format", "json", "--batch-size", "8"]);
    let says = |level: &str, words: &str| {
        let is = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let message = line["message"].as_str().unwrap();
            line["level"] == level && line["timestamp"].is_string() && message.contains(words)
        };
        server.wait_for(words, || server.stderr().lines().any(is));
    };
    says("INFO", "Listening on http://127.0.0.1:");
    says("INFO", "model ready");
    says("WARN", "--batch-size");
    let (status, err) = run(&["-m", &fixture("no-such-model"), "--log-format", "json"]);
    let line: serde_json::Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
    assert!(status == 2 && line["level"] == "ERROR" && line["message"].is_string(), "{err}");
}

#[test]
fn quiet_is_quiet() {
    let mut ran = command(&["-m", &fixture("bert-tiny"), "-q", "--preload-only", "--batch-size", "8"]);
    let output = ran.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn the_log_has_every_request_but_neither_its_text_nor_its_key() {
    let model = fixture("bert-tiny");
    for format in ["text", "json"] {
        let server = Server::start(&["-m", &model, "--log-format", format, "--api-key", "sesame"]);
        let ask = |id: &str| {
            let request = server.client.post(format!("{}/v1/embeddings?secret=query", server.url));
            let request = request.header("x-request-id", id).bearer_auth("sesame");
            assert_eq!(request.json(&serde_json::json!({"input": "a private text"})).send().unwrap().status(), 200);
        };
        ask("first-one");
        server.get("/livez");
        ask("second-one");
        server.wait_for("both requests", || server.stderr().contains("second-one"));
        let log = server.stderr();
        assert!(log.contains("first-one") && log.contains("/v1/embeddings") && log.contains("200"), "{log}");
        // Probes come all the time.
        assert!(!log.contains("/livez"), "{log}");
        for private in ["private text", "sesame", "secret=query"] {
            assert!(!log.contains(private), "{private}: {log}");
        }
        let quiet = Server::start(&["-m", &model, "--log-format", format, "--log-level", "warning"]);
        assert_eq!(quiet.ask("/embed", &serde_json::json!({"inputs": "a"})).0, 200);
        assert!(!quiet.stderr().contains("/embed"), "{}", quiet.stderr());
    }
}

#[test]
fn infinitys_values_that_a_cpu_has_no_use_for_do_not_end_the_start() {
    let bert = fixture("bert-tiny");
    let mut infinity = command(&["v2", "--model-id", &bert, "--dtype", "float16", "--no-model-warmup"]);
    // A revision of a local directory: the usual one is not worth a word.
    infinity.env("INFINITY_REVISION", "main");
    let server = start(infinity);
    let plain = Server::start(&["-m", &bert, "--no-model-warmup"]);
    assert_eq!(vector(&server, ""), vector(&plain, ""));
    let err = server.stderr();
    assert!(err.contains("warning: --dtype float16: computed in float32, which is more exact"), "{err}");
    assert!(!err.contains("--revision"), "{err}");
    let (status, err) = run(&["-m", &bert, "--revision", "v1.5", "--preload-only"]);
    assert!(status == 0 && err.contains("warning: --revision v1.5 is ignored"), "{err}");
    let empty = tempfile::tempdir().unwrap();
    let (status, err) = run(&["v2", "--offline", "--cache-dir", &empty.path().display().to_string(), "--preload-only"]);
    assert!(status == 3 && err.contains("infinity_emb's is michaelfeil/bge-small-en-v1.5"), "{err}");
}

#[test]
fn trace_is_of_infa_alone() {
    let bert = fixture("bert-tiny");
    for (args, libraries) in [(vec!["--log-level", "trace"], false), (vec!["--log-level", "trace", "-vvv"], true)] {
        let output = command(&[&["-m", &bert, "--preload-only"], &args[..]].concat()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && err.contains("infa"), "{err}");
        assert_eq!(err.lines().any(|line| line.contains(" ort::")), libraries, "{err}");
    }
}

#[test]
fn wrong_usage_is_json_where_the_log_is() {
    let json = |args: &[&str], variable: Option<(&str, &str)>| {
        let output = command(args).envs(variable).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{err}");
        let line: serde_json::Value = serde_json::from_str(err.trim_end()).unwrap_or_else(|e| panic!("{e}: {err}"));
        assert_eq!((&line["level"], &line["target"]), (&json!("ERROR"), &json!("infa")));
        (line["message"].as_str().unwrap().to_owned(), line["hint"].as_str().unwrap_or_default().to_owned())
    };
    let (message, hint) = json(&["--log-format", "json", "--prot", "80"], None);
    assert!(message == "unexpected argument '--prot' found" && hint.contains("--port"), "{message} {hint}");
    let (message, _) = json(&["--port", "x", "--log-format=json"], None);
    assert!(message == "--port: x is not a whole number", "{message}");
    assert!(json(&["--json-output", "notes.txt"], None).0.contains("notes.txt"));
    assert!(json(&["--dtype", "x"], Some(("INFA_LOG_FORMAT", "json"))).0.contains("--dtype"));
    assert!(json(&["--tls-cert", "a", "--log-format", "json"], None).0.contains("--tls-key"));
    let (status, err) = run(&["--prot", "80"]);
    assert!(status == 2 && err.starts_with("error: unexpected argument '--prot' found\n\n"), "{err}");
}

#[test]
fn a_misspelt_variable_is_named() {
    let bert = fixture("bert-tiny");
    let mut command = command(&["-m", &bert, "--preload-only"]);
    command.env("INFA_MODEL", "a").env("INFINITY_BATCHSIZE", "8").env("INFA_SERVICE_HOST", "10.0.0.1");
    let err = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(
        err.contains("warning: the variable INFA_MODEL is not known and changes nothing: did you mean INFA_MODEL_ID?"),
        "{err}"
    );
    assert!(
        err.contains("INFINITY_BATCHSIZE is not known and changes nothing: did you mean INFINITY_BATCH_SIZE?"),
        "{err}"
    );
    assert_eq!(err.matches("is not known").count(), 2, "{err}");
    // It does not appear in data or JSON, nor with --quiet.
    let quiet = command.arg("-q").output().unwrap();
    assert!(quiet.stderr.is_empty(), "{quiet:?}");
}

#[test]
fn the_start_says_how_fast_the_model_is_and_where_to_try_it() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--url-prefix", "/a/", "--log-format", "json"]);
    // The log is written by a thread of its own.
    server.wait_for("figures", || server.stderr().contains("measured: "));
    let lines: Vec<serde_json::Value> =
        server.stderr().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let measured = lines.iter().find(|line| line["message"].as_str().unwrap().starts_with("measured: "));
    let measured = measured.unwrap_or_else(|| panic!("{lines:?}"));
    for of in ["short_texts", "short_tokens", "long_texts", "long_tokens"] {
        assert!(measured[format!("{of}_per_second")].as_f64().unwrap() > 0.0, "{measured}");
    }
    let [texts, tokens] =
        ["long_texts_per_second", "long_tokens_per_second"].map(|name| measured[name].as_f64().unwrap());
    // The model sees at most 32 tokens of a text, of which a quarter is left for prompts. Rates are rounded.
    assert!((20.0..33.0).contains(&(tokens / texts)), "{measured}");
    let listening = lines.iter().find_map(|line| line["message"].as_str().unwrap().strip_prefix("Listening on "));
    let (url, docs) = listening.unwrap().split_once(" (try it at ").unwrap();
    assert_eq!(docs, format!("{url}/a/docs)"));
    // Without the log line, the start does not wait for it.
    for args in [["--log-level", "warning"], ["--no-model-warmup", "-v"]] {
        let server = Server::start(&["-m", &fixture("bert-tiny"), args[0], args[1]]);
        assert!(!server.stderr().contains("measured"), "{}", server.stderr());
    }
}

#[test]
fn limits_that_refuse_every_request_are_refused() {
    let model = fixture("bert-tiny");
    for flag in ["--body-limit", "--payload-limit", "--reply-limit", "--queue-tokens", "--max-client-batch-size"] {
        let (status, err) = run(&["-m", &model, flag, "0"]);
        let name = if flag == "--payload-limit" { "--body-limit" } else { flag };
        assert!(status == 2 && err.contains(name), "{flag}: {status} {err}");
    }
    for prefix in ["../x", "/a/../b", "/./a", ".."] {
        let (status, err) = run(&["-m", &model, "--url-prefix", prefix]);
        assert!(status == 2 && err.contains("--url-prefix"), "{prefix}: {status} {err}");
    }
}

#[test]
fn texts_to_calibrate_by_come_from_no_device() {
    let (status, err) = run(&["-m", &fixture("bert-tiny"), "--dtype", "int8", "--calibrate", "/dev/zero"]);
    assert!(status == 2 && err.contains("--calibrate") && err.contains("device"), "{status} {err}");
}
