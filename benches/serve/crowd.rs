//! Clients that never finish the headers of their requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Time between two bytes of a header.
const PAUSE: Duration = Duration::from_secs(5);

/// Time until one that was thrown out comes back.
const RETURN: Duration = Duration::from_millis(200);

/// Such clients; they go when this is dropped.
pub(crate) struct Crowd {
    counts: Arc<Counts>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    open: AtomicUsize,
    thrown_out: AtomicUsize,
}

impl Crowd {
    /// So many clients; all have connected once.
    pub(crate) async fn gather(address: SocketAddr, size: usize) -> Self {
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        for _ in 0..size {
            let counts = Arc::clone(&counts);
            tasks.spawn(async move {
                loop {
                    linger(address, &counts).await;
                    tokio::time::sleep(RETURN).await;
                }
            });
        }
        while counts.open.load(Ordering::Relaxed) + counts.thrown_out.load(Ordering::Relaxed) < size {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { counts, _tasks: tasks }
    }

    /// How many are connected, and how many connections the server has closed.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.counts.open.load(Ordering::Relaxed), self.counts.thrown_out.load(Ordering::Relaxed))
    }
}

/// One connection, until the server closes it.
async fn linger(address: SocketAddr, counts: &Counts) {
    if let Ok(mut stream) = TcpStream::connect(address).await {
        counts.open.fetch_add(1, Ordering::Relaxed);
        let mut sent = stream.write_all(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await;
        let mut reply = [0; 512];
        while sent.is_ok() {
            tokio::select! {
                // A reply, such as a 408, is followed by the end.
                read = stream.read(&mut reply) => if !matches!(read, Ok(1..)) { break },
                () = tokio::time::sleep(PAUSE) => sent = stream.write_all(b"a").await,
            }
        }
        counts.open.fetch_sub(1, Ordering::Relaxed);
    }
    counts.thrown_out.fetch_add(1, Ordering::Relaxed);
}
