//! Loads the models of a server.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::settings::ModelSettings;
use crate::commands::{AppContext, Error};
use crate::engine::open::LocalOptions;
use crate::server::models::{Choose, Load, LoadError, ModelSpec, ServedModel};
use crate::server::{App, Metrics};

/// Loads and drops the models one by one.
pub(crate) fn preload(specs: Vec<ModelSpec>, app: &AppContext) -> Result<(), Error> {
    let several = specs.len() > 1;
    for spec in specs {
        let model = ServedModel::new(spec);
        load(&model, several)?;
        app.bars.printer().note(&format!("{} can be loaded", model.spec.name));
    }
    Ok(())
}

/// Loads the models one by one, so that their temporary memory does not add up. The receiver gets the result.
pub(crate) fn start_loading(state: &Arc<App>) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
    let (sender, loaded) = oneshot::channel();
    let state = Arc::clone(state);
    spawn("loader", move || {
        let models = state.models.all();
        let result = models.iter().try_for_each(|model| load(model, models.len() > 1));
        // No receiver if the server has already ended.
        let _ = sender.send(result);
    })?;
    Ok(loaded)
}

/// Loads a model; with `several`, an error begins with its name.
fn load(model: &ServedModel, several: bool) -> Result<(), Error> {
    model.load().map_err(|e| match (e.into(), several) {
        (error, true) => Error::OfModel { name: model.spec.name.clone(), error: Box::new(error) },
        (error, false) => error,
    })
}

pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    std::thread::Builder::new().name(name.into()).spawn(body).map(drop).map_err(Error::Thread)
}

/// The server's description of a model.
pub(crate) fn spec(model: ModelSettings, metrics: &Metrics, app: &AppContext) -> ModelSpec {
    let ModelSettings { name, aliases, model_id, embedding_dtype, warm_up, mut options } = model;
    let metrics = metrics.model(&name);
    options.onnx.observer = Some(Arc::clone(&metrics) as _);
    ModelSpec { name, aliases, model_id, embedding_dtype, warm_up, load: loader(options, app.clone()), metrics }
}

/// The function that loads a model.
fn loader(options: LocalOptions, app: AppContext) -> Load {
    Arc::new(move |choose: Choose<'_>| {
        let host = app.host();
        let prepared = options.prepare(&host)?;
        let output = choose(&prepared.model)?;
        options.start(prepared, output, &host).map_err(LoadError::from)
    })
}
