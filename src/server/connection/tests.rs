//! Slow and idle clients, and the shutdown, with a paused clock.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;

use super::one::{Connections, Ticket};
use super::phase::Phase;
use crate::server::models::Models;
use crate::server::{App, Bound, Limits, Listen, Metrics, ServerOptions, Timeouts, layers};

const SECOND: Duration = Duration::from_secs(1);

/// A server without sockets: every connection is a pipe.
struct Server {
    app: Arc<App>,
    timeouts: Timeouts,
    layers: BoxCloneSyncService<Request, Response, Infallible>,
    phase: watch::Sender<Phase>,
    shortage: watch::Sender<u64>,
    cut: Arc<AtomicUsize>,
    ticket: Option<Ticket>,
    tickets: mpsc::Receiver<()>,
}

/// A client's end of the pipe, and the task that serves it.
struct Client {
    pipe: DuplexStream,
    served: JoinHandle<()>,
}

fn listen() -> Listen {
    Listen::Tcp { host: "127.0.0.1".into(), port: 0, tls: None }
}

fn bound() -> Bound {
    Bound::Tcp { address: ([127, 0, 0, 1], 7997).into(), tls: false }
}

fn routes() -> Router {
    let large = || async { vec![b'x'; 1 << 20] };
    let slow = || async {
        sleep(20 * SECOND).await;
        "slow"
    };
    Router::new()
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/large", get(large))
        .route("/slow", get(slow).post(slow))
        .route("/embed", post(|| async { "embedded" }))
        .route("/health", get(|| async { "well" }))
}

impl Server {
    fn new() -> Self {
        Self::with(ServerOptions::default())
    }

    fn with(options: ServerOptions) -> Self {
        let limits = Limits { body: 1000, concurrent_requests: 2, ..Limits::default() };
        let app = App::new(Models::new(Vec::new()), limits, Metrics::new().unwrap(), None);
        let (ticket, tickets) = mpsc::channel(1);
        Self {
            layers: BoxCloneSyncService::new(layers::around(routes(), &app, &options, &listen(), &bound()).unwrap()),
            timeouts: options.timeouts,
            app,
            phase: watch::Sender::new(Phase::Serving),
            shortage: watch::Sender::new(0),
            cut: Arc::default(),
            ticket: Some(ticket),
            tickets,
        }
    }

    fn connect(&self) -> Client {
        let (pipe, theirs) = duplex(64 << 10);
        let connections = Connections {
            app: Arc::clone(&self.app),
            layers: self.layers.clone(),
            timeouts: self.timeouts.clone(),
            phase: self.phase.subscribe(),
            shortage: self.shortage.subscribe(),
            cut: Arc::clone(&self.cut),
        };
        let served = tokio::spawn(connections.one(Box::new(theirs), self.ticket.clone()));
        Client { pipe, served }
    }

    fn drain(&mut self) {
        self.app.drain();
        self.ticket = None;
        self.phase.send_replace(Phase::Draining);
    }
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.pipe.write_all(text.as_bytes()).await.unwrap();
    }

    /// All bytes until the server closes the connection.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        self.pipe.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// One response, headers and body.
    async fn response(&mut self) -> String {
        let mut bytes = Vec::new();
        loop {
            bytes.push(self.pipe.read_u8().await.unwrap());
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                if body.len() == length.parse::<usize>().unwrap() {
                    return text.into_owned();
                }
            }
        }
    }
}

/// Status and JSON of a response.
fn read(response: &str) -> (u16, serde_json::Value) {
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), body.len(), "{response}");
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn slow_headers_get_408() {
    let server = Server::new();
    for begin in ["G", "GET /health HTTP/1.1\r\n", "PRI * HT"] {
        let (mut client, start) = (server.connect(), Instant::now());
        client.send(begin).await;
        let (status, body) = read(&client.rest().await);
        assert_eq!((status, body["error"]["code"].as_str()), (408, Some("slow_headers")));
        assert_eq!(start.elapsed().as_secs(), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_drop_by_drop_is_slow() {
    let server = Server::new();
    let (mut client, start) = (server.connect(), Instant::now());
    for byte in HEALTH.bytes() {
        if client.pipe.write_all(&[byte]).await.is_err() {
            break;
        }
        sleep(SECOND).await;
    }
    assert_eq!(read(&client.rest().await).0, 408);
    assert!(start.elapsed() <= 11 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn silence_from_the_start_ends_a_connection() {
    let server = Server::new();
    let (mut client, start) = (server.connect(), Instant::now());
    client.rest().await;
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_lives_longer_than_a_slow_head() {
    let server = Server::new();
    let (mut client, start) = (server.connect(), Instant::now());
    for _ in 0..3 {
        client.send(HEALTH).await;
        assert!(client.response().await.starts_with("HTTP/1.1 200"));
        sleep(60 * SECOND).await;
    }
    assert_eq!(client.rest().await, "");
    assert_eq!(start.elapsed().as_secs(), 120 + 75);
}

#[tokio::test(start_paused = true)]
async fn the_second_head_may_not_be_slow_either() {
    let server = Server::new();
    let mut client = server.connect();
    client.send(HEALTH).await;
    client.response().await;
    sleep(60 * SECOND).await;
    let start = Instant::now();
    client.send("GET ").await;
    assert_eq!(read(&client.rest().await).0, 408);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn serving_takes_as_long_as_it_takes() {
    let server = Server::new();
    let mut client = server.connect();
    client.send("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(client.response().await.ends_with("slow"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_is_answered_with_408() {
    let server = Server::new();
    let (mut client, start) = (server.connect(), Instant::now());
    client.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab").await;
    let response = client.rest().await;
    let (status, body) = read(&response);
    assert_eq!((status, body["error"]["code"].as_str()), (408, Some("slow_body")));
    assert!(response.contains("connection: close"));
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_body_may_pause_but_not_drip() {
    let server = Server::new();
    let post = |length: usize| format!("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    let mut client = server.connect();
    client.send(&post(2)).await;
    for piece in ["a", "b"] {
        sleep(14 * SECOND).await;
        client.send(piece).await;
    }
    assert!(client.response().await.ends_with("\r\n\r\nab"));

    let mut client = server.connect();
    client.send(&post(500)).await;
    for _ in 0..500 {
        if client.pipe.write_all(b"a").await.is_err() {
            break;
        }
        sleep(SECOND).await;
    }
    assert_eq!(read(&client.rest().await).0, 408);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_is_cut_and_one_that_pauses_is_not() {
    let server = Server::new();
    let ask = "GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut client = server.connect();
    client.send(ask).await;
    let mut taken = 0;
    let mut buffer = vec![0; 64 << 10];
    while taken < 1 << 20 {
        sleep(29 * SECOND).await;
        let read = client.pipe.read(&mut buffer).await.unwrap();
        assert!(read > 0, "cut after {taken} bytes");
        taken += read;
    }

    let mut client = server.connect();
    client.send(ask).await;
    let start = Instant::now();
    // Nothing is read, and the task ends.
    (&mut client.served).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_still_sends_gets_to_read_its_refusal() {
    let server = Server::new();
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n").await;
    // More than the pipe holds: it is sent only if the server reads.
    client.send(&"x".repeat(1_000_000)).await;
    let (status, body) = read(&client.rest().await);
    assert_eq!((status, body["error"]["code"].as_str()), (413, Some("body_too_large")));
}

#[tokio::test(start_paused = true)]
async fn work_over_the_limit_is_turned_away_and_health_is_not() {
    let server = Server::new();
    let ask = "POST /slow HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut busy = [server.connect(), server.connect()];
    for client in &mut busy {
        client.send(ask).await;
    }
    sleep(SECOND).await;
    let mut client = server.connect();
    client.send(ask).await;
    let response = client.response().await;
    assert_eq!(read(&response).0, 429);
    assert!(response.contains("retry-after: 1\r\n"), "{response}");
    client.send(HEALTH).await;
    assert!(client.response().await.ends_with("well"));
    for client in &mut busy {
        assert!(client.response().await.ends_with("slow"));
    }
    client.send(ask).await;
    assert!(client.response().await.ends_with("slow"));
}

#[tokio::test(start_paused = true)]
async fn a_request_over_its_time_is_answered_with_503() {
    let server = Server::with(ServerOptions { request_timeout: Some(3 * SECOND), ..ServerOptions::default() });
    let (mut client, start) = (server.connect(), Instant::now());
    client.send("POST /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let (status, body) = read(&client.response().await);
    assert_eq!((status, body["error"]["code"].as_str()), (503, Some("timeout")));
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn draining_finishes_what_was_begun() {
    let mut server = Server::new();
    let (mut idle, mut busy, mut fresh) = (server.connect(), server.connect(), server.connect());
    idle.send(HEALTH).await;
    idle.response().await;
    busy.send("POST /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    sleep(SECOND).await;
    server.drain();

    assert_eq!(idle.rest().await, "", "an idle connection is closed");
    for client in [&mut fresh, &mut server.connect()] {
        client.send("POST /embed HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        let response = client.rest().await;
        let (status, body) = read(&response);
        assert_eq!((status, body["error_type"].as_str()), (503, Some("Unhealthy")));
        assert!(response.contains("retry-after: ") && response.contains("connection: close"), "{response}");
    }
    assert!(busy.rest().await.ends_with("slow"));
    assert!(server.tickets.recv().await.is_none(), "nothing is left to wait for");
    assert_eq!(server.cut.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn time_is_up_for_whatever_takes_too_long() {
    let mut server = Server::new();
    let mut busy = server.connect();
    busy.send("POST /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    sleep(SECOND).await;
    server.drain();
    sleep(SECOND).await;
    server.phase.send_replace(Phase::Cut);
    assert_eq!(busy.rest().await, "");
    assert_eq!(server.cut.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sits_there_does_not_hold_up_the_end() {
    let mut server = Server::new();
    let mut silent = server.connect();
    sleep(SECOND).await;
    let start = Instant::now();
    server.drain();
    assert!(server.tickets.recv().await.is_none());
    assert_eq!(start.elapsed(), Duration::ZERO);
    server.phase.send_replace(Phase::Closing);
    assert_eq!(silent.rest().await, "");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

const POST: &str = "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_does_not_hold_up_the_end() {
    let mut server = Server::new();
    let (mut half, mut late) = (server.connect(), server.connect());
    half.send(&format!("{POST}ab")).await;
    late.send(&format!("{POST}ab")).await;
    sleep(SECOND).await;
    let start = Instant::now();
    server.drain();
    sleep(SECOND).await;
    late.send("cde").await;
    // A body that arrives in time is served.
    assert!(late.rest().await.starts_with("HTTP/1.1 200"));
    let (status, body) = read(&half.rest().await);
    assert_eq!((status, body["error"]["code"].as_str()), (503, Some("draining")));
    assert!(server.tickets.recv().await.is_none());
    assert!(start.elapsed() < 8 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_drop_by_drop_does_not_hold_up_the_end() {
    let mut server = Server::new();
    let mut dripping = server.connect();
    dripping.send(POST).await;
    sleep(SECOND).await;
    let start = Instant::now();
    server.drain();
    for _ in 0..4 {
        let _ = dripping.pipe.write_all(b"x").await;
        sleep(2 * SECOND).await;
    }
    assert_eq!(read(&dripping.rest().await).0, 503);
    assert!(server.tickets.recv().await.is_none());
    assert!(start.elapsed() < 12 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn where_files_are_short_idle_connections_make_room() {
    let server = Server::new();
    let (mut idle, mut silent, mut busy, mut begun) =
        (server.connect(), server.connect(), server.connect(), server.connect());
    for client in [&mut idle, &mut begun] {
        client.send(HEALTH).await;
        assert!(client.response().await.starts_with("HTTP/1.1 200"));
    }
    busy.send("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    sleep(2 * SECOND).await;
    begun.send("GET /hea").await;
    let mut new = server.connect();
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    server.shortage.send_modify(|times| *times += 1);
    assert_eq!([idle.rest().await, silent.rest().await], ["", ""]);
    assert!(start.elapsed() < SECOND);
    // All others go on.
    begun.send("lth HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    new.send(HEALTH).await;
    for client in [&mut begun, &mut new, &mut busy] {
        assert!(client.response().await.starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn timeouts_without_flags_are_those_of_the_documentation() {
    let Timeouts { handshake, header, body, last_body, write, keep_alive, half_closed } = Timeouts::default();
    let all = [handshake, header, body, last_body, write, keep_alive, half_closed];
    assert_eq!(all.map(|t| t.as_secs()), [10, 10, 30, 5, 30, 75, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_half_closed_client_gets_its_response_in_time() {
    let timeouts = Timeouts { half_closed: 30 * SECOND, ..Timeouts::default() };
    let server = Server::with(ServerOptions { timeouts, ..ServerOptions::default() });
    let echo = "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\nab";
    for (request, end) in [(echo, "ab"), ("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n", "slow")] {
        let mut client = server.connect();
        client.send(request).await;
        client.pipe.shutdown().await.unwrap();
        assert!(client.rest().await.ends_with(end), "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_later_has_gone_away() {
    let server = Server::new();
    for (wait, until) in [(SECOND, SECOND), (Duration::ZERO, 5 * SECOND)] {
        let (mut client, start) = (server.connect(), Instant::now());
        client.send("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        sleep(wait).await;
        client.pipe.shutdown().await.unwrap();
        assert_eq!(client.rest().await, "");
        assert_eq!(start.elapsed().as_secs(), until.as_secs());
        client.served.await.unwrap();
    }
    // Half of a request is no request.
    let (mut client, start) = (server.connect(), Instant::now());
    client.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab").await;
    client.pipe.shutdown().await.unwrap();
    client.rest().await;
    assert!(start.elapsed() < SECOND);
}
