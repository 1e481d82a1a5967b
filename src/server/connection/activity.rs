//! The state of a connection that its deadlines depend on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::server::Timeouts;

/// Shared by a connection's socket, requests and watching task. Times are milliseconds since its start.
#[derive(Debug)]
pub(crate) struct Activity {
    begun: Instant,
    /// Requests whose responses the connection has not taken over completely.
    requests: AtomicUsize,
    /// Requests among them without a response yet.
    unanswered: AtomicUsize,
    /// Time when a piece of a response was last taken over.
    reply_at: AtomicU64,
    /// True after the first request.
    used: AtomicBool,
    /// Time when the last request was over and the client last read some of its response.
    idle_since: AtomicU64,
    /// Time of the first byte since then, plus 1; 0 for none.
    head_since: AtomicU64,
    /// True for HTTP/2, where some bytes belong to no request.
    http2: AtomicBool,
    /// True if a response was made before the request body was read completely.
    unread: AtomicBool,
    /// True if so much of that body is left that the connection is not kept.
    abandoned: AtomicBool,
    /// True while a part of a response waits for the client to read it.
    blocked: AtomicBool,
    /// True if the headers of a request took too long.
    given_up: AtomicBool,
    /// Time of the last headers or the last byte from the client.
    sent_at: AtomicU64,
    /// True if the body of the last request was read to its end.
    whole: AtomicBool,
}

/// A client that closes its side within this time after a request has ended it so, and waits for the response. One that
/// closes it later has gone away: closed connections look alike.
pub(crate) const HALF_CLOSE: Duration = Duration::from_millis(50);

/// The event that a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The first request, or the rest of its headers.
    Head,
    /// The next request.
    Request,
    /// A client that reads its response.
    Reader,
}

impl Activity {
    pub(crate) fn new() -> Self {
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
            sent_at: AtomicU64::new(0),
            whole: AtomicBool::new(false),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Records bytes from the client.
    pub(crate) fn received(&self) {
        self.sent_at.store(self.now(), Ordering::Relaxed);
        if self.requests.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    /// Records whether the client could take bytes.
    pub(crate) fn sent(&self, taken: bool) {
        self.blocked.store(!taken, Ordering::Relaxed);
        if taken {
            self.idle_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Begins a request, whose headers are read. It is over when the result is dropped.
    pub(crate) fn begin(self: &Arc<Self>, http2: bool) -> Request {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.used.store(true, Ordering::Relaxed);
        self.http2.store(http2, Ordering::Relaxed);
        // The rest of the last request's body has been skipped.
        self.unread.store(false, Ordering::Relaxed);
        self.whole.store(false, Ordering::Relaxed);
        self.sent_at.store(self.now(), Ordering::Relaxed);
        Request { activity: Arc::clone(self), answered: false }
    }

    /// Records that the body of the request was read to its end.
    pub(crate) fn has_read_all(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }

    /// True while a request over HTTP/1 has no complete response.
    pub(crate) fn awaits_response(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0 && !self.http2.load(Ordering::Relaxed)
    }

    /// True if the client has sent something within [`HALF_CLOSE`].
    pub(crate) fn has_just_sent(&self) -> bool {
        u128::from(self.now() - self.sent_at.load(Ordering::Relaxed)) <= HALF_CLOSE.as_millis()
    }

    /// Records that the rest of a request body will not be read.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Records that it will not be skipped either: the connection ends after this request.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// True if this is the connection's last request, of which the client must be informed.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// True if the client may still be sending an unread body.
    pub(crate) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed) && !self.http2.load(Ordering::Relaxed)
    }

    /// Records that the headers of a request take too long.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// True while the connection is kept for a next request, of which no byte has arrived.
    pub(crate) fn is_idle(&self) -> bool {
        let begun = self.head_since.load(Ordering::Relaxed) > 0 && !self.http2.load(Ordering::Relaxed);
        self.is_used() && !self.is_busy() && !begun
    }

    /// True if no byte has arrived in the time `long` since the connection began.
    pub(crate) fn is_silent(&self, long: Duration) -> bool {
        !self.is_used() && self.head_since.load(Ordering::Relaxed) == 0 && self.begun.elapsed() >= long
    }

    /// True while a client has not read its response completely.
    pub(crate) fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0 || self.blocked.load(Ordering::Relaxed)
    }

    /// The awaited event and its deadline; `None` while a request is served. (Over HTTP/1 the socket itself watches for
    /// slow readers.)
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Option<(Instant, Waiting)> {
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

/// A request, from its headers until the connection has taken over its response completely.
#[derive(Debug)]
pub(crate) struct Request {
    activity: Arc<Activity>,
    answered: bool,
}

impl Request {
    /// Records that a piece of the response, or its headers, were taken over.
    pub(crate) fn progress(&mut self) {
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
