//! `infa embed`: texts in, vectors out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::kept::{KeptColumn, KeptValue};
use crate::record_id::RecordId;

use super::async_runtime::EngineRuntime;
use super::batch_run::{BatchInput, BatchRun, Counted, Writer, open_error, results};
use super::job::Prepared;
use super::overwrite::Places;
use super::{AppContext, Error, Outcome, job, texts};
use crate::cli::{EmbedArgs, FieldArgs, OutputType, ReadArgs};
use crate::engine::open::Purpose;
use crate::engine::stream::Work;
use crate::engine::{
    self, Completed, Embedding, Engine, OutputKind, OutputOf, Request, RequestOptions, Role, SparseEmbedding,
    TokenEmbeddings,
};
use crate::input::{Template, Text, expand, vectors};
use crate::output::{
    self, Compression, Destination, Encoding, Format, Job, Numbers, OutputError, Ranges, Row, RowWriter, Shape, Vector,
};
use crate::plural::counted;
use arrow_schema::DataType;
use serde_json::{Map, Value as Json};

pub(super) fn run(args: EmbedArgs, app: &AppContext) -> Result<Outcome, Error> {
    let (output_type, output) = args.outputs();
    let EmbedArgs {
        read,
        template,
        keep,
        mode,
        output_type: _,
        format,
        precision,
        embedding_dtype,
        ranges,
        output: _,
        job,
        model,
        engine,
        text,
    } = args;
    let role = Role::from(mode);
    let options = super::engine_flags::resolve(engine, model, text, &app.globals)?;
    let (kind, shape): (_, fn(usize) -> Shape) = match output_type {
        OutputType::Dense => (OutputKind::Embedding, Shape::Dense),
        OutputType::Sparse => (OutputKind::Sparse, |_| Shape::Sparse),
        OutputType::Colbert => (OutputKind::TokenVectors, Shape::Tokens),
    };
    // Before a model is fetched and loaded in vain.
    let named = output.as_deref().filter(|_| format.is_none()).map_or(Ok(None), Format::of_file);
    let named = named.map_err(open_error)?;
    // With a named destination or a format, all numbers are written, even on a terminal.
    let destination = Destination::named(output.as_deref());
    let shortened = output.is_none() && format.is_none() && destination.is_terminal();
    let format = format.or(named).unwrap_or(Format::Jsonl);
    let ranges = ranges.as_deref().map(read_ranges).transpose()?;
    let mut settings = output::Settings {
        shape: shape(0),
        precision,
        encoding: Encoding { dtype: embedding_dtype.unwrap_or_default(), ranges },
        keep: keep.iter().map(|name| KeptColumn { name: name.clone(), data_type: DataType::Utf8 }).collect(),
        compression: output.as_deref().map(Compression::of_file).unwrap_or_default(),
        rows: 0,
    };
    output::check(format, &settings).map_err(open_error)?;
    if output.is_none() && format.is_binary() && destination.is_terminal() {
        return Err(Error::OutputOpen(OutputError::Terminal { format }));
    }
    let mut places = Places::of(&read.files, &options);
    places.writes("--output", output.as_deref())?;
    places.writes("--summary", job.summary.as_deref())?;
    let job = Prepared::new(job, &destination, files(&read, format, &settings))?;
    let rows = rows(&read, template.as_ref(), &settings, format, (output_type, role));
    let mut records =
        texts::open(read, texts::Parts { template, keep, ..Default::default() }, "infa embed", "texts", app)?;

    let start = Instant::now();
    let runtime = super::engine_flags::runtime(&options, app)?;
    let purpose = Purpose::Embed { output: kind, roles: &[role] };
    let engine = options.open(purpose, &app.host(), runtime.handle()?)?.engine;
    let before = (super::engine_flags::start_words(&options), start.elapsed().as_secs_f64());

    settings.shape = shape(engine.info().known_dimensions()?);
    if matches!(format, Format::Parquet | Format::Arrow) {
        settings.keep = records.kept_columns()?;
    }
    let mut decisive = job::model(&options, engine.info(), job.continuable(), app)?;
    decisive.extend(rows);
    let (sink, job) = job.begin(&destination, decisive, app)?;
    settings.rows = job.saved.as_ref().map_or(0, Job::rows);
    let writer = match shortened {
        true => output::preview(),
        false => output::open_with(format, || Ok(sink), &settings),
    };
    let writer = writer.map_err(open_error)?;
    let words = ("Embedded", "input");
    let run = BatchRun { app, words, before, destination: &destination, at_the_end: false, job };
    let (input, vectors) = (BatchInput::new(None, records), Vectors(writer));
    let prepare = |Text { text, .. }: Text| {
        let bytes = text.len();
        (text, bytes)
    };
    let outcome = match output_type {
        OutputType::Dense => run.run(input, prepare, work::<Embedding>(runtime, engine, role), vectors),
        OutputType::Sparse => run.run(input, prepare, work::<SparseEmbedding>(runtime, engine, role), vectors),
        OutputType::Colbert => run.run(input, prepare, work::<TokenEmbeddings>(runtime, engine, role), vectors),
    }?;
    if shortened {
        let advice = "On a terminal vectors are shortened: -o FILE (.jsonl, .csv, .npy, .parquet, …) or --format writes all numbers.";
        app.bars.printer().note(advice);
    }
    Ok(outcome)
}

/// The input files, if a job over them can be continued; else the reason that it cannot.
fn files(read: &ReadArgs, format: Format, settings: &output::Settings) -> Result<Vec<PathBuf>, &'static str> {
    if settings.continuation(format).is_none() {
        return Err("files of this format cannot be continued; write jsonl, csv, npy or f32 without compression");
    }
    if !read.text.is_empty() {
        return Err("texts of --text are no job that can be continued; put them into a file");
    }
    // What cannot be listed is an error when it is opened.
    let files = expand(&read.files).unwrap_or_default();
    if files.is_empty() || !files.iter().all(|path| path.as_os_str() != "-" && path.is_file()) {
        return Err("stdin and pipes cannot be read again; name files");
    }
    Ok(files)
}

/// The facts that decide the rows of a job, besides the model and the input files.
fn rows(
    read: &ReadArgs,
    template: Option<&Template>,
    settings: &output::Settings,
    format: Format,
    (output_type, role): (OutputType, Role),
) -> Map<String, Json> {
    let FieldArgs { input_format, field, id_field } = &read.fields;
    let Encoding { dtype, ranges } = &settings.encoding;
    let word = |value: &dyn std::fmt::Debug| Json::from(format!("{value:?}").to_lowercase());
    let mut rows = Map::new();
    let mut put = |name: &str, value: Json| _ = rows.insert(name.into(), value);
    put("output type", word(&output_type));
    put("mode", word(&role));
    put("format", word(&format));
    put("precision", settings.precision.map(|precision| format!("{precision:?}")).into());
    put("embedding dtype", word(dtype));
    put("ranges", ranges.as_ref().map(|ranges| format!("{ranges:?}")).into());
    put("keep", settings.keep.iter().map(|column| column.name.clone()).collect());
    put("input format", input_format.as_ref().map(|format| format!("{format:?}").to_lowercase()).into());
    put("field", field.clone().into());
    put("id field", id_field.clone().into());
    put("template", template.map(|template| format!("{template:?}")).into());
    rows
}

/// Reads the least and the largest numbers of each dimension.
fn read_ranges(path: &Path) -> Result<Ranges, Error> {
    let wrong = |reason: String| Error::Flag { flag: "--ranges", reason: format!("{}: {reason}", path.display()) };
    let saved = vectors::read(path)?;
    let places: Vec<_> = saved.rows.iter().map(|row| row.place.clone()).collect();
    let [Some(least), Some(most)] = &places[..] else {
        return Err(wrong(format!("has {} where two are needed", counted(places.len(), "row"))));
    };
    Ranges::new(&saved.numbers[least.clone()], &saved.numbers[most.clone()]).map_err(wrong)
}

/// Embeds a window of texts.
fn work<T: OutputOf>(runtime: Arc<EngineRuntime>, engine: Arc<dyn Engine>, role: Role) -> Work<String, T> {
    Arc::new(move |texts: Vec<String>| {
        let count = texts.len();
        let options = RequestOptions { role, ..RequestOptions::default() };
        let request = Request::new(T::KIND, texts.into_iter().map(engine::Input::Text).collect(), options);
        let completed = runtime.wait(async { engine.submit(request)?.await });
        results(count, completed, Completed::results_as)
    })
}

/// An embedding of any kind, as rows hold it.
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
    fn write(
        &mut self,
        index: u64,
        id: Option<RecordId>,
        kept: &[KeptValue],
        result: Result<T, String>,
    ) -> Result<(), OutputError> {
        let outcome = match &result {
            Ok(embedded) => Ok(embedded.vector()),
            Err(message) => Err(message.as_str()),
        };
        self.0.write(&Row { index, id: id.as_ref(), kept, outcome })
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.0.flush()
    }

    fn finish(self) -> Result<(), OutputError> {
        self.0.finish()
    }
}
