//! Loads the models of a server.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::settings::ServedModel;
use crate::commands::{AppContext, Error};
use crate::engine::open::LocalOptions;
use crate::server::models::{Choose, Load, LoadError, Models, Spec};
use crate::server::{App, Metrics};

/// What made the loading of a model fail, so that the exit status fits it; the server itself keeps only the words.
pub type Fault = Arc<Mutex<Option<Error>>>;

/// Loads and drops one model after the other.
pub fn preload(specs: Vec<Spec>, fault: &Fault, app: &AppContext) -> Result<(), Error> {
    for spec in specs {
        let name = spec.name.clone();
        Models::new(vec![spec]).all().iter().try_for_each(|model| model.load()).map_err(|e| cause(fault, e))?;
        app.bars.printer().note(&format!("{name} can be loaded"));
    }
    Ok(())
}

/// Loads one model after the other, so that what loading takes besides is not taken twice. The receiver is told how it
/// ended.
pub fn start_loading(state: &Arc<App>, fault: &Fault) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
    let (told, loaded) = oneshot::channel();
    let (state, fault) = (Arc::clone(state), Arc::clone(fault));
    spawn("loader", move || {
        let result = state.models.all().iter().try_for_each(|model| model.load()).map_err(|e| cause(&fault, e));
        // Nobody listens where the server has already ended.
        let _ = told.send(result);
    })?;
    Ok(loaded)
}

pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    std::thread::Builder::new().name(name.into()).spawn(body).map(drop).map_err(Error::Thread)
}

/// The error behind what the server was told of it.
fn cause(fault: &Fault, told: LoadError) -> Error {
    fault.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(Error::Load(told))
}

/// What the server needs to know of a model. With `several`, errors begin with its name.
pub fn spec(model: ServedModel, several: bool, fault: &Fault, metrics: &Metrics, app: &AppContext) -> Spec {
    let ServedModel { name, aliases, model_id, embedding_dtype, warm_up, mut options } = model;
    let metrics = metrics.model(&name);
    options.onnx.observer = Some(Arc::clone(&metrics) as _);
    let load = loader(options, several.then(|| name.clone()), Arc::clone(fault), app.clone());
    Spec { name, aliases, model_id, embedding_dtype, warm_up, load, metrics }
}

/// What loads one model.
fn loader(options: LocalOptions, name: Option<String>, fault: Fault, app: AppContext) -> Load {
    Arc::new(move |choose: Choose<'_>| {
        let load = || {
            let host = app.host();
            let prepared = options.prepare(&host)?;
            let output = choose(&prepared.model)?;
            Ok(options.start(prepared, output, &host)?)
        };
        load().map_err(|e: Error| {
            let told = LoadError { message: e.to_string(), hint: e.hint() };
            let e = match &name {
                Some(name) => Error::OfModel { name: name.clone(), error: Box::new(e) },
                None => e,
            };
            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
            told
        })
    })
}
