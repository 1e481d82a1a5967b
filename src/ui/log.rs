//! Logging: tracing events on stderr, above the progress bars.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::printer::color_wanted;
use super::progress::Bars;

/// Starts logging: `verbose` counts `-v`, `quiet` is `-q`. `INFA_LOG` (a filter such as `infa=debug`) overrides both.
pub fn init(bars: &Bars, verbose: u8, quiet: bool) {
    let default = match (quiet, verbose) {
        (true, _) => "off",
        // ONNX Runtime's own errors come back as errors of the call that caused them.
        (false, 0) => "warn,onnxruntime=off,ort=off",
        (false, 1) => "info,ort=warn",
        (false, 2) => "debug,ort=info,hyper=info,reqwest=info,rustls=info",
        (false, _) => "trace",
    };
    let filter = std::env::var("INFA_LOG").ok().and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(AboveBars(bars.multi().clone()))
        .with_ansi(color_wanted());
    // A second start, as in tests, changes nothing.
    let _ = if verbose == 0 { builder.without_time().with_target(false).try_init() } else { builder.try_init() };
}

struct AboveBars(MultiProgress);

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// One event; `tracing_subscriber` writes it in one piece.
struct Line<'a>(&'a MultiProgress);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
