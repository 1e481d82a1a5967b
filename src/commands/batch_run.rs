//! A long job: records through an engine into rows, with a bar, counts, and one line at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::kept::KeptValue;
use crate::record_id::RecordId;

use super::job_progress::{JobProgress, State};
use super::{AppContext, Error, Outcome};
use crate::cli::MaxFailures;
use crate::engine::stream::{self, Item, StreamError, Work};
use crate::engine::{SubmitError, TextError};
use crate::input::{EmptyFiles, InputError, Origin, Record, Records};
use crate::output::{Destination, Document, Job, OutputError};
use crate::plural::{counted, plural};
use crate::ui::{JobBar, Printer};

/// Failed inputs that are named on stderr; the rest is counted.
const NAMED_FAILURES: u64 = 10;

/// A run of one command over all its inputs: the words of its summary, the destination of its rows.
pub(super) struct BatchRun<'w> {
    pub app: &'w AppContext,
    /// Words of the summary: the verb and the noun, such as "Embedded", "input".
    pub words: (&'static str, &'static str),
    /// The preparation and its seconds, such as "model loaded".
    pub before: (&'static str, f64),
    /// The destination of rows.
    pub destination: &'w Destination,
    /// True if rows are written only when all inputs are through.
    pub at_the_end: bool,
    pub job: JobOptions,
}

/// Options of a job besides its input and output.
#[derive(Default)]
pub(super) struct JobOptions {
    /// The rows so far, where the job can be continued.
    pub saved: Option<Job>,
    pub max_failures: Option<MaxFailures>,
    /// Progress as JSON.
    pub progress: bool,
    pub summary: Option<Summary>,
}

/// A file for the counts of a job, and what it says besides them.
pub(super) struct Summary {
    pub file: Document,
    pub job: Map<String, Json>,
}

/// The records of a run.
pub(super) struct BatchInput<T> {
    records: Box<dyn Iterator<Item = Result<Record<T>, InputError>> + Send>,
    read: Arc<AtomicU64>,
    total: Option<u64>,
    empty: EmptyFiles,
}

impl<T: Send + 'static> BatchInput<T> {
    /// A first record that was read already, if any, and the rest.
    pub(crate) fn new(first: Option<Record<T>>, records: Records<T>) -> Self {
        let (read, total, empty) = (records.bytes_counter(), records.total_bytes(), records.empty_files());
        Self { records: Box::new(first.map(Ok).into_iter().chain(records)), read, total, empty }
    }
}

pub(super) trait Writer<O> {
    /// The result of the next input, or what went wrong with it.
    fn write(
        &mut self,
        index: u64,
        id: Option<RecordId>,
        kept: &[KeptValue],
        result: Result<O, String>,
    ) -> Result<(), OutputError>;

    /// Hands everything so far to the system.
    fn flush(&mut self) -> Result<(), OutputError>;

    /// All well: writes what remains.
    fn finish(self) -> Result<(), OutputError>;
}

/// A result's contribution to the counts.
pub(super) trait Counted {
    /// Tokens the model saw, where that is known.
    fn tokens(&self) -> Option<usize>;
    /// Texts that were cut, where that is known.
    fn truncated(&self) -> Option<usize>;
    /// Documents in it, where an input has several.
    fn documents(&self) -> usize {
        0
    }
    fn failures(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The results of a window of `count` inputs, which `read` takes from what was computed; or the same error for each.
pub(super) fn results<C, O>(
    count: usize,
    computed: Option<Result<C, SubmitError>>,
    read: impl FnOnce(C) -> Vec<Result<O, TextError>>,
) -> Vec<Result<O, TextError>> {
    let error = match computed {
        Some(Ok(computed)) => return read(computed),
        Some(Err(error @ SubmitError::Gone)) => TextError::ended(error.to_string()),
        Some(Err(error)) => TextError::internal(error.to_string()),
        None => TextError::internal("the command is ending"),
    };
    (0..count).map(|_| Err(error.clone())).collect()
}

impl BatchRun<'_> {
    /// Runs it: `prepare` makes an input of a record's content, and returns its number of bytes.
    pub(crate) fn run<T, I, O, W>(
        self,
        input: BatchInput<T>,
        prepare: impl Fn(T) -> (I, usize) + Send + 'static,
        work: Work<I, O>,
        writer: W,
    ) -> Result<Outcome, Error>
    where
        T: Send + 'static,
        I: Send + 'static,
        O: Counted + Send + 'static,
        W: Writer<O>,
    {
        let start = Instant::now();
        let BatchInput { records, read, total, empty } = input;
        let JobOptions { saved, max_failures, progress, summary } = self.job;
        let before = saved.as_ref().map(Counts::saved).unwrap_or_default();
        // Rows that come while it is drawn would tear it.
        let torn = self.destination.is_terminal() && !self.at_the_end;
        let bar = (!torn && !progress).then(|| self.app.bars.job(total));
        let printer = self.app.bars.printer().clone();
        let state = State {
            before: before.inputs,
            skipped: 0,
            rows: before.inputs,
            failed: before.failed,
            bytes: 0,
            ended: false,
        };
        let progress = progress.then(|| JobProgress::start(printer.clone(), state, total));
        let progress = progress.transpose().map_err(Error::Thread)?;
        let mut rows = Rows { writer, saved, max_failures, printer, bar, progress, position: 0, counts: before };
        let mut passed = 0u64;
        let mut left = before.inputs;
        let skip = move |record: &Result<Record<T>, InputError>| {
            let skipped = left > 0 && record.is_ok();
            left -= u64::from(skipped);
            !skipped
        };
        let items = records.filter({
            let mut skip = skip;
            move |record| skip(record)
        });
        let items = items.map(move |record| {
            record.map(|Record { id, content, kept, origin }| {
                let (input, bytes) = match content.map(&prepare) {
                    Ok((input, bytes)) => (Ok(input), bytes),
                    Err(e) => (Err(TextError::new(e.to_string())), 0),
                };
                let read = read.load(Ordering::Relaxed);
                if passed == 0 && before.inputs > 0 {
                    passed = read.saturating_sub(READ_AHEAD);
                }
                passed += bytes as u64 + 1;
                // The reader is ahead of the record by the buffered bytes.
                let tag = Tag { id, kept, origin, position: passed.clamp(read.saturating_sub(READ_AHEAD), read) };
                Item { tag, input, bytes }
            })
        });
        let end = stream::stream(&work, items, &self.app.cancel, &mut rows);

        let end = match end {
            Ok(()) => rows.check_failures(true),
            Err(StreamError::Read(e)) => Err(e.into()),
            Err(StreamError::Write(e)) => Err(e),
            Err(StreamError::Thread(e)) => Err(Error::Thread(e)),
            // Errors for all the rest must not take the place of what was there, either.
            Err(StreamError::Ended(e)) => Err(Error::Ended(e)),
            Err(StreamError::Cancelled) => Err(Error::Interrupted),
        };
        // Earlier records count: rows are written, and a file appears with them only if everything else succeeds.
        let end = match end {
            Err(e) if !matches!(e, Error::Output(_) | Error::PipeClosed) => rows.save(true).and(Err(e)),
            end => end,
        };
        let Rows { writer, saved, printer, bar, progress, counts, .. } = rows;
        drop((bar, progress));
        let (end, saved) = match end {
            // Nothing but errors must not take the place of what was there.
            Ok(()) if counts.inputs > 0 && counts.succeeded == 0 && self.destination.replaced().is_some() => {
                saved.into_iter().for_each(Job::discard);
                drop(writer);
                (Ok(()), None)
            }
            Ok(()) => match writer.finish() {
                Ok(()) => {
                    saved.into_iter().for_each(Job::finish);
                    (Ok(()), None)
                }
                Err(e) => (Err(e.into()), saved),
            },
            Err(e) => (Err(e), saved),
        };
        // Hardly ever meant: an earlier step of a pipeline failed.
        for name in empty.names() {
            printer.warning(&format!("{name}: holds no {}", texts(self.words.1)));
        }
        let run = Ended { words: self.words, before: self.before, destination: self.destination, printer: &printer };
        let seconds = start.elapsed().as_secs_f64();
        run.summarise(&counts, &before, seconds, &end);
        if end.is_ok() && counts.inputs > 0 && counts.succeeded == 0 {
            run.not_written("no input succeeded");
        } else if matches!(end, Err(Error::Ended(_))) {
            run.not_written("the engine ended");
        }
        if let Some(saved) = saved.filter(|saved| saved.rows() > 0) {
            let (path, rows) = (saved.path().display(), counted(saved.rows(), "row"));
            printer.note(&format!("{path} holds {rows}: the same command with --resume goes on behind them"));
        }
        let summary = summary.map_or(Ok(()), |summary| counts.report(&before, summary, seconds, &end));
        end.and(summary)?;
        Ok(if counts.failed == 0 { Outcome::Done } else { Outcome::SomeFailed })
    }
}

/// The noun for what a file holds.
fn texts(noun: &str) -> String {
    if noun == "input" { "texts".to_owned() } else { plural(noun) }
}

/// A run that has ended, and the way to say so.
struct Ended<'w> {
    words: (&'static str, &'static str),
    before: (&'static str, f64),
    destination: &'w Destination,
    printer: &'w Printer,
}

impl Ended<'_> {
    /// Says that there is no output, where it is a file.
    fn not_written(&self, reason: &str) {
        if let Some(path) = self.destination.replaced() {
            let kept = if path.exists() { "is left as it was" } else { "is not written" };
            self.printer.error(&format!("{reason}: {} {kept}", path.display()), None);
        }
    }

    /// `before`: the counts of an earlier process.
    fn summarise(&self, counts: &Counts, before: &Counts, seconds: f64, end: &Result<(), Error>) {
        let printer = self.printer;
        let Counts { inputs, documents, tokens, truncated, failed, succeeded, unknown } = *counts;
        if failed > NAMED_FAILURES {
            printer.error(&format!("{} failed", counted(failed - NAMED_FAILURES, "more input")), None);
        }
        if matches!(end, Err(Error::PipeClosed)) || end.is_err() && inputs == 0 {
            return;
        }
        let rate = |n: u64| n as f64 / seconds.max(1e-9);
        let (verb, noun) = self.words;
        let verb = if end.is_ok() { verb } else { "Stopped after" };
        let failed = (failed > 0).then(|| format!("{failed} failed"));
        let (within, pace, paced) = match documents {
            0 => (None, succeeded - before.succeeded, noun),
            n => (Some(counted(n, "document")), n, "document"),
        };
        // A server reports nothing about single texts.
        let seen = (!unknown).then(|| format!("{}, {truncated} truncated", counted(tokens, "token")));
        let parts: Vec<String> = within.into_iter().chain(seen).chain(failed).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        let tokens = if unknown { String::new() } else { format!(", {:.0} tokens/s", rate(tokens - before.tokens)) };
        let (what, took) = self.before;
        let done = if succeeded < inputs { format!("{succeeded} of ") } else { String::new() };
        printer.note(&format!(
            "{verb} {done}{}{parts} in {seconds:.2} s: {:.1} {}/s{tokens} ({what} in {took:.2} s)",
            counted(inputs, noun),
            rate(pace),
            plural(paced),
        ));
    }
}

/// Data of an input for the row of its result.
struct Tag {
    id: Option<RecordId>,
    kept: Vec<KeptValue>,
    origin: Origin,
    /// Bytes of input that had been read with it.
    position: u64,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    inputs: u64,
    documents: u64,
    tokens: u64,
    truncated: u64,
    failed: u64,
    /// Inputs that have a result, or part of one.
    succeeded: u64,
    /// Tokens and what was truncated are not known of all inputs.
    unknown: bool,
}

impl Counts {
    /// The counts of an earlier process.
    fn saved(job: &Job) -> Self {
        let counts = Self::deserialize(job.counts()).unwrap_or_default();
        Self { inputs: job.rows(), ..counts }
    }

    /// Writes the summary of a job, of which an earlier process did `before`.
    fn report(&self, before: &Self, summary: Summary, seconds: f64, end: &Result<(), Error>) -> Result<(), Error> {
        let Self { inputs, tokens, truncated, failed, succeeded, unknown, .. } = *self;
        let known = |count: u64| (!unknown).then_some(count);
        let Summary { file, mut job } = summary;
        let model = job.shift_remove("model");
        let report = json!({
            "complete": end.is_ok() && (inputs == 0 || succeeded > 0),
            "error": end.as_ref().err().map(ToString::to_string),
            "rows": inputs,
            "failed": failed,
            "tokens": known(tokens),
            "truncated": known(truncated),
            "rows_of_earlier_runs": before.inputs,
            "seconds": seconds,
            "rows_per_second": (inputs - before.inputs) as f64 / seconds.max(1e-9),
            "model": model,
            "options": job,
        });
        Ok(file.write(&format!("{report:#}\n"))?)
    }
}

/// Most bytes that the readers of an input buffer.
const READ_AHEAD: u64 = 256 << 10;

/// Writes results as rows and keeps count.
struct Rows<W> {
    writer: W,
    saved: Option<Job>,
    max_failures: Option<MaxFailures>,
    printer: Printer,
    bar: Option<JobBar>,
    progress: Option<JobProgress>,
    /// Bytes of input that are through.
    position: u64,
    counts: Counts,
}

impl<W> Rows<W> {
    fn failed(&mut self, message: &str) {
        self.counts.failed += 1;
        if self.counts.failed <= NAMED_FAILURES {
            self.printer.error(message, None);
        }
    }

    /// Refuses more failures than may be; `end`: no more inputs come.
    fn check_failures(&self, end: bool) -> Result<(), Error> {
        let Counts { inputs, failed, .. } = self.counts;
        match self.max_failures {
            Some(limit) if limit.exceeded(failed, inputs, end) => Err(Error::Failures { failed, inputs, limit }),
            _ => Ok(()),
        }
    }
}

impl<W> Rows<W> {
    /// Hands the rows so far to the system and, if it is time or `now`, brings them to the disk.
    fn save<O>(&mut self, now: bool) -> Result<(), Error>
    where
        W: Writer<O>,
    {
        self.writer.flush()?;
        // Rows without a result are worth nothing.
        if let Some(saved) = self.saved.as_mut().filter(|saved| self.counts.succeeded > 0 && (now || saved.is_due())) {
            let counts = serde_json::to_value(self.counts).unwrap_or_default();
            saved.checkpoint(self.counts.inputs, counts)?;
        }
        Ok(())
    }
}

impl<O: Counted, W: Writer<O>> stream::Sink<Tag, O> for Rows<W> {
    type Error = Error;

    fn take(&mut self, tag: Tag, result: Result<O, TextError>) -> Result<(), Error> {
        self.position = tag.position;
        let index = self.counts.inputs;
        self.counts.inputs += 1;
        // Errors of reading name the place themselves.
        let place = tag.origin.to_string();
        let placed = |reason: String| if reason.starts_with(&place) { reason } else { format!("{place}: {reason}") };
        let result = result.map_err(|e| placed(e.to_string()));
        match &result {
            Ok(result) => {
                let (tokens, truncated) = (result.tokens(), result.truncated());
                self.counts.unknown |= tokens.is_none() || truncated.is_none();
                self.counts.tokens += tokens.unwrap_or_default() as u64;
                self.counts.truncated += truncated.unwrap_or_default() as u64;
                self.counts.documents += result.documents() as u64;
                let failures = result.failures();
                self.counts.succeeded += u64::from(failures.is_empty() || failures.len() < result.documents());
                for failure in failures {
                    self.failed(&placed(failure));
                }
            }
            Err(message) => self.failed(message),
        }
        let failed = result.is_err();
        self.writer.write(index, tag.id, &tag.kept, result)?;
        if failed { self.check_failures(false) } else { Ok(()) }
    }

    fn settle(&mut self) -> Result<(), Error> {
        if let Some(bar) = &self.bar {
            let Counts { inputs, documents, .. } = self.counts;
            bar.update(inputs.max(documents), self.position);
        }
        if let Some(progress) = &self.progress {
            let (Counts { inputs, failed, .. }, position) = (self.counts, self.position);
            progress.update(|state| {
                (state.rows, state.failed, state.bytes) = (inputs, failed, position);
            });
        }
        self.save(false)
    }
}

/// A bad destination is wrong usage, except for a pipe that is closed already.
pub(super) fn open_error(e: OutputError) -> Error {
    if e.is_broken_pipe() { Error::PipeClosed } else { Error::OutputOpen(e) }
}

/// Prints a prompt if stdin is a terminal, so that the user knows that the command waits.
pub(super) fn prompt_on_terminal(app: &AppContext, files: &[std::path::PathBuf], what: &str) {
    if files.is_empty() && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        app.bars.printer().note(&format!("Reading {what} from the terminal, one a line; Ctrl-D ends."));
    }
}
