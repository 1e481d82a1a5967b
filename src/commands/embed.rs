//! `infa embed`: texts in, vectors out.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value as Json;

use super::engine::EngineSettings;
use super::job::{Counted, Input, Job, Writer, invite, open_error};
use super::{Error, Outcome, World};
use crate::cli::{EmbedArgs, OutputType, ReadArgs};
use crate::engine::stream::Work;
use crate::engine::{Embedding, Engine, Purpose, Role, SparseEmbedding, TextError, TokenEmbeddings};
use crate::input::{self, Text};
use crate::output::{self, Destination, Numbers, OutputError, Row, RowWriter, Shape, Vector};

pub(super) fn run(args: EmbedArgs, world: &World) -> Result<Outcome, Error> {
    let (output_type, output) = args.outputs();
    let EmbedArgs { read, mode, output_type: _, format, precision, output: _, model, engine, text } = args;
    let ReadArgs { files, input_format, field, id_field } = read;
    let role = Role::from(mode);
    let settings = EngineSettings::resolve(engine, model, text, &world.globals)?;
    let (purpose, shape): (_, fn(usize) -> Shape) = match output_type {
        OutputType::Dense => (Purpose::Embed, Shape::Dense),
        OutputType::Sparse => (Purpose::EmbedSparse, |_| Shape::Sparse),
        OutputType::Colbert => (Purpose::EmbedTokens, Shape::Tokens),
    };
    // Before a model is fetched and loaded in vain.
    output::check(format, shape(0), precision).map_err(open_error)?;
    let options = input::Options { format: input_format, field, id_field, pair_field: None };
    invite(world, &files, "texts");
    let records = input::open(&files, &options)?;
    let destination = output.map_or(Destination::Stdout, Destination::File);

    let start = Instant::now();
    let engine = settings.load(world, purpose, role)?;
    let before = (settings.loaded(), start.elapsed().as_secs_f64());

    let writer = output::open(format, &destination, shape(engine.info().dimensions), precision).map_err(open_error)?;
    let job = Job { world, words: ("Embedded", "inputs"), before };
    let (input, vectors) = (Input::new(None, records), Vectors(writer));
    let prepare = |Text { text, .. }: Text| {
        let bytes = text.len();
        (text, bytes)
    };
    match output_type {
        OutputType::Dense => job.run(input, prepare, work(&engine, role, Engine::embed), vectors),
        OutputType::Sparse => job.run(input, prepare, work(&engine, role, Engine::embed_sparse), vectors),
        OutputType::Colbert => job.run(input, prepare, work(&engine, role, Engine::embed_tokens), vectors),
    }
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

impl<T: Embedded> Counted for T {
    fn tokens(&self) -> Option<usize> {
        self.vector().tokens
    }

    fn truncated(&self) -> Option<usize> {
        self.vector().truncated.map(usize::from)
    }
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
        let embedding = Numbers::Sparse { indices, values };
        Vector { embedding, tokens: Some(*tokens), truncated: Some(*truncated) }
    }
}

impl Embedded for TokenEmbeddings {
    fn vector(&self) -> Vector<'_> {
        let Self { vectors, dimensions, tokens, truncated } = self;
        let embedding = Numbers::Tokens { vectors, dimensions: *dimensions };
        Vector { embedding, tokens: Some(*tokens), truncated: Some(*truncated) }
    }
}

/// Writes embeddings as rows.
struct Vectors(Box<dyn RowWriter + Send>);

impl<T: Embedded> Writer<T> for Vectors {
    fn write(&mut self, index: u64, id: Option<Json>, result: Result<T, String>) -> Result<(), OutputError> {
        let outcome = match &result {
            Ok(embedded) => Ok(embedded.vector()),
            Err(message) => Err(message.as_str()),
        };
        self.0.write(&Row { index, id: id.as_ref(), outcome })
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.0.flush()
    }

    fn finish(self) -> Result<(), OutputError> {
        self.0.finish()
    }
}
