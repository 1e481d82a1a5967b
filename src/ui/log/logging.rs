//! Starts tracing's subscriber.

use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::{LogFormat, short};
use crate::panic_guard::catch_panic;
use crate::ui::printer::color_wanted;
use crate::ui::progress::Bars;

/// Lines that may wait while stderr is not read.
const LINES: usize = 10_000;

/// Verbosity and format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Logging {
    /// Number of `-v` flags.
    pub verbose: u8,
    /// `-q`: only errors that end the program.
    pub quiet: bool,
    /// Format of the messages.
    pub format: LogFormat,
    /// Level of a server's log; `None` for other commands.
    pub server: Option<ServerLog>,
}

/// Level of a server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerLog {
    Errors,
    /// Warnings and errors.
    Warnings,
    /// Also every request.
    Requests,
    /// All events of infa's own code. `-vvv` and `INFA_LOG` add those of libraries.
    Trace,
}

impl Logging {
    fn filter(self) -> &'static str {
        match (self.quiet, self.verbose, self.server) {
            (true, ..) => "off",
            (_, 0..3, Some(ServerLog::Trace)) => "info,infa=trace,ort=warn,onnxruntime=warn",
            // ONNX Runtime's own errors come back as errors of the call that caused them.
            (_, 0, Some(ServerLog::Errors)) => "error,onnxruntime=off,ort=off",
            (_, 0, Some(ServerLog::Requests)) => "warn,infa::server=info,infa::access=info,onnxruntime=off,ort=off",
            (_, 0, _) => "warn,onnxruntime=off,ort=off",
            (_, 1, _) => "info,ort=warn",
            (_, 2, _) => "debug,ort=info,hyper=info,h2=info,reqwest=info,rustls=info",
            _ => "trace",
        }
    }

    /// Starts logging. `INFA_LOG` (a filter such as `infa=debug`) overrides verbosity.
    ///
    /// A server's messages are written by a thread of their own, so that a blocked stderr does not stop the server;
    /// messages beyond that thread's queue are dropped. Dropping the guard writes the rest of the queue.
    pub fn start(self, bars: &Bars) -> Option<WorkerGuard> {
        let filter = std::env::var("INFA_LOG").ok().and_then(|text| EnvFilter::try_new(text).ok());
        let filter = filter.unwrap_or_else(|| EnvFilter::new(self.filter()));
        let above_bars = AboveBars(bars.multi().clone());
        let queued = || {
            let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES).thread_name("log");
            builder.finish::<AboveBars>(above_bars.clone())
        };
        // It panics where the system has no thread left; messages are then written as they come.
        let queued: Option<(NonBlocking, _)> = self.server.and_then(|_| catch_panic(queued).ok());
        let (writer, guard) = match queued {
            Some((writer, guard)) => (BoxMakeWriter::new(writer), Some(guard)),
            None => (BoxMakeWriter::new(above_bars), None),
        };
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(color_wanted());
        // A second start, as in tests, has no effect.
        let _ = match (self.format, self.verbose, self.server) {
            (LogFormat::Json, ..) => builder.json().flatten_event(true).with_current_span(false).try_init(),
            (LogFormat::Text, 0, Some(_)) if io::stderr().is_terminal() => {
                builder.event_format(short::ShortLines).try_init()
            }
            (_, 0, None) => builder.without_time().with_target(false).try_init(),
            (_, 0, Some(_)) => builder.with_target(false).try_init(),
            _ => builder.try_init(),
        };
        guard
    }
}

/// Each event is written in one piece.
#[derive(Clone)]
struct AboveBars(MultiProgress);

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
