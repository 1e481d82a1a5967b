//! `infa embed`: texts in, vectors out.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::Value as Json;

use super::settings::ModelSettings;
use super::{Error, Outcome, World};
use crate::cli::{EmbedArgs, OutputType};
use crate::engine::stream::{Item, Sink, StreamError, Work, stream};
use crate::engine::{Embedding, Engine, Purpose, Role, SparseEmbedding, TextError, TokenEmbeddings};
use crate::input::{self, Origin, Record};
use crate::output::{self, Destination, Numbers, OutputError, Row, RowWriter, Shape, Vector};
use crate::ui::{JobBar, Printer};

/// Failed inputs that are named on stderr; the rest is counted.
const NAMED_FAILURES: u64 = 10;

pub(super) fn run(args: EmbedArgs, world: &World) -> Result<Outcome, Error> {
    let EmbedArgs { files, input_format, field, id_field, mode, output_type, format, output, model, text } = args;
    let role = Role::from(mode);
    let settings = ModelSettings::resolve(model, text, &world.globals)?;
    let (purpose, shape): (_, fn(usize) -> Shape) = match output_type {
        OutputType::Dense => (Purpose::Embed, Shape::Dense),
        OutputType::Sparse => (Purpose::EmbedSparse, |_| Shape::Sparse),
        OutputType::Colbert => (Purpose::EmbedTokens, Shape::Tokens),
    };
    // Before a model is fetched and loaded in vain.
    output::check_shape(format, shape(0)).map_err(open_error)?;
    let options = input::Options { format: input_format, field, id_field };
    if files.is_empty() && std::io::stdin().is_terminal() {
        world.bars.printer().note("Reading texts from the terminal, one a line; Ctrl-D ends.");
    }
    let records = input::open(&files, &options)?;
    let destination = output.map_or(Destination::Stdout, Destination::File);

    let start = Instant::now();
    let engine = settings.load(world, purpose)?;
    let load_seconds = start.elapsed().as_secs_f64();

    let writer = output::open(format, &destination, shape(engine.info().dimensions)).map_err(open_error)?;
    let start = Instant::now();
    let read = records.bytes_counter();
    let bar = world.bars.job(records.total_bytes());
    let printer = world.bars.printer().clone();
    let mut rows = Rows { writer, printer, bar: Some(bar), position: 0, counts: Counts::default() };
    let items = records.map(move |record| record.map(|record| item(record, read.load(Ordering::Relaxed))));
    let end = match output_type {
        OutputType::Dense => stream(&work(&engine, role, Engine::embed), items, &world.cancel, &mut rows),
        OutputType::Sparse => stream(&work(&engine, role, Engine::embed_sparse), items, &world.cancel, &mut rows),
        OutputType::Colbert => stream(&work(&engine, role, Engine::embed_tokens), items, &world.cancel, &mut rows),
    };

    let Rows { mut writer, printer, bar, counts, .. } = rows;
    drop(bar);
    let end = match end {
        Ok(()) => writer.finish().map_err(Error::from),
        Err(StreamError::Write(e)) => Err(e.into()),
        // What was read before still counts: rows go out, and a file appears with them only if all is well.
        Err(StreamError::Read(e)) => writer.flush().map_err(Error::from).and(Err(e.into())),
        Err(StreamError::Thread(e)) => writer.flush().map_err(Error::from).and(Err(Error::Thread(e))),
        Err(StreamError::Cancelled) => writer.flush().map_err(Error::from).and(Err(Error::Interrupted)),
    };
    counts.print(&printer, start.elapsed().as_secs_f64(), load_seconds, &end);
    end?;
    Ok(if counts.failed == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

/// A method of [`Engine`] that embeds texts.
type Embed<T> = fn(&(dyn Engine + 'static), &[&str], Role) -> Vec<Result<T, TextError>>;

/// What is done with a window of texts.
fn work<T: 'static>(engine: &Arc<dyn Engine>, role: Role, embed: Embed<T>) -> Work<String, T> {
    let engine = Arc::clone(engine);
    Arc::new(move |texts| {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        embed(engine.as_ref(), &texts, role)
    })
}

/// An embedding of whatever kind, as rows hold it.
trait Embedded {
    fn vector(&self) -> Vector<'_>;
}

impl Embedded for Embedding {
    fn vector(&self) -> Vector<'_> {
        let Self { vector, tokens, truncated } = self;
        Vector { embedding: Numbers::Dense(vector), tokens: *tokens, truncated: *truncated }
    }
}

impl Embedded for SparseEmbedding {
    fn vector(&self) -> Vector<'_> {
        let Self { indices, values, tokens, truncated } = self;
        Vector { embedding: Numbers::Sparse { indices, values }, tokens: *tokens, truncated: *truncated }
    }
}

impl Embedded for TokenEmbeddings {
    fn vector(&self) -> Vector<'_> {
        let Self { vectors, dimensions, tokens, truncated } = self;
        let embedding = Numbers::Tokens { vectors, dimensions: *dimensions };
        Vector { embedding, tokens: *tokens, truncated: *truncated }
    }
}

/// What is wrong with the destination is a matter of usage, but for a pipe that is closed already.
fn open_error(e: OutputError) -> Error {
    if e.is_broken_pipe() { Error::PipeClosed } else { Error::OutputOpen(e) }
}

/// What is remembered of an input until its vector comes.
struct Tag {
    id: Option<Json>,
    origin: Origin,
    /// Bytes of input that had been read with it.
    position: u64,
}

fn item(record: Record, position: u64) -> Item<Tag, String> {
    let Record { id, text, origin } = record;
    let bytes = text.as_ref().map_or(0, String::len);
    Item { tag: Tag { id, origin, position }, input: text.map_err(|e| TextError(e.to_string())), bytes }
}

#[derive(Default)]
struct Counts {
    inputs: u64,
    tokens: u64,
    truncated: u64,
    failed: u64,
}

impl Counts {
    fn print(&self, printer: &Printer, seconds: f64, load_seconds: f64, end: &Result<(), Error>) {
        if self.failed > NAMED_FAILURES {
            printer.error(&format!("{} more inputs failed", self.failed - NAMED_FAILURES), None);
        }
        if matches!(end, Err(Error::PipeClosed)) || end.is_err() && self.inputs == 0 {
            return;
        }
        let rate = |n: u64| n as f64 / seconds.max(1e-9);
        let verb = if end.is_ok() { "Embedded" } else { "Stopped after" };
        let failed = if self.failed == 0 { String::new() } else { format!(", {} failed", self.failed) };
        printer.note(&format!(
            "{verb} {} inputs ({} tokens, {} truncated{failed}) in {seconds:.2} s: {:.1} inputs/s, {:.0} tokens/s \
             (model loaded in {load_seconds:.2} s)",
            self.inputs,
            self.tokens,
            self.truncated,
            rate(self.inputs),
            rate(self.tokens),
        ));
    }
}

/// Writes results as rows and keeps count.
struct Rows {
    writer: Box<dyn RowWriter + Send>,
    printer: Printer,
    bar: Option<JobBar>,
    /// Bytes of input that are through.
    position: u64,
    counts: Counts,
}

impl<T: Embedded> Sink<Tag, T> for Rows {
    type Error = OutputError;

    fn take(&mut self, tag: Tag, result: Result<T, TextError>) -> Result<(), OutputError> {
        self.position = tag.position;
        let counts = &mut self.counts;
        let index = counts.inputs;
        counts.inputs += 1;
        let message;
        let outcome = match &result {
            Ok(embedded) => {
                let vector = embedded.vector();
                counts.tokens += vector.tokens as u64;
                counts.truncated += u64::from(vector.truncated);
                Ok(vector)
            }
            Err(TextError(reason)) => {
                // Errors of reading name the place themselves.
                let place = tag.origin.to_string();
                message = if reason.starts_with(&place) { reason.clone() } else { format!("{place}: {reason}") };
                counts.failed += 1;
                if counts.failed <= NAMED_FAILURES {
                    self.printer.error(&message, None);
                }
                Err(message.as_str())
            }
        };
        self.writer.write(&Row { index, id: tag.id.as_ref(), outcome })
    }

    fn settle(&mut self) -> Result<(), OutputError> {
        if let Some(bar) = &self.bar {
            bar.update(self.counts.inputs, self.counts.tokens, self.position);
        }
        self.writer.flush()
    }
}
