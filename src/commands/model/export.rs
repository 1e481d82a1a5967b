//! `infa model export`: a model as an ONNX file that needs nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Use, find, uses};
use crate::cli::{ExportArgs, ExportTask};
use crate::commands::settings::calibration_texts;
use crate::commands::{AppContext, Error, Outcome};
use crate::engine::int8::{self, Int8Options};
use crate::engine::{self, EngineError};
use crate::graph::export::{MOST_INSIDE, export};
use crate::graph::{self, GraphError, Lexical, Operators, Output, Precision, Request, Rows};
use crate::model::Model;
use crate::model::splade::{self, SpladePooling};
use crate::model::task::Task;
use crate::model::tokenizer;
use crate::model::weights::Weights;
use crate::output::{BytesWriter, Destination};
use crate::runtime::ResolvedDevice;
use crate::runtime::Runtime;
use crate::runtime::device::Dtype;

pub(super) fn run(args: ExportArgs, app: &AppContext) -> Result<Outcome, Error> {
    let ExportArgs { source, output, task, standard_ops, attention_mask, dtype, calibrate } = args;
    let dtype = dtype.resolve(&ResolvedDevice::Cpu)?;
    if dtype == Dtype::Bfloat16 {
        let reason = "an exported graph is in float32 or int8: bfloat16 takes operators of infa's own".into();
        return Err(Error::Flag { flag: "--dtype bfloat16", reason });
    }
    let texts = calibrate.map(|path| calibration_texts(path, dtype)).transpose()?;
    // A bad destination fails before the model is fetched. Any other file may be the model's own weights.
    if output.is_file() && output.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("onnx")) {
        let reason = format!("{}: there is a file of another kind; name the output .onnx", output.display());
        return Err(Error::flag("--output", reason));
    }
    let destination = Destination::File(output.clone());
    let mut file = BytesWriter::open(&destination).map_err(Error::OutputOpen)?;
    let mut model = Model::read(find(source, None, app)?)?;
    model.choose_adapter(None, None)?;
    let weights = open_weights(&model)?;
    let task = task.unwrap_or_else(|| usual_task(&model));
    let (request, mut metadata) = request(&model, task, standard_ops, attention_mask)?;
    let graph = match dtype {
        Dtype::Int8 => {
            metadata.push(("dtype", dtype.to_string()));
            let runtime = Runtime::load(&app.host().library().map_err(EngineError::from)?.path);
            let runtime = runtime.map_err(EngineError::from)?;
            let options = Int8Options { cache: None, texts, progress: Arc::new(app.bars.clone()) };
            int8::for_file(&runtime, &model, &weights, &request, &options)?
        }
        _ => graph::build(&model.config, &weights, &request)
            .map_err(|e| EngineError::from(e.of(&model.sentence.transformer)))?,
    };
    if let Some(most) = graph.max_positions {
        metadata.push(("max_positions", most.to_string()));
    }

    let data_path = beside(&output);
    let data_name = data_path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let exported = export(&graph, &metadata, &data_name, MOST_INSIDE).map_err(EngineError::from)?;
    if !exported.data.is_empty() {
        let mut data = BytesWriter::open(&Destination::File(data_path.clone())).map_err(Error::OutputOpen)?;
        for (offset, bytes) in &exported.data {
            if app.cancel.is_cancelled() {
                return Err(Error::Interrupted);
            }
            data.write_at(*offset, bytes)?;
        }
        data.finish()?;
    }
    file.write(&exported.model)?;
    if app.cancel.is_cancelled() {
        return Err(Error::Interrupted);
    }
    file.finish()?;
    let beside = if exported.data.is_empty() { String::new() } else { format!(" and {}", data_path.display()) };
    app.bars.printer().note(&format!(
        "Wrote {}{beside}: {} of {}, {} operators",
        output.display(),
        graph.output,
        model.name,
        if standard_ops { "standard" } else { "ONNX Runtime's" },
    ));
    if !has_tokenizer(&output) {
        app.bars.printer().note(&format!(
            "infa runs it where the model's tokenizer.json and other configuration lie beside it or one directory up: \
             move it to {}, or copy them from there",
            model.dir.display(),
        ));
    }
    Ok(Outcome::Done)
}

/// True if infa finds a tokenizer for `file`, as it does when it opens one.
fn has_tokenizer(file: &Path) -> bool {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    file.ancestors().skip(1).take(2).any(|dir| tokenizer::file_in(dir).is_file() || dir.join("modules.json").is_file())
}

/// The file for weights that do not fit into `output`: `model.onnx` → `model.onnx.data`.
fn beside(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".data");
    name.into()
}

fn open_weights(model: &Model) -> Result<Weights, Error> {
    let refuse = |what: &str| Error::Usage {
        message: format!("infa model export: {} {what}", model.name),
        hint: "infa model inspect shows the model's task".into(),
    };
    if model.is_static() {
        return Err(refuse("consists of static embeddings: there is no graph to write"));
    }
    let Some(path) = model.weights.safetensors() else { return Err(refuse("is an .onnx file already")) };
    let open = || {
        let mut weights = Weights::open(path)?;
        if let Some(adapter) = model.adapter {
            weights.adapt(adapter)?;
        }
        Ok(weights)
    };
    open().map_err(|e| EngineError::from(GraphError::Weights(e)).into())
}

fn usual_task(model: &Model) -> ExportTask {
    match uses(model).first() {
        Some(Use::Sparse) => ExportTask::Sparse,
        Some(Use::Rerank) => ExportTask::Rerank,
        Some(Use::Classify) => ExportTask::Classify,
        Some(Use::Embed | Use::Colbert) | None => ExportTask::Embed,
    }
}

/// Metadata of the file, by name.
type Metadata = Vec<(&'static str, String)>;

/// The graph for `task`, and the metadata of the file.
fn request(
    model: &Model,
    task: ExportTask,
    standard_ops: bool,
    attention_mask: bool,
) -> Result<(Request, Metadata), Error> {
    let mut metadata: Metadata = vec![("model", model.name.clone())];
    let output = match task {
        ExportTask::Embed => {
            if model.sentence.late.is_none() {
                let pooling: Vec<&str> = model.pooling(None).iter().map(|mode| mode.name()).collect();
                metadata.push(("pooling", pooling.join(",")));
                metadata.push(("normalize", model.sentence.normalize.to_string()));
            }
            Output::Hidden(Rows::All)
        }
        ExportTask::Rerank | ExportTask::Classify => {
            let labels = graph::config::labels(&model.config);
            if task == ExportTask::Rerank && labels != 1 && !matches!(model.task, Task::Generative(_)) {
                let reason = format!("{} has {labels} labels; use --task classify", model.name);
                return Err(Error::Flag { flag: "--task rerank", reason });
            }
            engine::judgement(model)?
        }
        ExportTask::Sparse if model.sentence.splade.is_none() && !splade::is_masked_lm(&model.config) => {
            let reason = format!("{} has no masked-LM head that could be written", model.name);
            return Err(Error::Flag { flag: "--task sparse", reason });
        }
        ExportTask::Sparse => {
            let SpladePooling { sum, twice } = model.sentence.splade.unwrap_or_default();
            Output::Lexical(Lexical { sum, twice })
        }
    };
    if model.sentence.prompts.values().any(|text| !text.is_empty()) {
        metadata.push(("prompts", serde_json::json!(model.sentence.prompts).to_string()));
    }
    let operators = if standard_ops { Operators::Standard } else { Operators::OnnxRuntime };
    let token_types = task != ExportTask::Embed && task != ExportTask::Sparse;
    Ok((
        Request {
            output,
            token_types,
            attention_mask,
            operators,
            kernels: None,
            precision: Precision::Float32,
            padded: false,
        },
        metadata,
    ))
}
