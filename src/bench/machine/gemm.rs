//! The peak speed of the machine: products of float32 matrices, computed as the engine does.

use std::num::NonZero;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::graph::probe;
use crate::runtime::{Runtime, RuntimeError, Session, SessionOptions};

/// Rows, inner dimension and columns: a batch of 512 tokens through a layer of a large model. Larger products are not
/// faster; both factors stay in the caches.
const SHAPE: [usize; 3] = [512, 1024, 1024];
/// About a second in all.
const TIMING: Timing = Timing { repetitions: 16, length: Duration::from_millis(40), pause: Duration::from_millis(20) };

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GemmError {
    #[error("matrix products cannot be measured: {0}")]
    Runtime(#[from] RuntimeError),
    #[error("matrix products cannot be measured on {threads} threads: {source}")]
    Threads { threads: usize, source: std::io::Error },
}

/// GFLOP/s of float32 matrix products on `threads` cores at once: a product of an `m × k` by a `k × n` matrix counts as
/// `2 · m · k · n` operations.
///
/// Measured as the engine computes: by ONNX Runtime's `Gemm`, with a session of one thread on each core, all at the
/// same time and with the same packed matrix. Takes a second.
///
/// The result is a ceiling, so other work on these cores must not lower it: only the processor time of a thread counts,
/// and of several short measurements with pauses the best one, as neighbours in the caches and rising clocks only make
/// one slower.
///
/// # Errors
/// If ONNX Runtime cannot make or run a session, or no threads can be started.
pub fn gemm_gflops(runtime: &Runtime, threads: NonZero<usize>) -> Result<f64, GemmError> {
    measure(runtime, threads.get(), SHAPE, &TIMING)
}

/// The number of measurements, their length, and the pauses between them.
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
    // The first run of each session allocates its memory.
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

/// Products a second of all sessions together, each on a thread of its own, all at the same time.
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

/// Products of one session in a second of its thread's time.
fn alone(session: &mut Session, begin: Instant, length: Duration) -> Result<f64, GemmError> {
    std::thread::sleep(begin.saturating_duration_since(Instant::now()));
    let (begin, busy_before) = (Instant::now(), thread_time());
    let (mut products, mut busy) = (0, Duration::ZERO);
    loop {
        multiply(session)?;
        // A session that ends late may have run alone for a while, without the heat and the memory accesses of the
        // others.
        if products > 0 && begin.elapsed() > length {
            break;
        }
        (products, busy) = (products + 1, thread_time().saturating_sub(busy_before));
    }
    Ok(f64::from(products) / busy.as_secs_f64().max(1e-9))
}

/// The processor time of this thread; the elapsed time if the system does not report it.
fn thread_time() -> Duration {
    #[cfg(unix)]
    {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a structure of the right type that lives until the call returns.
        if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } == 0 {
            let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
            return Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0));
        }
    }
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGIN.elapsed()
}

fn multiply(session: &mut Session) -> Result<(), RuntimeError> {
    session.run(&[], 0, |_, product| {
        std::hint::black_box(product);
    })
}
