//! One query or many, with documents from texts, files or stdin.

use std::path::PathBuf;
use std::time::Instant;

use super::kept::Kept;
use super::{many, one};
use crate::cli::{FieldArgs, OutputArgs, ReadArgs, RerankArgs};
use crate::commands::async_runtime::EngineRuntime;
use crate::commands::batch_run::{BatchInput, BatchRun, JobOptions, open_error};
use crate::commands::engine_flags;
use crate::commands::overwrite::Places;
use crate::commands::{AppContext, Error, Outcome, texts};
use crate::engine::open::{EngineOptions, Purpose};
use crate::engine::rerank::{Method, Reranker};
use crate::input::{self, Format, InputError, Record, Records};
use crate::model::DEFAULT_MODEL;
use crate::output::{Destination, RankingFormat, RankingWriter};

pub(crate) fn run(args: RerankArgs, app: &AppContext) -> Result<Outcome, Error> {
    let RerankArgs {
        query,
        read,
        top_n,
        return_documents,
        raw_scores,
        format,
        output: OutputArgs { output },
        model,
        engine,
        input: input_args,
    } = args;
    if top_n == Some(0) {
        return Err(Error::Flag { flag: "--top-n", reason: "0 is not allowed; give at least 1".into() });
    }
    if query.as_ref().is_some_and(|query| query.trim().is_empty()) {
        return Err(Error::Flag { flag: "--query", reason: "the query is empty".into() });
    }
    let options = engine_flags::resolve(engine, model, input_args.into(), &app.globals)?;
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

    Places::of(&read.files, &options).writes("--output", output.as_deref())?;

    let start = Instant::now();
    match query {
        Some(query) => {
            let command = format!("infa rerank --query {}", texts::quoted(&query));
            let given = shown(&read.files);
            let own_queries = |error: &dyn std::fmt::Display| Error::Usage {
                message: format!("--query: {error}"),
                hint: format!("leave --query out, as each line has a query of its own: {}", without_query(&given)),
            };
            let mut records = match texts::open(read, texts::Parts::default(), &command, "documents", app) {
                Err(Error::Input(error)) if error.has_queries() => return Err(own_queries(&error)),
                opened => opened?,
            };
            let first = first(&mut records)?;
            if let Some(Record { content: Err(error), .. }) = &first
                && error.is_query()
            {
                return Err(own_queries(error));
            }
            let Some(first) = first else {
                return Err(Error::Nothing("there are no documents"));
            };
            let runtime = engine_flags::runtime(&options, app)?;
            let reranker = open(&options, &runtime, raw_scores, app)?;
            let before = (engine_flags::start_words(&options), start.elapsed().as_secs_f64());
            let writer = RankingWriter::open(format, &destination, false, kept != Kept::Not).map_err(open_error)?;
            let words = ("Scored", "document");
            let run = BatchRun {
                app,
                words,
                before,
                destination: &destination,
                at_the_end: true,
                job: JobOptions::default(),
            };
            one::run(run, BatchInput::new(Some(first), records), (runtime, reranker), query, top_n, kept, writer)
        }
        None => {
            check_queries(&read)?;
            let ReadArgs { files, text: _, fields: FieldArgs { input_format, field, id_field } } = read;
            let reading = input::Options { format: input_format, field, id_field, ..Default::default() };
            let mut records = input::open_queries(&files, &reading)?;
            let Some(first) = first(&mut records)? else {
                return Err(no_query(
                    "is missing, and there is no input",
                    &command(EXAMPLE, &["documents.txt".into()]),
                ));
            };
            if let Some(error) = first.content.as_ref().err().filter(|e| e.is_no_query()) {
                let reason = format!("is missing; without it each line must hold a query and its documents: {error}");
                return Err(no_query(&reason, &command(EXAMPLE, &shown(&files))));
            }
            let runtime = engine_flags::runtime(&options, app)?;
            let reranker = open(&options, &runtime, raw_scores, app)?;
            let before = (engine_flags::start_words(&options), start.elapsed().as_secs_f64());
            let writer = RankingWriter::open(format, &destination, true, kept != Kept::Not).map_err(open_error)?;
            let words = ("Reranked", "query");
            let run = BatchRun {
                app,
                words,
                before,
                destination: &destination,
                at_the_end: false,
                job: JobOptions::default(),
            };
            many::run(run, BatchInput::new(Some(first), records), (runtime, reranker), top_n, kept, writer)
        }
    }
}

/// The first record, before a model is fetched for nothing.
fn first<T>(records: &mut Records<T>) -> Result<Option<Record<T>>, InputError> {
    records.next().transpose()
}

/// A query where the user's own is not known.
const EXAMPLE: &str = "what do cats eat";

/// Without a query only JSON can hold some. Says what to type where the query was given as a file, or where there are only
/// documents.
fn check_queries(read: &ReadArgs) -> Result<(), Error> {
    let ReadArgs { files, text, fields: FieldArgs { input_format, .. } } = read;
    if let Some(first) = text.first() {
        let reason = "is missing; --text gives documents";
        let rest: Vec<String> = text[1..].iter().map(|text| format!("--text {}", texts::quoted(text))).collect();
        let hint = if rest.is_empty() {
            command(EXAMPLE, &[format!("--text {}", texts::quoted(first))])
        } else {
            command(first, &rest)
        };
        return Err(no_query(reason, &hint));
    }
    // "infa rerank 'what do cats eat' docs.txt": the first argument was meant as the query.
    if let Some((query, rest)) = files.split_first()
        && query.as_os_str() != "-"
        && !query.exists()
        && (rest.iter().any(|file| file.exists()) || query.to_string_lossy().contains(char::is_whitespace))
    {
        let reason = format!("is missing, and {} is not a file; arguments without a flag are files", query.display());
        return Err(no_query(&reason, &command(&query.to_string_lossy(), &shown(rest))));
    }
    let documents = |format: Option<Format>| !matches!(format, Some(Format::Json | Format::Jsonl));
    let reason = match input_format {
        Some(format) if documents(Some(*format)) => {
            "is missing, and --input-format is neither json nor jsonl".to_owned()
        }
        Some(_) => return Ok(()),
        None => match files.iter().find(|file| file.extension().is_some() && documents(input::format_of(file))) {
            Some(file) => format!("is missing, and {} holds none", file.display()),
            None => return Ok(()),
        },
    };
    Err(no_query(&format!("{reason} (JSON can hold queries with their documents)"), &command(EXAMPLE, &shown(files))))
}

fn no_query(reason: &str, hint: &str) -> Error {
    Error::Usage { message: format!("--query: {reason}"), hint: hint.to_owned() }
}

/// The command to type.
fn command(query: &str, rest: &[String]) -> String {
    [&[format!("infa rerank --query {}", texts::quoted(query))], rest].concat().join(" ")
}

/// The command for lines that have queries of their own.
fn without_query(files: &[String]) -> String {
    [&["infa rerank".to_owned()], files].concat().join(" ")
}

/// Files as a shell takes them.
fn shown(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|file| texts::argument(&file.to_string_lossy())).collect()
}

/// Opens the engine, and says so where it compares vectors.
fn open(
    options: &EngineOptions,
    runtime: &EngineRuntime,
    raw_scores: bool,
    app: &AppContext,
) -> Result<Reranker, Error> {
    let opened = options.open(Purpose::Rerank { raw_scores }, &app.host(), runtime.handle()?)?;
    let reranker = Reranker::of(opened.engine, raw_scores)?;
    let (kind, by) = match reranker.method() {
        Method::Pairs(_) | Method::Engine => return Ok(reranker),
        Method::Vectors(similarity) => ("an embedding model", similarity.name()),
        Method::Sparse => ("a sparse encoder", "dot product"),
        Method::Tokens => ("a late-interaction model", "MaxSim"),
    };
    let name = &reranker.engine().info().model;
    // A user who names a model has chosen it.
    let advice =
        if name == DEFAULT_MODEL { " (a cross-encoder judges better: --model-id BAAI/bge-reranker-base)" } else { "" };
    app.bars
        .printer()
        .note(&format!("{name} is {kind}: documents are scored by the {by} of their vectors and the query's{advice}"));
    Ok(reranker)
}
