//! Finds a model that an argument or a flag names.

use std::path::PathBuf;

use crate::cli::SourceArgs;
use crate::commands::AppContext;
use crate::model::ModelError;
use crate::model::cache::HubEnv;
use crate::model::source::{Request, Source};
use crate::runtime::install;

/// Finds the model, fetching it if it is not here.
pub(crate) fn find(args: SourceArgs, onnx_file: Option<PathBuf>, app: &AppContext) -> Result<Source, ModelError> {
    let (model_id, revision) = args.named();
    let cache = app.globals.cache.clone();
    let request = Request { model_id, revision, onnx_file, cache, python: install::python() };
    request.resolve(HubEnv::from_env(), &app.context())
}
