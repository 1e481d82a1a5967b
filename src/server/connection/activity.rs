//! What a connection is doing, as far as its deadlines depend on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::server::Timeouts;

/// Shared by a connection's socket, its requests and whoever watches over it. Times are milliseconds since its start.
#[derive(Debug)]
pub struct Activity {
    begun: Instant,
    /// Requests whose replies the connection has not taken over to the end.
    requests: AtomicUsize,
    /// Those among them that have no reply yet.
    unanswered: AtomicUsize,
    /// When a piece of a reply was last taken over.
    reply_at: AtomicU64,
    /// Whether there has been a request.
    used: AtomicBool,
    /// When the last request was over, and the client had last taken some of its reply.
    idle_since: AtomicU64,
    /// When the first byte came since then, plus 1; 0: none did.
    head_since: AtomicU64,
    /// Whether it is HTTP/2, where bytes come that belong to no request.
    http2: AtomicBool,
    /// Whether a reply was made before the request's body was read to its end.
    unread: AtomicBool,
    /// Whether so much of it is left that the connection is not worth keeping.
    abandoned: AtomicBool,
    /// Whether a part of a reply waits for the client to take it.
    blocked: AtomicBool,
    /// Whether the head of a request took too long.
    given_up: AtomicBool,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The first request, or the rest of one whose head has begun.
    Head,
    /// The next request.
    Request,
    /// A client that takes its reply.
    Reader,
}

impl Activity {
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            requests: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            reply_at: AtomicU64::new(0),
            used: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            http2: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Bytes have come from the client.
    pub fn received(&self) {
        if self.requests.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    /// The client has taken bytes, or could not.
    pub fn sent(&self, taken: bool) {
        self.blocked.store(!taken, Ordering::Relaxed);
        if taken {
            self.idle_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// A request's head is there; it is over when what this gives is dropped.
    pub fn begin(self: &Arc<Self>, http2: bool) -> Request {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.used.store(true, Ordering::Relaxed);
        self.http2.store(http2, Ordering::Relaxed);
        // What was left of the last one's body must have been skipped.
        self.unread.store(false, Ordering::Relaxed);
        Request { activity: Arc::clone(self), answered: false }
    }

    /// The rest of a request's body will not be read.
    pub fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Nor will the connection skip it to go on with the next request.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// True if the client must learn that this was the last request.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Whether the client may still be sending what nobody reads.
    pub fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed) && !self.http2.load(Ordering::Relaxed)
    }

    /// The head of a request takes too long.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    pub fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether the connection is kept for a next request of which nothing has come.
    pub fn is_idle(&self) -> bool {
        let begun = self.head_since.load(Ordering::Relaxed) > 0 && !self.http2.load(Ordering::Relaxed);
        self.is_used() && !self.is_busy() && !begun
    }

    /// Whether nothing has come for so long since it began.
    pub fn is_silent(&self, long: Duration) -> bool {
        !self.is_used() && self.head_since.load(Ordering::Relaxed) == 0 && self.begun.elapsed() >= long
    }

    /// Whether there is a request whose reply the client does not have yet.
    pub fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0 || self.blocked.load(Ordering::Relaxed)
    }

    /// What the connection waits for, and until when; `None` while it serves a request. (Over HTTP/1, where a
    /// reply that is not taken is one that cannot be written, the socket itself looks after readers.)
    pub fn deadline(&self, timeouts: &Timeouts) -> Option<(Instant, Waiting)> {
        let at = |ms: u64| self.begun + Duration::from_millis(ms);
        let http2 = self.http2.load(Ordering::Relaxed);
        if self.requests.load(Ordering::Relaxed) > 0 {
            let replying = http2 && self.unanswered.load(Ordering::Relaxed) == 0;
            return replying.then(|| (at(self.reply_at.load(Ordering::Relaxed)) + timeouts.write, Waiting::Reader));
        }
        let head = self.head_since.load(Ordering::Relaxed);
        Some(if !self.is_used() {
            (self.begun + timeouts.header, Waiting::Head)
        } else if head > 0 && !http2 {
            (at(head - 1) + timeouts.header, Waiting::Head)
        } else {
            (at(self.idle_since.load(Ordering::Relaxed)) + timeouts.keep_alive, Waiting::Request)
        })
    }
}

/// A request, from its head until the connection has taken over its reply to the end.
#[derive(Debug)]
pub struct Request {
    activity: Arc<Activity>,
    answered: bool,
}

impl Request {
    /// A piece of the reply, or its head, is taken over.
    pub fn progress(&mut self) {
        let activity = &self.activity;
        activity.reply_at.store(activity.now(), Ordering::Relaxed);
        if !std::mem::replace(&mut self.answered, true) {
            activity.unanswered.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.progress();
        let activity = &self.activity;
        activity.idle_since.store(activity.now(), Ordering::Relaxed);
        activity.head_since.store(0, Ordering::Relaxed);
        activity.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
