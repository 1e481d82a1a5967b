//! What every request can see: the models, the limits, and whether the server is going down.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::memory::MemoryBudget;
use super::metrics::Metrics;
use super::models::Models;
use super::trace::Tracing;

/// What bounds a request.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most inputs in one request.
    pub client_batch: usize,
    /// Most requests at once.
    pub concurrent_requests: usize,
    /// Most bytes of a request's body, after decompression.
    pub body: usize,
    /// Most bytes of a reply with vectors of tokens, or with tokens.
    pub reply: usize,
    /// Most bytes of the bodies and large replies of all requests that are being served.
    pub memory: usize,
    /// How long a request waits for a model that was idle and comes back.
    pub model_return: Duration,
}

/// Bytes of a number in a reply, about: as JSON, or as float32 and as JSON in pieces.
const BYTES_A_NUMBER: usize = 12;

impl Limits {
    /// Most numbers of a reply ([`Limits::reply`]).
    pub fn reply_numbers(&self) -> usize {
        self.reply / BYTES_A_NUMBER
    }

    /// Bytes that `numbers` numbers take as float32, and as JSON while the reply is sent.
    pub fn bytes_of(numbers: usize) -> usize {
        numbers.saturating_mul(size_of::<f32>() + BYTES_A_NUMBER)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            client_batch: 2048,
            concurrent_requests: 512,
            body: 32 << 20,
            reply: 128 << 20,
            memory: 512 << 20,
            model_return: Duration::from_secs(60),
        }
    }
}

/// The server's state, shared by all requests.
pub struct App {
    /// The models.
    pub models: Models,
    /// What bounds a request.
    pub limits: Limits,
    /// Memory for the requests that are being served.
    pub memory: MemoryBudget,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where traces go, if they are wanted.
    pub tracing: Option<Arc<Tracing>>,
    /// When the server started.
    pub started: Instant,
    draining: watch::Sender<bool>,
}

impl App {
    /// A server of these models.
    pub fn new(models: Models, limits: Limits, metrics: Arc<Metrics>, tracing: Option<Arc<Tracing>>) -> Arc<Self> {
        let (memory, started) = (MemoryBudget::new(limits.memory), Instant::now());
        let draining = watch::Sender::new(false);
        Arc::new(Self { models, limits, memory, metrics, tracing, started, draining })
    }

    /// From now on the server is not ready: it only finishes what it has.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Whether the server is going down.
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Tells whether the server is going down, and when it begins to.
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// Whether requests will be answered: all models are there, and the server is not going down.
    pub fn is_ready(&self) -> bool {
        !self.is_draining() && self.models.all_ready()
    }
}

/// Seconds since 1970, as replies have it in `created`.
pub fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
