//! Progress bars: downloads, and the job itself. Only on a terminal.
//!
//! Bars are redrawn when something has moved. indicatif's steady tick would need a thread for each, and panics where the
//! system has none left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::log::LogFormat;
use super::printer::Printer;
use crate::fetch::{Progress, ProgressTask};

/// All bars on the screen, and the printer that writes above them.
#[derive(Clone)]
pub struct Bars {
    bars: MultiProgress,
    printer: Printer,
}

impl Bars {
    /// Bars on stderr if it is a terminal and people want to see them; else they are only imagined.
    pub fn new(quiet: bool, format: LogFormat) -> Self {
        let hidden = quiet || format == LogFormat::Json;
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bars = MultiProgress::with_draw_target(target);
        Self { printer: Printer::new(bars.clone(), quiet, format), bars }
    }

    /// The printer.
    pub fn printer(&self) -> &Printer {
        &self.printer
    }

    /// The bars themselves, for the log writer.
    pub(super) fn multi(&self) -> &MultiProgress {
        &self.bars
    }

    /// The bar of an embedding job over `bytes` of input (when known).
    pub fn job(&self, bytes: Option<u64>) -> JobBar {
        let counts = Arc::new(Counts::default());
        let shown = Arc::clone(&counts);
        let rates = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let seconds = state.elapsed().as_secs_f64().max(1e-3);
            let (inputs, tokens) = (shown.inputs.load(Ordering::Relaxed), shown.tokens.load(Ordering::Relaxed));
            let rate = |n: u64| (n as f64 / seconds).round();
            let _ = write!(out, "{inputs} inputs, {}/s", rate(inputs));
            if tokens != UNKNOWN {
                let _ = write!(out, ", {} tokens/s", rate(tokens));
            }
        };
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::new(bytes), "{bar:24} {percent:>3}%  {rates}  {elapsed_precise}"),
            None => (ProgressBar::no_length(), "{spinner} {rates}  {elapsed_precise}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.bars.add(bar.with_style(style.with_key("rates", rates)));
        bar.tick();
        JobBar { bar, counts }
    }
}

/// The bar of a stage of a longer run, one stage after the other. Dropping it removes it.
pub struct StageBar(ProgressBar);

impl Bars {
    /// A bar without a stage yet.
    pub fn stages(&self) -> StageBar {
        StageBar(self.bars.add(ProgressBar::no_length()))
    }
}

impl StageBar {
    /// The next stage, of so many requests (where that is known).
    pub fn begin(&self, label: &str, requests: Option<u64>) {
        let template = match requests {
            Some(_) => "{msg}  {bar:24} {pos}/{len} requests  {elapsed_precise}",
            None => "{msg}  {spinner} {pos} requests  {elapsed_precise}",
        };
        self.0.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.0.reset();
        if let Some(requests) = requests {
            self.0.set_length(requests);
        }
        self.0.set_message(label.to_owned());
        self.0.tick();
    }

    /// One more request is answered.
    pub fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for StageBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Instead of a number of tokens.
const UNKNOWN: u64 = u64::MAX;

#[derive(Default)]
struct Counts {
    inputs: AtomicU64,
    tokens: AtomicU64,
}

/// The bar of the job at hand. Dropping it removes it.
pub struct JobBar {
    bar: ProgressBar,
    counts: Arc<Counts>,
}

impl JobBar {
    /// `inputs` and `tokens` (where known) done so far; `bytes` of the input that are through.
    pub fn update(&self, inputs: u64, tokens: Option<u64>, bytes: u64) {
        self.counts.inputs.store(inputs, Ordering::Relaxed);
        self.counts.tokens.store(tokens.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.bar.set_position(bytes);
    }
}

impl Drop for JobBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bars {
    fn start(&self, label: &str, total: Option<u64>) -> Box<dyn ProgressTask> {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{msg}  {bar:24} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}"),
            None => (ProgressBar::no_length(), "{msg}  {spinner} {bytes}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.bars.add(bar.with_style(style).with_message(label.to_owned()));
        bar.tick();
        Box::new(DownloadBar { bar, label: label.to_owned() })
    }

    fn note(&self, line: &str) {
        self.printer.note(line);
    }
}

/// Characters of a line that are shown.
const LINE: usize = 60;

struct DownloadBar {
    bar: ProgressBar,
    label: String,
}

impl ProgressTask for DownloadBar {
    fn position(&mut self, position: u64) {
        self.bar.set_position(position);
    }

    fn line(&mut self, line: &str) {
        // Terminals wrap what is too long, and bars that wrap cannot be drawn over.
        let line: String = line.chars().take(LINE).collect();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            self.bar.set_style(style);
        }
        self.bar.set_message(format!("{}: {line}", self.label));
        self.bar.tick();
    }
}

impl Drop for DownloadBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
