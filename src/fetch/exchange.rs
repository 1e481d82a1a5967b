//! One HTTP request on a thread of its own, so that Ctrl-C is heard while the network is silent.
//!
//! `reqwest::blocking` blocks for as long as the stall timeout, which is too long after Ctrl-C. The thread
//! reads, the caller polls a channel and the cancel flag. An abandoned thread ends at its next byte or timeout.

use super::{Context, FetchError};
use reqwest::blocking::{Client, Request, Response};
use reqwest::header::HeaderMap;
use std::error::Error;
use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

const POLL_INTERVAL: Duration = Duration::from_millis(25);
const CHUNK_BYTES: usize = 128 << 10;
/// Chunks that may wait for the disk before the network is made to wait.
const QUEUED_CHUNKS: usize = 16;

/// Status line and headers of an answer.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub status: u16,
    pub headers: HeaderMap,
}

/// A failure of the network.
#[derive(Debug)]
pub(super) struct Failure {
    /// The innermost cause, in words.
    pub reason: String,
    /// No connection came about at all (as against one that broke): a quick retry is pointless.
    pub never_connected: bool,
}

/// The reason that a body ends early.
#[derive(Debug)]
pub(super) enum ExchangeError {
    Network(Failure),
    Local(FetchError),
}

enum Event {
    Head(Head),
    Chunk(Vec<u8>),
    End,
    Failed(Failure),
}

/// The body of an answer whose head has arrived.
pub(super) struct Body(Receiver<Event>);

/// Sends the request and waits for the head of its answer.
pub(super) fn exchange(client: &Client, request: Request, ctx: &Context) -> Result<(Head, Body), ExchangeError> {
    let (sender, receiver) = sync_channel(QUEUED_CHUNKS);
    let client = client.clone();
    std::thread::Builder::new()
        .name("http".into())
        .spawn(move || work(&client, request, &sender))
        .map_err(|error| broken(&format!("no thread for the request: {error}")))?;
    let mut body = Body(receiver);
    match body.next(ctx)? {
        Event::Head(head) => Ok((head, body)),
        _ => Err(broken("the request ended without an answer")),
    }
}

impl Body {
    /// The next bytes, or `None` at the end.
    pub(crate) fn chunk(&mut self, ctx: &Context) -> Result<Option<Vec<u8>>, ExchangeError> {
        match self.next(ctx)? {
            Event::Chunk(bytes) => Ok(Some(bytes)),
            Event::End => Ok(None),
            Event::Head(_) | Event::Failed(_) => Err(broken("the answer came out of order")),
        }
    }

    fn next(&mut self, ctx: &Context) -> Result<Event, ExchangeError> {
        loop {
            ctx.cancel.check().map_err(ExchangeError::Local)?;
            match self.0.recv_timeout(POLL_INTERVAL) {
                Ok(Event::Failed(failure)) => return Err(ExchangeError::Network(failure)),
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(broken("the request was dropped")),
            }
        }
    }
}

fn broken(reason: &str) -> ExchangeError {
    ExchangeError::Network(Failure { reason: reason.to_owned(), never_connected: false })
}

fn work(client: &Client, request: Request, out: &SyncSender<Event>) {
    // A failed send means that the caller went away.
    let mut response = match client.execute(request) {
        Ok(response) => response,
        Err(error) => {
            let never_connected = error.is_connect();
            let reason = if error.is_timeout() { "timed out".to_owned() } else { innermost(&error) };
            let _ = out.send(Event::Failed(Failure { reason, never_connected }));
            return;
        }
    };
    let head = Head { status: response.status().as_u16(), headers: std::mem::take(response.headers_mut()) };
    if out.send(Event::Head(head)).is_ok() {
        pump(&mut response, out);
    }
}

fn pump(response: &mut Response, out: &SyncSender<Event>) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let event = match response.read(&mut buffer) {
            Ok(0) => Event::End,
            Ok(n) => Event::Chunk(buffer[..n].to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => Event::Failed(Failure { reason: read_reason(&error), never_connected: false }),
        };
        let last = !matches!(event, Event::Chunk(_));
        if out.send(event).is_err() || last {
            return;
        }
    }
}

fn read_reason(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<reqwest::Error>());
    if error.kind() == std::io::ErrorKind::TimedOut || inner.is_some_and(reqwest::Error::is_timeout) {
        "timed out".to_owned()
    } else {
        innermost(error)
    }
}

/// The innermost cause: the outer ones only repeat the URL.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
