//! `infa classify`: texts in, labels out.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value as Json;

use crate::kept::KeptValue;
use crate::record_id::RecordId;

use super::batch_run::{self, BatchInput, BatchRun, Counted, JobOptions, Writer, open_error};
use super::engine_flags;
use super::overwrite::Places;
use super::{AppContext, Error, Outcome, texts};
use crate::cli::{ClassifyArgs, OutputArgs};
use crate::engine::classify::{Classified, Classifier};
use crate::engine::open::{EngineOptions, Purpose};
use crate::engine::stream::Work;
use crate::engine::{Input, Labelled, RequestOptions};
use crate::input::Text;
use crate::model::Model;
use crate::model::task::Task;
use crate::output::{self, Destination, LabelsFormat, LabelsWriter, OutputError};

pub(super) fn run(args: ClassifyArgs, app: &AppContext) -> Result<Outcome, Error> {
    let ClassifyArgs {
        read,
        pair_field,
        top_k,
        raw_scores,
        format,
        output: OutputArgs { output },
        model,
        engine,
        input: input_args,
    } = args;
    if top_k == Some(0) {
        return Err(Error::Flag { flag: "--top-k", reason: "0 is not allowed; give at least 1".into() });
    }
    let named = model.id.model_id.clone();
    let options = engine_flags::resolve(engine, model, input_args.into(), &app.globals)?;
    if matches!(options, EngineOptions::Local(_)) && named.is_none() {
        let files: Vec<String> = read.files.iter().map(|file| texts::argument(&file.to_string_lossy())).collect();
        let texts = read.text.iter().map(|text| format!("--text {}", texts::quoted(text)));
        let rest: Vec<String> = texts.chain(files).collect();
        let rest = if rest.is_empty() { "comments.txt".into() } else { rest.join(" ") };
        let message = "--model-id: is missing: a directory, an .onnx file or a repository with a classifier".into();
        return Err(Error::Usage { message, hint: format!("infa classify -m {EXAMPLE} {rest}") });
    }
    let pairs = pair_field.is_some();
    let ending = output.as_deref().filter(|_| format.is_none()).map_or(Ok(None), LabelsFormat::of_file);
    let ending = ending.map_err(open_error)?;
    let format = format.or(ending).unwrap_or(LabelsFormat::Jsonl);
    let command = named.map_or("infa classify".into(), |model| format!("infa classify -m {}", texts::argument(&model)));
    Places::of(&read.files, &options).writes("--output", output.as_deref())?;
    let records = texts::open(read, texts::Parts { pair_field, ..Default::default() }, &command, "texts", app)?;
    let destination = Destination::named(output.as_deref());

    let start = Instant::now();
    let runtime = engine_flags::runtime(&options, app)?;
    let purpose = Purpose::Classify { pairs, raw_scores };
    let classifier = Classifier::of(options.open(purpose, &app.host(), runtime.handle()?)?.engine)?;
    if let Some(local) = classifier.engine().info().local.as_ref().filter(|_| !pairs) {
        warn_of_pairs(&local.model, app);
    }
    let before = (engine_flags::start_words(&options), start.elapsed().as_secs_f64());

    let writer = LabelsWriter::open(format, &destination).map_err(open_error)?;
    let writer = Rows(writer);
    let work: Work<Text, Labelled> = Arc::new(move |texts: Vec<Text>| {
        let count = texts.len();
        let input = |Text { text, pair }: Text| match pair {
            Some(pair) => Input::Pair(text.into(), pair),
            None => Input::Text(text),
        };
        let inputs = texts.into_iter().map(input).collect();
        let classified = runtime.wait(classifier.classify(inputs, raw_scores, RequestOptions::default()));
        batch_run::results(count, classified, |Classified { mut results, .. }| {
            results.iter_mut().flatten().for_each(|labelled| labelled.labels.truncate(top_k.unwrap_or(usize::MAX)));
            results
        })
    });
    let prepare = |text: Text| {
        let bytes = text.text.len() + text.pair.as_ref().map_or(0, String::len);
        (text, bytes)
    };
    let run = BatchRun {
        app,
        words: ("Classified", "input"),
        before,
        destination: &destination,
        at_the_end: false,
        job: JobOptions::default(),
    };
    run.run(BatchInput::new(None, records), prepare, work, writer)
}

/// A classifier to begin with.
const EXAMPLE: &str = "SamLowe/roberta-base-go_emotions";

/// A model of one label may well be one that scores pairs, though nothing says so.
fn warn_of_pairs(model: &Model, app: &AppContext) {
    if matches!(model.task, Task::CrossEncoder(_)) && model.config.get("problem_type").is_none_or(Json::is_null) {
        app.bars.printer().warning(&format!(
            "{} has one label, as cross-encoders have, which score pairs of texts (infa rerank)",
            model.name
        ));
    }
}

impl Counted for Labelled {
    fn tokens(&self) -> Option<usize> {
        self.tokens
    }

    fn truncated(&self) -> Option<usize> {
        self.truncated.map(usize::from)
    }
}

/// Writes labels by their names.
struct Rows(LabelsWriter);

impl Writer<Labelled> for Rows {
    fn write(
        &mut self,
        index: u64,
        id: Option<RecordId>,
        _: &[KeptValue],
        result: Result<Labelled, String>,
    ) -> Result<(), OutputError> {
        let labelled = result.as_ref().map(|Labelled { labels, tokens, truncated }| output::Labelled {
            labels: labels.iter().map(|label| output::Label { label: &label.name, score: label.score }).collect(),
            tokens: *tokens,
            truncated: *truncated,
        });
        self.0.write(index, id.as_ref(), labelled.as_ref().map_err(|message| message.as_str()))
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.0.flush()
    }

    fn finish(self) -> Result<(), OutputError> {
        self.0.finish()
    }
}
