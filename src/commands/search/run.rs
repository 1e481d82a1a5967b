//! From the flags to the input's kind, the models, the search, and the output.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::results::{Results, Tops};
use super::saved::Saved;
use super::scorer::Scorer;
use super::top::Top;
use super::{SearchError, queries, texts};
use crate::cli::{EngineArgs, FieldArgs, InputArgs, ModelArgs, ModelIdArgs, OutputArgs, ReadArgs, SearchArgs};
use crate::commands::async_runtime::EngineRuntime;
use crate::commands::batch_run::{BatchInput, BatchRun, JobOptions, open_error};
use crate::commands::engine_flags;
use crate::commands::overwrite::Places;
use crate::commands::rerank::Kept;
use crate::commands::texts::Parts;
use crate::commands::{AppContext, Error, Outcome};
use crate::engine::open::{EngineOptions, Purpose};
use crate::engine::rerank::Reranker;
use crate::engine::{Engine, OutputKind, Role};
use crate::input::vectors::holds_vectors;
use crate::model::similarity::Similarity;
use crate::output::{Destination, RankingFormat, RankingWriter};

/// Documents for the reranker, for each that is wanted.
const CANDIDATES: usize = 5;

pub(crate) fn run(args: SearchArgs, app: &AppContext) -> Result<Outcome, Error> {
    let SearchArgs {
        query,
        mut read,
        queries: queries_file,
        vectors,
        top_k,
        threshold,
        rerank,
        return_documents,
        format,
        output: OutputArgs { output },
        model,
        engine,
        text,
    } = args;
    if threshold.is_some_and(f64::is_nan) {
        return Err(Error::Flag { flag: "--threshold", reason: "NaN is no score".into() });
    }
    let query = match (&queries_file, query) {
        (Some(_), first) => {
            read.files.splice(0..0, first.map(PathBuf::from));
            None
        }
        (None, Some(query)) if query.trim().is_empty() => {
            return Err(Error::Flag { flag: "QUERY", reason: "the query is empty".into() });
        }
        (None, Some(query)) => Some(query),
        (None, None) => {
            let (message, hint) = ("there is no query", "infa search 'what do cats eat' notes.txt");
            return Err(Error::Usage { message: message.into(), hint: hint.into() });
        }
    };
    let saved = vectors || are_vectors(&read)?;
    if saved && read.files.is_empty() {
        read.files.push("-".into());
    }
    let prompt = text.input.prompt.is_some() || text.input.prompt_name.is_some();
    let hardware = model.hardware;
    let mut options = engine_flags::resolve(engine, model, text, &app.globals)?;
    if !options.prompt_queries() && prompt && !saved {
        let reason = "a server puts it before documents, too; put it into the query".into();
        return Err(Error::Flag { flag: "--prompt", reason });
    }
    let rerank = rerank.map(|model_id| {
        let id = ModelIdArgs { model_id: Some(model_id), revision: None };
        let model = ModelArgs::new(id, hardware);
        engine_flags::resolve(EngineArgs::default(), model, InputArgs::default().into(), &app.globals)
    });
    let rerank = rerank.transpose()?;

    let ending = output.as_deref().filter(|_| format.is_none()).map_or(Ok(None), RankingFormat::of_file);
    let ending = ending.map_err(open_error)?;
    let destination = Destination::named(output.as_deref());
    let default = if destination.is_terminal() { RankingFormat::Table } else { RankingFormat::Jsonl };
    let format = format.or(ending).unwrap_or(default);
    let kept = match (return_documents, format) {
        (true, _) => Kept::Whole,
        (false, RankingFormat::Table) => Kept::Beginning,
        (false, _) => Kept::Not,
    };
    let mut places = Places::of(&read.files, &options);
    if let Some(file) = &queries_file {
        places.reads(file, "it holds the queries; write to another file");
    }
    places.writes("--output", output.as_deref())?;

    let mut queries = match (query, &queries_file) {
        (Some(query), _) => vec![queries::SearchQuery { id: None, text: Ok(query) }],
        (None, Some(file)) => queries::read(file)?,
        (None, None) => Vec::new(),
    };
    let many = queries_file.is_some();
    let records = match saved {
        true => None,
        false => Some(open_texts(&mut read, app)?),
    };

    let start = Instant::now();
    let SearchModel { runtime, engine, similarity } = open(&options, saved, app)?;
    let reranker = rerank.map(|options| open_reranker(&options, app)).transpose()?;
    let before = (engine_flags::start_words(&options), start.elapsed().as_secs_f64());
    let dimensions = engine.info().known_dimensions()?;
    let numbers = queries::embed(&mut queries, queries_file.as_deref(), &engine, &runtime, app)?;
    let (most, least) = match &reranker {
        Some(_) => (top_k.get().saturating_mul(CANDIDATES), None),
        None => (top_k.get(), threshold),
    };
    let mut tops: Tops = (0..numbers.len() / dimensions.max(1)).map(|_| Top::new(most, least)).collect();
    let scorer = Scorer::new(similarity, dimensions, numbers, most);
    let writer = RankingWriter::open(format, &destination, many, kept != Kept::Not).map_err(open_error)?;
    // The reranker reads whole texts.
    let carried = if reranker.is_some() { Kept::Whole } else { kept };

    let (searched, any) = match records {
        Some(records) => {
            let (words, job) = (("Searched", "document"), JobOptions::default());
            let run = BatchRun { app, words, before, destination: &destination, at_the_end: true, job };
            let (outcome, embedded) = texts::search(run, records, (runtime, engine), scorer, carried, &mut tops)?;
            (outcome, embedded > 0)
        }
        None => {
            let model = engine.info().model.clone();
            let needs_texts = reranker.is_some();
            let saved = Saved { files: &read.files, scorer: &scorer, model: &model, kept: carried, needs_texts };
            saved.search(&mut tops, app)?;
            (Outcome::Done, true)
        }
    };
    // Nothing but errors must not take the place of what was there.
    if !any && destination.replaced().is_some() {
        return Ok(searched);
    }
    let results = Results { reranker, top_k: top_k.get(), threshold, kept, many };
    let written = results.write(&queries, tops, writer, app)?;
    Ok(if searched == Outcome::Done { written } else { searched })
}

/// True if the files hold vectors; all of them must, or none.
fn are_vectors(read: &ReadArgs) -> Result<bool, Error> {
    let ReadArgs { files, text, fields: FieldArgs { input_format, field, id_field } } = read;
    let (mut vectors, mut other) = (None, None);
    for file in files.iter().filter(|_| text.is_empty()) {
        *if holds_vectors(file)? { &mut vectors } else { &mut other } = Some(file);
    }
    let Some(vectors) = vectors else { return Ok(false) };
    let flags =
        [("--input-format", input_format.is_some()), ("--field", field.is_some()), ("--id-field", id_field.is_some())];
    match (flags.into_iter().find(|(_, given)| *given), other) {
        // The user says what they are.
        (Some(("--input-format", _)), _) => Ok(false),
        (Some((flag, _)), _) => Err(SearchError::FlagOfTexts { flag, vectors: vectors.clone() }.into()),
        (None, Some(other)) => Err(SearchError::Mixed { vectors: vectors.clone(), other: other.clone() }.into()),
        (None, None) => Ok(true),
    }
}

/// Opens the texts, and reads the first before a model is fetched for nothing.
fn open_texts(read: &mut ReadArgs, app: &AppContext) -> Result<BatchInput<crate::input::Text>, Error> {
    let read = ReadArgs {
        files: read.files.clone(),
        text: std::mem::take(&mut read.text),
        fields: std::mem::take(&mut read.fields),
    };
    let mut records = crate::commands::texts::open(read, Parts::default(), "infa search QUERY", "documents", app)?;
    match records.next().transpose()? {
        None => Err(Error::Nothing("there are no documents")),
        first => Ok(BatchInput::new(first, records)),
    }
}

/// The model of queries and documents.
struct SearchModel {
    runtime: Arc<EngineRuntime>,
    engine: Arc<dyn Engine>,
    similarity: Similarity,
}

fn open(options: &EngineOptions, saved: bool, app: &AppContext) -> Result<SearchModel, Error> {
    let runtime = engine_flags::runtime(options, app)?;
    let roles: &[Role] = if saved { &[Role::Query] } else { &[Role::Query, Role::Document] };
    let purpose = Purpose::Embed { output: OutputKind::Embedding, roles };
    let engine = options.open(purpose, &app.host(), runtime.handle()?)?.engine;
    let similarity = match &engine.info().local {
        Some(local) => local.model.similarity()?,
        None => Similarity::default(),
    };
    Ok(SearchModel { runtime, engine, similarity })
}

fn open_reranker(options: &EngineOptions, app: &AppContext) -> Result<(Arc<EngineRuntime>, Reranker), Error> {
    let runtime = engine_flags::runtime(options, app)?;
    let opened = options.open(Purpose::Rerank { raw_scores: false }, &app.host(), runtime.handle()?)?;
    Ok((runtime, Reranker::of(opened.engine, false)?))
}
