//! Facts collected before a measurement: the model and the machine.

use std::num::NonZero;
use std::path::Path;

use super::super::{AppContext, Error};
use super::EngineSet;
use crate::bench::machine::{self, GemmError};
use crate::bench::report::{FileHash, Machine, ModelReport};
use crate::fetch::FetchError;
use crate::graph::{Output, Rows, cost};
use crate::model::source::WeightsFile;
use crate::model::weights::Weights;
use crate::model::{Model, fingerprint};
use crate::runtime::{Runtime, cores};

/// The machine, and its peak speed if an engine computes here and ONNX Runtime is installed.
pub(crate) fn of_machine(set: &EngineSet, app: &AppContext) -> Machine {
    let mut facts = machine::facts();
    if !set.computes_here() {
        return facts;
    }
    set.settle_devices(&app.globals);
    let Ok(Some(library)) = app.globals.search().find() else { return facts };
    let threads = set.hardware.cpu.threads.or(NonZero::new(cores::usable())).unwrap_or(NonZero::<usize>::MIN);
    let measured = Runtime::load(&library.path).map_err(GemmError::from);
    match measured.and_then(|runtime| machine::gemm_gflops(&runtime, threads)) {
        Ok(gflops) => facts.gemm_gflops = Some(gflops),
        Err(error) => app.bars.printer().warning(&error.to_string()),
    }
    facts.onnxruntime = facts.onnxruntime.or(Some(library.version));
    facts
}

/// The model, with the hashes of its files, and its operations a token.
pub(crate) fn of(
    set: &EngineSet,
    model: Option<&Model>,
    max_length: Option<usize>,
    app: &AppContext,
) -> Result<ModelReport, Error> {
    let known =
        ModelReport { id: name(set.model_id()), revision: set.model.revision.clone(), ..ModelReport::default() };
    let Some(model) = model else { return Ok(known) };
    let architecture = model.config.get("model_type").and_then(|name| name.as_str()).map(str::to_owned);
    let cost = operations(model);
    let sums = match fingerprint::files(model, &app.cancel) {
        Ok(sums) => sums,
        Err(FetchError::Cancelled) => return Err(Error::Interrupted),
        Err(error) => {
            app.bars.printer().warning(&format!("the model's files have no sums in the report: {error}"));
            Vec::new()
        }
    };
    let hash = |file: fingerprint::FileSum| FileHash { name: file.name, bytes: file.bytes, sha256: file.sha256 };
    Ok(ModelReport {
        revision: fingerprint::revision(model).or(known.revision),
        architecture,
        max_length,
        flop_per_token: cost.map(|cost| cost.per_token),
        attention_flop_per_token_and_position: cost.map(|cost| cost.per_token_and_position),
        files: sums.into_iter().map(hash).collect(),
        ..known
    })
}

/// The model's name; of a directory or a file only its own, since reports are for others, too.
pub(crate) fn name(model_id: &str) -> String {
    let path = Path::new(model_id);
    let own = path.file_name().filter(|_| path.exists());
    own.map_or_else(|| model_id.to_owned(), |own| own.to_string_lossy().into_owned())
}

/// Its operations; unknown for a ready `.onnx` file, and for an architecture that infa does not build.
fn operations(model: &Model) -> Option<cost::Cost> {
    let WeightsFile::Safetensors(path) = &model.weights else { return None };
    let weights = Weights::open(path).ok()?;
    cost::of(&model.config, &weights, Output::Hidden(Rows::All)).ok()
}
