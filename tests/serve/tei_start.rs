//! A deployment of text-embeddings-inference that changes nothing but its image: its variables and its flags.

use std::process::Command;

use serde_json::{Value as Json, json};

use crate::running::{Server, command, fixture, run};
use crate::support;

/// `infa serve` with these variables, on a free port unless they have one.
fn with(variables: &[(&str, &str)], args: &[&str]) -> Command {
    let mut command = command(args);
    command.envs(variables.iter().copied());
    command
}

fn start(variables: &[(&str, &str)], args: &[&str]) -> Server {
    let server = Server::spawn(with(variables, args));
    server.wait_until_ready();
    server
}

/// Exit status and stderr of a start that must fail, or load and end.
fn ended(variables: &[(&str, &str)], args: &[&str]) -> (i32, String) {
    let output = with(variables, args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A port that was free a moment ago.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

fn info(server: &Server) -> Json {
    server.get("/info").json().unwrap()
}

#[test]
fn a_deployment_by_variables() {
    let (model, port) = (fixture("bert-tiny"), free_port());
    let mut command = with(
        &[
            ("MODEL_ID", &model),
            ("REVISION", "main"),
            ("SERVED_MODEL_NAME", "mine"),
            ("DTYPE", "float32"),
            ("POOLING", "cls"),
            ("MAX_CLIENT_BATCH_SIZE", "2"),
            ("MAX_CONCURRENT_REQUESTS", "9"),
            ("MAX_BATCH_TOKENS", "4096"),
            ("MAX_BATCH_REQUESTS", "8"),
            ("TOKENIZATION_WORKERS", "4"),
            ("AUTO_TRUNCATE", "false"),
            ("PAYLOAD_LIMIT", "1000"),
            ("PORT", &port),
            ("HOSTNAME", "127.0.0.1"),
            ("API_KEY", "sesame"),
            ("CORS_ALLOW_ORIGIN", "https://example.org"),
            ("PROMETHEUS_PORT", "9000"),
            ("UDS_PATH", "/tmp/text-embeddings-inference-server"),
            ("DISABLE_SPANS", "True"),
            ("LOG_LEVEL", "INFO"),
        ],
        &[],
    );
    command.env_remove("INFA_PORT");
    let server = Server::spawn(command);
    server.wait_until_ready();
    assert_eq!(server.url, format!("http://127.0.0.1:{port}"));

    let post = |path: &str, body: Json, key: &str| {
        let request = server.client.post(format!("{}{path}", server.url)).bearer_auth(key).json(&body);
        let reply = request.send().unwrap();
        (reply.status().as_u16(), reply.text().unwrap())
    };
    assert_eq!(server.post("/embed", &json!({"inputs": "a"})).status(), 401, "the server stands open");
    assert_eq!(post("/embed", json!({"inputs": "a"}), "other").0, 401);
    assert_eq!(post("/embed", json!({"inputs": ["a", "b"]}), "sesame").0, 200);
    assert_eq!(post("/embed", json!({"inputs": ["a", "b", "c"]}), "sesame").0, 413, "MAX_CLIENT_BATCH_SIZE");
    assert_eq!(post("/embed", json!({"inputs": "x".repeat(1000)}), "sesame").0, 413, "PAYLOAD_LIMIT");
    let long = post("/embed", json!({"inputs": "a ".repeat(400)}), "sesame");
    assert!((400..500).contains(&long.0), "AUTO_TRUNCATE=false: {long:?}");
    let info = server.client.get(format!("{}/info", server.url)).bearer_auth("sesame").send().unwrap();
    let info: Json = info.json().unwrap();
    assert_eq!(info["max_client_batch_size"], 2);
    assert_eq!(info["max_concurrent_requests"], 9);
    assert_eq!(info["max_batch_tokens"], 4096);
    assert_eq!(info["auto_truncate"], false);
    assert_eq!(info["model_type"]["embedding"]["pooling"], "cls");
    let preflight = server.client.request(reqwest::Method::OPTIONS, format!("{}/embed", server.url));
    let preflight = preflight.header("origin", "https://example.org").header("access-control-request-method", "POST");
    assert_eq!(preflight.send().unwrap().headers()["access-control-allow-origin"], "https://example.org");

    let err = server.stderr();
    let read = err.lines().find(|line| line.starts_with("Read from text-embeddings-inference's variables: "));
    let read = read.unwrap_or_else(|| panic!("{err}"));
    for name in ["MODEL_ID", "API_KEY", "PORT", "HOSTNAME", "AUTO_TRUNCATE", "PAYLOAD_LIMIT", "POOLING"] {
        assert!(read.contains(name), "{name}: {read}");
    }
    let idle = err.lines().find(|line| line.contains("without effect")).unwrap_or_default();
    for flag in ["--uds-path", "--prometheus-port", "--tokenization-workers", "--max-batch-requests", "--disable-spans"]
    {
        assert!(idle.contains(flag), "{flag}: {err}");
    }
    assert!(!err.contains("sesame"), "{err}");
}

#[test]
fn the_key_protects_in_any_case_and_a_stronger_one_wins() {
    let model = fixture("bert-tiny");
    let status = |server: &Server, key: &str| {
        let request = server.client.post(format!("{}/embed", server.url)).bearer_auth(key);
        request.json(&json!({"inputs": "a"})).send().unwrap().status().as_u16()
    };
    // By hand, with nothing else of TEI's.
    let server = start(&[("API_KEY", "stray")], &["-m", &model]);
    assert_eq!([status(&server, ""), status(&server, "stray")], [401, 200]);
    assert!(server.stderr().contains("API_KEY is set: requests need this key"), "{}", server.stderr());

    let infas = start(&[("API_KEY", "stray"), ("INFA_API_KEY", "infas")], &["-m", &model]);
    assert_eq!([status(&infas, "stray"), status(&infas, "infas")], [401, 200]);
    let infinitys = start(&[("API_KEY", "stray"), ("INFINITY_API_KEY", "infinitys")], &["-m", &model]);
    assert_eq!([status(&infinitys, "stray"), status(&infinitys, "infinitys")], [401, 200]);
    let typed = start(&[("API_KEY", "stray")], &["-m", &model, "--api-key", "typed"]);
    assert_eq!([status(&typed, "stray"), status(&typed, "typed")], [401, 200]);
    for server in [&infas, &infinitys, &typed] {
        assert!(!server.stderr().contains("API_KEY"), "{}", server.stderr());
    }

    let open = start(&[("API_KEY", "stray")], &["-m", &model, "--tei-env", "never"]);
    assert_eq!(status(&open, ""), 200);
    assert!(open.stderr().contains("warning: API_KEY is not read"), "{}", open.stderr());
    // Also where a flag's other half comes from a variable.
    let halves = [("API_KEY", "stray"), ("INFA_TLS_KEY", "./no/key")];
    let (status, err) = ended(&halves, &["-m", &model, "--tls-cert", "./no/cert"]);
    assert!(status == 2 && err.contains("API_KEY is set") && err.contains("./no/cert"), "{err}");
    // A key that no header carries must not end in a server without one.
    let (status, err) = ended(&[("API_KEY", "two words")], &["-m", &model]);
    assert!(status == 2 && err.contains("--api-key") && err.contains("API_KEY is set"), "{err}");
}

#[test]
fn common_names_are_read_only_beside_one_of_teis_own() {
    let model = fixture("bert-tiny");
    let stray = [
        ("PORT", "1"),
        ("HOSTNAME", "no.such.host.invalid"),
        ("DTYPE", "float64"),
        ("REVISION", "x y"),
        ("POOLING", "?"),
    ];
    let server = start(&stray, &["-m", &model]);
    let err = server.stderr();
    assert!(server.url.starts_with("http://127.0.0.1:"), "{err}");
    // The port is set by another variable here.
    assert!(err.contains("Not read: REVISION, DTYPE, POOLING (--tei-env always"), "{err}");
    assert!(!err.contains("HOSTNAME"), "{err}");
    // Beside MODEL_ID, a flag of TEI's, or where it is said, they are read: each of these values is wrong.
    for (variables, args) in [
        (vec![("MODEL_ID", model.as_str())], vec![]),
        (vec![], vec!["-m", &model, "--auto-truncate"]),
        (vec![], vec!["-m", &model, "--payload-limit=100"]),
        (vec![], vec!["-m", &model, "--tei-env", "always"]),
        (vec![("INFA_TEI_ENV", "always")], vec!["-m", &model]),
    ] {
        let (status, err) = ended(&[&variables[..], &[("DTYPE", "float64")]].concat(), &args);
        assert!(status == 2 && err.contains("--dtype") && err.contains("float64"), "{variables:?} {args:?}: {err}");
        assert!(err.contains("hint: these variables set flags: ") && err.contains("DTYPE"), "{err}");
    }
    let (status, err) = ended(&[("MODEL_ID", "./no/such"), ("DTYPE", "float64")], &["--tei-env=never", "-m", "./none"]);
    assert!(status == 2 && err.contains("./none"), "{err}");
}

#[test]
fn a_host_name_is_every_address() {
    let model = fixture("bert-tiny");
    let server = start(&[("MODEL_ID", &model), ("HOSTNAME", "pod-7d5f.example.invalid")], &[]);
    assert!(server.url.starts_with("http://0.0.0.0:"), "{}", server.url);
    assert!(
        server.stderr().contains("warning: HOSTNAME is not an address: listening on 0.0.0.0"),
        "{}",
        server.stderr()
    );
    // The page can be opened all the same.
    assert!(server.stderr().contains("(try it at http://127.0.0.1:"), "{}", server.stderr());
    let own = start(&[("MODEL_ID", &model), ("HOSTNAME", "pod"), ("INFA_HOST", "127.0.0.1")], &[]);
    assert!(own.url.starts_with("http://127.0.0.1:") && !own.stderr().contains("HOSTNAME"), "{}", own.stderr());
    let local = start(&[("MODEL_ID", &model), ("HOSTNAME", "localhost")], &[]);
    assert!(!local.stderr().contains("0.0.0.0"), "{}", local.stderr());
}

#[test]
fn all_of_teis_flags_are_accepted() {
    let model = fixture("bert-tiny");
    let server = Server::start(&[
        "--model-id",
        &model,
        "--tokenization-workers",
        "2",
        "--dtype",
        "float16",
        "--served-model-name",
        "mine",
        "--pooling",
        "cls",
        "--max-concurrent-requests",
        "5",
        "--max-batch-tokens",
        "2048",
        "--max-batch-requests",
        "4",
        "--max-client-batch-size",
        "3",
        "--auto-truncate",
        "false",
        "--default-prompt",
        "query: ",
        "--dense-path",
        "2_Dense",
        "--hf-token",
        "hf_secret",
        "--hostname",
        "127.0.0.1",
        "-p",
        "0",
        "--uds-path",
        "/tmp/socket",
        "--huggingface-hub-cache",
        "/nonexistent/hub",
        "--payload-limit",
        "2000000",
        "--json-output",
        "--disable-spans",
        "--otlp-service-name",
        "text-embeddings-inference.server",
        "--prometheus-port",
        "9000",
        "--cors-allow-origin",
        "*",
    ]);
    let info = info(&server);
    assert_eq!((&info["max_client_batch_size"], &info["auto_truncate"]), (&json!(3), &json!(false)));
    assert_eq!(info["model_type"]["embedding"]["pooling"], "cls");
    assert_eq!(server.ask("/embed", &json!({"inputs": "a ".repeat(400), "truncate": true})).0, 200);
    // The default prompt is put before each text.
    let plain = Server::start(&["--model-id", &model, "--pooling", "cls"]);
    let ask = |server: &Server, text: &str| server.ask("/embed", &json!({"inputs": text})).1;
    assert_eq!(ask(&server, "a sea"), ask(&plain, "query: a sea"));
    assert_ne!(ask(&server, "a sea"), ask(&plain, "a sea"));
    let err = server.stderr();
    for line in err.lines() {
        let line: Json = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(line["message"].is_string(), "{line}");
    }
    assert!(err.contains("--dtype float16: computed in float32") && !err.contains("hf_secret"), "{err}");

    let (status, err) = run(&["-m", &model, "--dense-path", "2_Dense_512"]);
    assert!(status == 2 && err.contains("--dense-path") && err.contains("modules.json"), "{err}");
    let (status, err) = run(&["-m", &model, "--default-prompt", "a", "--default-prompt-name", "b"]);
    assert!(status == 2 && err.contains("cannot be used with"), "{err}");
}

#[test]
fn wrong_values_are_json_where_the_log_is() {
    let (status, err) = ended(&[("MODEL_ID", "org/x"), ("JSON_OUTPUT", "true"), ("MAX_BATCH_TOKENS", "many")], &[]);
    let line: Json = serde_json::from_str(err.trim_end()).unwrap_or_else(|e| panic!("{e}: {err}"));
    assert_eq!((status, &line["level"]), (2, &json!("ERROR")));
    assert!(line["message"].as_str().unwrap().contains("--max-batch-tokens"), "{line}");
    assert!(line["hint"].as_str().unwrap().contains("MODEL_ID, MAX_BATCH_TOKENS"), "{line}");
}

#[test]
fn the_line_decides_over_variables_that_say_the_same() {
    let model = fixture("bert-tiny");
    let cuts = |variables: &[(&str, &str)], args: &[&str]| {
        let server = start(variables, &[&["-m", &model], args].concat());
        server.ask("/embed", &json!({"inputs": "a ".repeat(400)})).0 == 200
    };
    assert!(!cuts(&[("AUTO_TRUNCATE", "false")], &[]));
    assert!(cuts(&[("AUTO_TRUNCATE", "false")], &["--truncate", "left"]));
    assert!(cuts(&[("AUTO_TRUNCATE", "false")], &["--auto-truncate"]));
    assert!(cuts(&[("AUTO_TRUNCATE", "false"), ("INFA_TRUNCATE", "right")], &[]));
    assert!(!cuts(&[("INFA_TRUNCATE", "right")], &["--auto-truncate=false"]));
    // One prompt silences the other's variable, and infa's variables TEI's.
    let answers = |variables: &[(&str, &str)], args: &[&str]| {
        start(variables, &[&["-m", &model], args].concat()).ask("/embed", &json!({"inputs": "a"})).0
    };
    assert_eq!(answers(&[("DEFAULT_PROMPT_NAME", "no such prompt")], &["--prompt", "x"]), 200);
    assert_eq!(answers(&[("DEFAULT_PROMPT_NAME", "no such prompt"), ("INFA_PROMPT", "x")], &[]), 200);
}

#[test]
fn variables_of_the_hub() {
    // Nothing answers at the Hub's address: what counts is that the token and the cache are taken and never shown.
    let dir = tempfile::tempdir().unwrap();
    let snapshots = dir.path().join("models--org--tiny/snapshots");
    std::fs::create_dir_all(&snapshots).unwrap();
    std::fs::rename(support::copy("bert-tiny").keep(), snapshots.join("0".repeat(40))).unwrap();
    std::fs::create_dir_all(dir.path().join("models--org--tiny/refs")).unwrap();
    std::fs::write(dir.path().join("models--org--tiny/refs/main"), "0".repeat(40)).unwrap();
    let cache = dir.path().display().to_string();
    let (status, err) = ended(
        &[("HF_API_TOKEN", "hf_old")],
        &["-m", "org/tiny", "--huggingface-hub-cache", &cache, "--offline", "--preload-only"],
    );
    assert!(status == 0 && err.contains("org/tiny can be loaded") && !err.contains("hf_old"), "{err}");
    let (status, err) =
        ended(&[("MODEL_ID", "org/tiny"), ("HUGGINGFACE_HUB_CACHE", &cache)], &["--offline", "--preload-only"]);
    assert!(status == 0, "{err}");
}

#[test]
fn the_guide_has_every_variable() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/serve.md")).unwrap();
    let rows = guide.lines().skip_while(|line| !line.starts_with("| TEI's variable |")).skip(2);
    let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
    let source = include_str!("../../src/cli/parse/tei.rs");
    let table = source.split("const VARIABLES").nth(1).unwrap().split("];").next().unwrap();
    let names: Vec<&str> =
        table.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split('"').next()).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names.iter().copied().chain(["HF_TOKEN", "HUGGINGFACE_HUB_CACHE", "TASK", "AIP_PREDICT_ROUTE"]) {
        assert!(
            rows.iter().any(|row| row.contains(&format!("`{name}`"))),
            "docs/serve.md does not say what becomes of {name}"
        );
    }
}
