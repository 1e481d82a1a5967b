//! Progress bars of downloads and of the job. Only on a terminal.
//!
//! Bars are redrawn on progress. indicatif's steady tick would need a thread for each bar, and panics if the system has
//! none left.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::log::LogFormat;
use super::printer::Printer;
use super::screen::Screen;
use crate::fetch::{Progress, ProgressTask};

/// Maximum number of redraws per second.
const DRAWN: u8 = 20;

/// All bars on the screen, and the printer that writes above them.
#[derive(Clone)]
pub struct Bars {
    bars: MultiProgress,
    printer: Printer,
}

impl Bars {
    /// Bars on stderr if it is a terminal and they are enabled; else hidden bars.
    pub fn new(quiet: bool, format: LogFormat) -> Self {
        let hidden = quiet || format == LogFormat::Json || !std::io::stderr().is_terminal();
        let target = match hidden {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::term_like_with_hz(Box::new(Screen::stderr()), DRAWN),
        };
        let bars = MultiProgress::with_draw_target(target);
        Self { printer: Printer::new(bars.clone(), quiet, format), bars }
    }

    pub fn printer(&self) -> &Printer {
        &self.printer
    }

    /// The bars themselves, for the log writer.
    pub(super) fn multi(&self) -> &MultiProgress {
        &self.bars
    }

    /// The bar of a job over `bytes` of input (when known). Its line is short, so that a terminal that is made narrower does
    /// not break it.
    pub fn job(&self, bytes: Option<u64>) -> JobBar {
        let counts = Arc::new(Counts::default());
        let shown = Arc::clone(&counts);
        let line = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let inputs = shown.inputs.load(Ordering::Relaxed);
            let _ = out.write_str(&job_line(inputs, state.elapsed(), state.pos(), bytes));
        };
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::new(bytes), "{percent:>3}% {bar:8} {line}"),
            None => (ProgressBar::no_length(), "{spinner} {line}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.bars.add(bar.with_style(style.with_key("line", line)));
        bar.tick();
        JobBar { bar, counts }
    }
}

/// The text of a job's bar: inputs, rate, and the remaining time, or the elapsed time if the total is unknown.
fn job_line(inputs: u64, elapsed: Duration, position: u64, total: Option<u64>) -> String {
    let rate = inputs as f64 / elapsed.as_secs_f64().max(1e-3);
    let noun = if inputs == 1 { "input" } else { "inputs" };
    let counted = format!("{} {noun}, {}/s", short(inputs as f64), short(rate));
    match total {
        Some(_) if position == 0 || inputs == 0 => counted,
        Some(total) => {
            let rest = total.saturating_sub(position) as f64 / position as f64;
            format!("{counted}, {} left", time(elapsed.as_secs_f64() * rest))
        }
        None => format!("{counted} for {}", time(elapsed.as_secs_f64())),
    }
}

/// "950", "12.3k", "4.5M".
fn short(number: f64) -> String {
    match number {
        n if n < 9_999.5 => format!("{n:.0}"),
        n if n < 999_950.0 => format!("{:.1}k", n / 1e3),
        n if n < 1e9 => format!("{:.1}M", n / 1e6),
        n => format!("{:.0}M", n / 1e6),
    }
}

/// "12 s", "3 min", "2.5 h".
fn time(seconds: f64) -> String {
    match seconds.round().min(1e9) as u64 {
        s if s < 90 => format!("{s} s"),
        s if s < 5400 => format!("{} min", (s + 30) / 60),
        s if s < 360_000 => format!("{:.1} h", s as f64 / 3600.0),
        s => format!("{} days", s / 86_400),
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
    /// Begins a stage of `requests` requests, if the number is known.
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

#[derive(Default)]
struct Counts {
    inputs: AtomicU64,
}

/// The bar of the job at hand. Dropping it removes it.
pub struct JobBar {
    bar: ProgressBar,
    counts: Arc<Counts>,
}

impl JobBar {
    /// `inputs` done so far; `bytes` of the input that are through.
    pub fn update(&self, inputs: u64, bytes: u64) {
        self.counts.inputs.store(inputs, Ordering::Relaxed);
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
        // Terminals wrap long lines, and wrapped bars cannot be redrawn.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_s_line_shows_the_rest() {
        let after = Duration::from_secs(10);
        assert_eq!(job_line(1140, after, 250, Some(1000)), "1140 inputs, 114/s, 30 s left");
        assert_eq!(job_line(0, after, 0, Some(1000)), "0 inputs, 0/s");
        assert_eq!(job_line(20, after, 20, None), "20 inputs, 2/s for 10 s");
        assert_eq!(job_line(1, after, 1, Some(1000)), "1 input, 0/s, 2.8 h left");
    }

    #[test]
    fn a_line_is_short_whatever_it_counts() {
        for inputs in [1, 9_999, 10_000, 123_456, 20_000_000, 3_000_000_000] {
            for seconds in [1, 100, 100_000, 3_000_000] {
                for position in [1, 50, 99] {
                    let line = job_line(inputs, Duration::from_secs(seconds), position, Some(100));
                    // Before it stand a percentage and the bar.
                    assert!(line.chars().count() + 14 <= 50, "{line}");
                }
            }
        }
        assert_eq!(["9999", "10.0k", "1.0M"], [9_999.0, 10_000.0, 999_999.0].map(short));
        assert_eq!(["89 s", "2 min", "1.5 h"], [89.0, 90.0, 5400.0].map(time));
    }
}
