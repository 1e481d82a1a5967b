//! A job that may stop and go on: its flags, what decides its rows, and what is heard of it.

use std::fs;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use serde_json::{Map, Value as Json, json};

use super::batch_run::{JobOptions, Summary, open_error};
use super::{AppContext, Error};
use crate::cli::{JobArgs, ProgressForm};
use crate::engine::open::EngineOptions;
use crate::engine::{EngineInfo, TextOptions};
use crate::fetch::FetchError;
use crate::fetch::digest::Hasher;
use crate::model::fingerprint;
use crate::model::source::WeightsFile;
use crate::output::{Claim, Destination, Document, Sink};

/// The flags of a job, and its output, which no other process writes.
pub(super) struct Prepared {
    args: JobArgs,
    /// `None`: the output is no file that is replaced.
    claim: Option<Claim>,
    /// The input files; `None` if the job cannot be continued.
    files: Option<Vec<PathBuf>>,
}

impl Prepared {
    /// Claims the output. `files`: the input files, or the reason that the job cannot be continued.
    ///
    /// # Errors
    /// Another process writes the output, an earlier job left rows there and no flag says what becomes of them, or the job
    /// cannot be continued as it should be.
    pub(crate) fn new(
        args: JobArgs,
        destination: &Destination,
        files: Result<Vec<PathBuf>, &'static str>,
    ) -> Result<Self, Error> {
        let refuse = |reason: &str| Err(Error::flag("--resume", reason));
        match &files {
            _ if !args.resume => {}
            _ if destination.replaced().is_none() => return refuse("names no file; add -o FILE"),
            Err(reason) => return refuse(reason),
            Ok(_) => {}
        }
        let claim = Claim::of(destination, args.restart).map_err(open_error)?;
        if let Some((claim, rows)) = claim.as_ref().and_then(|claim| Some((claim, claim.left()?)))
            && !args.resume
        {
            return Err(open_error(claim.undecided(rows)));
        }
        if args.resume && claim.is_none() {
            return refuse("the name of the output is too long for a partial file beside it");
        }
        Ok(Self { files: files.ok().filter(|_| claim.is_some()), args, claim })
    }

    /// True if the job can be continued later.
    pub(crate) fn continuable(&self) -> bool {
        self.files.is_some()
    }

    /// The output, behind the rows of an earlier job or from its beginning, and the options of the job. `job`: what decides
    /// its rows, besides the input files.
    ///
    /// # Errors
    /// The rows that are left are another job's; an output cannot be written.
    pub(crate) fn begin(
        self,
        destination: &Destination,
        mut job: Map<String, Json>,
        app: &AppContext,
    ) -> Result<(Sink, JobOptions), Error> {
        let Self { args: JobArgs { resume, max_failures, progress, summary, .. }, claim, files } = self;
        let summary = summary.map(|path| Document::open(&Destination::named(Some(&path)))).transpose();
        let summary = summary.map_err(open_error)?.map(|file| Summary { file, job: job.clone() });
        let (sink, saved) = match claim {
            None => (Sink::open(destination).map_err(open_error)?, None),
            Some(claim) => {
                let job = files.map(|files| {
                    job.insert("input".into(), files.iter().map(stamp).collect());
                    job
                });
                claim.begin(job).map_err(open_error)?
            }
        };
        if let Some(saved) = saved.as_ref().filter(|_| resume) {
            app.bars.printer().note(&match saved.rows() {
                0 => "Nothing to continue: begins at the first row".to_owned(),
                rows => format!("Continues behind {rows} rows in {}", saved.path().display()),
            });
        }
        Ok((sink, JobOptions { saved, max_failures, progress: progress == ProgressForm::Json, summary }))
    }
}

/// A file's path, size and time of modification.
fn stamp(path: &PathBuf) -> Json {
    let metadata = fs::metadata(path).ok();
    let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    let seconds = modified.map(|time| format!("{}.{:09}", time.as_secs(), time.subsec_nanos()));
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    json!({ "path": path.to_string_lossy(), "bytes": metadata.map(|metadata| metadata.len()), "modified": seconds })
}

/// The model and everything about it that changes vectors. `weights`: also the sum of its files, unless its revision says
/// the same.
///
/// # Errors
/// The files cannot be read.
pub(super) fn model(
    options: &EngineOptions,
    info: &EngineInfo,
    weights: bool,
    app: &AppContext,
) -> Result<Map<String, Json>, Error> {
    let mut job = Map::new();
    let mut put = |name: &str, value: Json| _ = job.insert(name.into(), value);
    put("model", info.model.clone().into());
    put("dimensions", info.dimensions.into());
    if let Some(local) = &info.local {
        let revision = fingerprint::revision(&local.model);
        if weights && revision.is_none() {
            let files = fingerprint::files(&local.model, &app.cancel).map_err(|error| match error {
                FetchError::Cancelled => Error::Interrupted,
                error => Error::Load { message: error.to_string(), hint: None },
            })?;
            let mut hasher = Hasher::new();
            files.iter().for_each(|file| hasher.update(format!("{} {}\n", file.sha256, file.name).as_bytes()));
            put("weights", hasher.finish().into());
        }
        put("revision", revision.into());
        let (WeightsFile::Safetensors(file) | WeightsFile::Onnx(file)) = &local.model.weights;
        put("weights file", file.file_name().map(|name| name.to_string_lossy()).into());
        put("dtype", format!("{:?}", local.dtype).to_lowercase().into());
        put("max length", local.max_length.into());
        put("pooling", local.pooling.iter().map(|pooling| format!("{pooling:?}").to_lowercase()).collect());
        put("normalize", local.normalize.into());
        put("prompt", local.prompt.clone().into());
        put("truncate", format!("{:?}", local.truncate).to_lowercase().into());
    }
    match options {
        EngineOptions::Local(local) => {
            // Other sentences for calibration make other int8 weights.
            if let Some(texts) = &local.onnx.int8.texts {
                let mut hasher = Hasher::new();
                texts.iter().for_each(|text| hasher.update(format!("{} {text}", text.len()).as_bytes()));
                put("calibration", hasher.finish().into());
            }
        }
        EngineOptions::Python(python) => {
            put("engine", python.python.spec.to_string().into());
            text_options(&python.python.text, put);
        }
        EngineOptions::Server(server) => {
            put("engine", server.spec.to_string().into());
            text_options(&server.text, put);
        }
        // Its URL is another each time.
        EngineOptions::Launched(launched) => {
            put("engine", format!("{:?}", launched.server.spec.kind).into());
            text_options(&launched.server.text, put);
        }
    }
    Ok(job)
}

/// The options that another process follows.
fn text_options(text: &TextOptions, mut put: impl FnMut(&str, Json)) {
    put("max length", text.max_length.into());
    put("truncate", text.truncate.map(|truncate| format!("{truncate:?}").to_lowercase()).into());
    put("pooling", text.pooling.map(|pooling| format!("{pooling:?}").to_lowercase()).into());
    put("normalize", text.normalize.into());
    put("prompt", text.prompt.clone().into());
    put("prompt name", text.prompt_name.clone().into());
}
