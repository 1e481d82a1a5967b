//! Requests that are legal and made to hurt: the server's peak memory, and how long `/livez` takes meanwhile.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use serde_json::json;

use crate::bench::Bench;
use crate::client::Client;
use crate::report::{Measured, Target};
use crate::server::Server;

/// Most that `/livez` may take, in milliseconds.
const WANTED_LIVEZ: f64 = 100.0;

/// Most that memory may grow by, in sizes of the bodies, where that is more than the named limits allow.
const WANTED_MULTIPLE: f64 = 12.0;

/// What the named limits allow at once: `--reply-limit` and its parts, in MiB.
const LIMITS: f64 = 384.0;

/// Clients give up after this long.
const GIVEN_UP: Duration = Duration::from_secs(20);

/// Memory is to be given back after this long.
const GIVEN_BACK: Duration = Duration::from_secs(4);

/// Some requests at once.
struct Attack {
    name: &'static str,
    /// A fixture in place of the benchmark's model.
    fixture: Option<&'static str>,
    path: &'static str,
    body: Vec<u8>,
    clients: usize,
}

fn attacks() -> Vec<Attack> {
    let attack = |name, path, body: serde_json::Value, clients| Attack {
        name,
        fixture: None,
        path,
        body: body.to_string().into_bytes(),
        clients,
    };
    let rerank = |name, path, body| Attack { fixture: Some("bert-rerank"), ..attack(name, path, body, 1) };
    let words = |megabytes: usize| "a b ".repeat(megabytes * 250_000);
    let ids = |field: &str| format!("{{\"{field}\":[{}1]}}", "1,".repeat(15_000_000)).into_bytes();
    vec![
        rerank("rerank, query of 4 MB", "/rerank", json!({"query": "a".repeat(4 << 20), "documents": vec!["x"; 2048]})),
        rerank("rerank, query of words", "/rerank", json!({"query": words(4), "documents": vec!["x y"; 2048]})),
        rerank(
            "rerank, long documents",
            "/rerank",
            json!({"query": words(4), "documents": vec!["x y ".repeat(1000); 2048]}),
        ),
        rerank(
            "predict, long pairs",
            "/predict",
            json!({"inputs": vec![["a b ".repeat(1000), "c d ".repeat(1000)]; 2048]}),
        ),
        attack(
            "embeddings, prompt of 1 MB",
            "/v1/embeddings",
            json!({"input": vec!["a"; 2000], "prompt": "p ".repeat(500_000)}),
            4,
        ),
        attack("embeddings, blanks", "/v1/embeddings", json!({"input": " ".repeat(30_000_000)}), 6),
        attack("embeddings, one word", "/v1/embeddings", json!({"input": "a".repeat(30_000_000)}), 6),
        attack("embeddings, marks", "/v1/embeddings", json!({"input": "\u{301}".repeat(15_000_000)}), 2),
        attack("embeddings, many long texts", "/v1/embeddings", json!({"input": vec!["a b ".repeat(3500); 2048]}), 2),
        attack("embeddings, empty texts", "/v1/embeddings", json!({"input": vec![""; 10_000_000]}), 2),
        Attack { body: ids("input"), ..attack("embeddings, ids", "/v1/embeddings", json!({}), 2) },
        attack("tokenize, 20 MB", "/tokenize", json!({"inputs": words(20)}), 3),
        attack("tokenize, many texts", "/tokenize", json!({"inputs": vec!["a b ".repeat(60_000); 75]}), 3),
        attack("tokenize, one text", "/tokenize", json!({"inputs": "a b ".repeat(60_000)}), 8),
        Attack { body: ids("ids"), ..attack("decode, ids", "/decode", json!({}), 2) },
        attack("embed_all, 600 texts", "/embed_all", json!({"inputs": vec!["a b c d e ".repeat(60); 600]}), 2),
        attack("embed_all, 150 texts", "/embed_all", json!({"inputs": vec!["a b c d e ".repeat(60); 150]}), 4),
        attack(
            "similarity",
            "/similarity",
            json!({"inputs": {"source_sentence": words(10), "sentences": vec!["a b ".repeat(2500); 2000]}}),
            1,
        ),
        Attack {
            fixture: Some("colbert-pylate"),
            ..attack(
                "rerank, vectors of tokens",
                "/rerank",
                json!({"query": "a", "documents": vec!["a b ".repeat(3000); 2048]}),
                1,
            )
        },
        attack(
            "infer, 7 M texts",
            "/v2/models/bench/infer",
            json!({"inputs": [{"name": "text", "shape": [7_000_000], "datatype": "BYTES", "data": vec!["a"; 7_000_000]}]}),
            2,
        ),
        Attack { body: ids("inputs"), ..attack("/, ids", "/", json!({}), 2) },
        attack("vertex, 4 M texts", "/vertex", json!({"instances": vec![json!({"inputs": vec!["a"; 2048]}); 2048]}), 2),
        rerank(
            "score, queries of their own",
            "/score",
            json!({
                "queries": (0..2048).map(|i| format!("{i} {}", "a b ".repeat(1000))).collect::<Vec<_>>(),
                "documents": vec!["x y ".repeat(1000); 2048]
            }),
        ),
        Attack { body: ids("inputs"), ..attack("/invocations, ids", "/invocations", json!({}), 2) },
    ]
}

pub(crate) async fn run(bench: &Bench) -> Result<Measured> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/architectures");
    let (mut measured, mut slowest, mut worst) = (Measured::default(), 0f64, 0f64);
    for attack in attacks() {
        let model: PathBuf = attack.fixture.map_or_else(|| bench.args.model.clone(), |name| fixtures.join(name));
        let server = Server::with_model(bench, &model).await?;
        let (idle, body) = (server.memory()?, Bytes::from(attack.body));
        let probe = Probe::start(server.address);
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..attack.clients {
            let (address, path, body) = (server.address, attack.path, body.clone());
            requests.spawn(async move {
                let reply = tokio::time::timeout(GIVEN_UP, Client::new(address).post_body(path, body)).await;
                reply.map_or_else(
                    |_| "given up".into(),
                    |reply| reply.map_or_else(|e| e.to_string(), |r| r.status.to_string()),
                )
            });
        }
        let mut ends = Vec::new();
        while let Some(end) = requests.join_next().await {
            ends.push(end?);
        }
        let (livez, peak) = (probe.stop()?, server.peak_memory()? - idle);
        tokio::time::sleep(GIVEN_BACK).await;
        let after = server.memory()? - idle;
        server.stop()?;
        let sent = (body.len() * attack.clients) as f64 / (1 << 20) as f64;
        ends.dedup();
        println!(
            "{}: {sent:.0} MiB sent, {}; peak +{peak:.0} MiB, then +{after:.0} MiB; /livez {livez:.0} ms",
            attack.name,
            ends.join(", ")
        );
        measured.rounds(format!("{}: bodies", attack.name), "MiB", 0, &[sent]);
        measured.rounds(format!("{}: peak memory beyond the idle server's", attack.name), "MiB", 0, &[peak]);
        measured.rounds(format!("{}: memory kept", attack.name), "MiB", 0, &[after]);
        measured.rounds(format!("{}: slowest /livez", attack.name), "ms", 0, &[livez]);
        slowest = slowest.max(livez);
        worst = worst.max(peak / (sent * WANTED_MULTIPLE).max(LIMITS));
    }
    measured.wanted("slowest /livez of all", "ms", 0, &[slowest], Target::AtMost(WANTED_LIVEZ));
    measured.wanted("peak memory / allowed, worst of all", "ratio", 2, &[worst], Target::AtMost(1.0));
    Ok(measured)
}

/// Asks for `/livez` every 10 ms, on a thread of its own.
struct Probe {
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<f64>>,
}

impl Probe {
    fn start(address: SocketAddr) -> Self {
        let over = Arc::<AtomicBool>::default();
        let until = Arc::clone(&over);
        Self { over, thread: std::thread::spawn(move || probe(address, &until)) }
    }

    /// The slowest reply in milliseconds.
    fn stop(self) -> Result<f64> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the probe panicked"))?
    }
}

fn probe(address: SocketAddr, over: &AtomicBool) -> Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let mut slowest = Duration::ZERO;
    while !over.load(Ordering::Relaxed) {
        let sent = Instant::now();
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            ensure!(replies.read_line(&mut line)? > 0, "the connection ended");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse::<u64>().context("content-length")?;
            }
            if line == "\r\n" {
                break;
            }
        }
        std::io::copy(&mut std::io::Read::take(&mut replies, length), &mut std::io::sink())?;
        slowest = slowest.max(sent.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(slowest.as_secs_f64() * 1e3)
}
