//! What the machine can do at most: products of float32 matrices, as the engine computes them.

use std::num::NonZero;
use std::time::{Duration, Instant};

use crate::graph::probe;
use crate::runtime::{Runtime, RuntimeError, Session, SessionOptions};

/// Rows, inner dimension and columns: a batch of 512 tokens through a layer of a large model. Larger ones are not
/// faster; both factors stay in the caches.
const SHAPE: [usize; 3] = [512, 1024, 1024];
/// About a second in all.
const TIMING: Timing = Timing { repetitions: 8, length: Duration::from_millis(80), pause: Duration::from_millis(40) };

/// Why the machine's matrix products could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GemmError {
    /// ONNX Runtime refused.
    #[error("matrix products cannot be measured: {0}")]
    Runtime(#[from] RuntimeError),
    /// The system gives no more threads.
    #[error("matrix products cannot be measured on {threads} threads: {source}")]
    Threads {
        /// How many there should be.
        threads: usize,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// GFLOP/s of float32 matrix products on `threads` cores at once: a product of an `m × k` by a `k × n` matrix counts as
/// `2 · m · k · n` operations.
///
/// Measured the way the engine computes: by ONNX Runtime's `Gemm`, with a session of one thread on each core, all of them
/// running at the same time over the same packed matrix. Takes a second.
///
/// The best of several short measurements counts, as this is a ceiling: whatever else the machine does makes a
/// measurement slower and never faster. Pauses in between make it less likely that a neighbour is busy in all of them.
///
/// # Errors
/// If ONNX Runtime cannot make or run a session, or no threads can be started.
pub fn gemm_gflops(runtime: &Runtime, threads: NonZero<usize>) -> Result<f64, GemmError> {
    measure(runtime, threads.get(), SHAPE, &TIMING)
}

/// How often it is measured, for how long, and how long nothing happens in between.
struct Timing {
    repetitions: usize,
    length: Duration,
    pause: Duration,
}

fn measure(
    runtime: &Runtime,
    threads: usize,
    [rows, inner, columns]: [usize; 3],
    timing: &Timing,
) -> Result<f64, GemmError> {
    let graph = probe::product(rows, inner, columns);
    let weights = runtime.share(graph.initializers.clone())?;
    let sessions = (0..threads).map(|_| runtime.session(&graph, &weights, SessionOptions::default()));
    let mut sessions = sessions.collect::<Result<Vec<_>, _>>()?;
    // The first run of each takes its memory.
    sessions.iter_mut().try_for_each(multiply)?;
    let mut best = 0.0_f64;
    for repetition in 0..timing.repetitions {
        if repetition > 0 {
            std::thread::sleep(timing.pause);
        }
        best = best.max(together(&mut sessions, timing.length)?);
    }
    Ok(best * 2e-9 * (rows * inner * columns) as f64)
}

/// Products a second of all sessions, each on a thread of its own, all at the same time.
fn together(sessions: &mut [Session], length: Duration) -> Result<f64, GemmError> {
    let threads = sessions.len();
    // Threads take a moment to start.
    let begin = Instant::now() + Duration::from_millis(2);
    std::thread::scope(|scope| {
        let mut running = Vec::with_capacity(threads);
        for session in sessions {
            let thread = std::thread::Builder::new().spawn_scoped(scope, move || alone(session, begin, length));
            running.push(thread.map_err(|source| GemmError::Threads { threads, source })?);
        }
        let rates = running.into_iter().map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)));
        rates.sum()
    })
}

/// Products a second of one session.
fn alone(session: &mut Session, begin: Instant, length: Duration) -> Result<f64, GemmError> {
    std::thread::sleep(begin.saturating_duration_since(Instant::now()));
    let begin = Instant::now();
    let (mut products, mut last) = (0, begin);
    while products == 0 || last - begin < length {
        multiply(session)?;
        let now = Instant::now();
        // One that ends late has perhaps run alone for a while, on a core that others had left.
        if products > 0 && now - begin > length {
            break;
        }
        (products, last) = (products + 1, now);
    }
    Ok(f64::from(products) / (last - begin).as_secs_f64())
}

fn multiply(session: &mut Session) -> Result<(), RuntimeError> {
    session.run(1, 1, &[], 0, |_, product| {
        std::hint::black_box(product);
    })
}
