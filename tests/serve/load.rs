//! Many clients at once, some of which go away: every vector stays that of its own text. (`cargo bench --bench serve` does
//! this with 100,000 requests.)

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::{Value as Json, json};

use crate::running::{PATIENCE, Server, command, fixture};

const CLIENTS: u64 = 32;
const REQUESTS: usize = 24;

/// Largest difference of any number from the vector computed alone.
const TOLERANCE: f32 = 1e-5;

#[test]
fn every_vector_is_that_of_its_own_text() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    under_load(&server, &|right, vector| right.iter().zip(vector).all(|(a, b)| (a - b).abs() <= TOLERANCE));
}

#[test]
fn every_int8_vector_is_the_same_to_the_bit() {
    let cache = tempfile::tempdir().unwrap();
    let mut command = command(&["--model-id", &fixture("bert-tiny"), "--dtype", "int8"]);
    command.env("XDG_CACHE_HOME", cache.path());
    let server = Server::spawn(command);
    server.wait_until_ready();
    under_load(&server, &|right, vector| right.iter().zip(vector).all(|(a, b)| a.to_bits() == b.to_bits()));
}

/// A text, and its vector computed alone.
type Known = (String, Vec<f32>);

/// True if the second vector equals the one computed alone.
type Same<'s> = &'s (dyn Fn(&[f32], &[f32]) -> bool + Sync);

fn under_load(server: &Server, same: Same<'_>) {
    let known: Vec<Known> = texts().into_iter().map(|text| (text.clone(), alone(server, &text))).collect();
    for (i, (text, vector)) in known.iter().enumerate() {
        let other = known[..i].iter().find(|(_, other)| near(other, vector, 1e-3));
        assert!(other.is_none(), "a vector of another text than {text:?} would not be noticed: {other:?}");
    }
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let known = &known;
            scope.spawn(move || {
                let mut random = Rng::with_seed(client);
                for _ in 0..REQUESTS {
                    let size = if random.u8(..16) == 0 { random.usize(1..80) } else { random.usize(1..5) };
                    let asked: Vec<&Known> = (0..size).map(|_| random.choice(known).unwrap()).collect();
                    if client % 4 == 0 && random.bool() {
                        go_away(server, &mut random, &asked);
                    } else {
                        ask(server, &mut random, &asked, same);
                    }
                }
            });
        }
    });
    wait_until_idle(server);
    let all: Vec<&Known> = known.iter().collect();
    ask(server, &mut Rng::with_seed(CLIENTS), &all, same);
}

/// Abandoned texts leave the queue or are computed.
fn wait_until_idle(server: &Server) {
    let start = Instant::now();
    loop {
        let models: Json = server.get("/models").json().unwrap();
        let stats = &models["data"][0]["stats"];
        if (stats["queue_absolute"].as_u64(), stats["results_pending"].as_u64()) == (Some(0), Some(0)) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "there is still work: {stats}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// From one word to more than the model can see.
fn texts() -> Vec<String> {
    let words = ["red", "river", "machine", "Zürich", "seven", "the", "learned", "moss", "北京", "answer", "of", "q7"];
    let mut random = Rng::with_seed(1);
    let text = |i: usize| {
        let words: Vec<&str> = (0..1 + i * i / 12).map(|_| random.choice(words).unwrap()).collect();
        format!("{i} {}", words.join(" "))
    };
    (0..40).map(text).collect()
}

fn alone(server: &Server, text: &str) -> Vec<f32> {
    let (status, reply) = server.ask("/v1/embeddings", &json!({"input": [text]}));
    assert_eq!(status, 200, "{reply}");
    numbers(&reply["data"][0]["embedding"])
}

/// A vector, in JSON or in base64.
fn numbers(vector: &Json) -> Vec<f32> {
    if let Some(text) = vector.as_str() {
        let bytes = STANDARD.decode(text).unwrap();
        return bytes.chunks(4).map(|number| f32::from_le_bytes(number.try_into().unwrap())).collect();
    }
    vector.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn near(a: &[f32], b: &[f32], most: f32) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= most)
}

/// Requests the vectors of some texts, by one of the routes.
fn ask(server: &Server, random: &mut Rng, asked: &[&Known], same: Same<'_>) {
    let input: Vec<&str> = asked.iter().map(|(text, _)| text.as_str()).collect();
    let (path, body) = match random.u8(..4) {
        0 => ("/embeddings", json!({"input": input})),
        1 => ("/v1/embeddings", json!({"input": input, "encoding_format": "float"})),
        2 => ("/v1/embeddings", json!({"input": input, "encoding_format": "base64"})),
        _ => ("/embed", json!({"inputs": input, "truncate": true})),
    };
    let (status, reply) = server.ask(path, &body);
    assert_eq!(status, 200, "{path}: {reply}");
    let listed = reply["data"].as_array().map(|data| data.iter().map(|datum| &datum["embedding"]).collect());
    let vectors: Vec<&Json> = listed.unwrap_or_else(|| reply.as_array().unwrap().iter().collect());
    assert_eq!(vectors.len(), asked.len(), "{path}");
    for ((text, right), vector) in asked.iter().zip(vectors) {
        let vector = numbers(vector);
        assert_eq!(vector.len(), right.len(), "{path}: {text:?}");
        assert!(same(right, &vector), "{path}: the vector of {text:?} among {} texts", asked.len());
    }
}

/// Sends a part of a request, or all of it, and does not wait for the reply.
fn go_away(server: &Server, random: &mut Rng, asked: &[&Known]) {
    let input: Vec<&str> = asked.iter().map(|(text, _)| text.as_str()).collect();
    let body = json!({"input": input}).to_string();
    let request = format!(
        "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = if random.bool() { request.len() } else { random.usize(1..request.len()) };
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    stream.write_all(&request.as_bytes()[..sent]).unwrap();
}
