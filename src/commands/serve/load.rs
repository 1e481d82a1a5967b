//! Loads the models of a server.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::settings::ServedModel;
use crate::commands::{AppContext, Error};
use crate::engine::open::LocalOptions;
use crate::server::models::{Choose, Load, LoadError, Models, Spec};
use crate::server::{App, Metrics};

/// The error of the last failed load, for the exit status; the server itself keeps only the message.
pub type Fault = Arc<Mutex<Option<Error>>>;

/// Loads and drops the models one by one.
pub fn preload(specs: Vec<Spec>, fault: &Fault, app: &AppContext) -> Result<(), Error> {
    for spec in specs {
        let name = spec.name.clone();
        Models::new(vec![spec]).all().iter().try_for_each(|model| model.load()).map_err(|e| cause(fault, e))?;
        app.bars.printer().note(&format!("{name} can be loaded"));
    }
    Ok(())
}

/// Loads the models one by one, so that their temporary memory does not add up. The receiver gets the result.
pub fn start_loading(state: &Arc<App>, fault: &Fault) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
    let (sender, loaded) = oneshot::channel();
    let (state, fault) = (Arc::clone(state), Arc::clone(fault));
    spawn("loader", move || {
        let result = state.models.all().iter().try_for_each(|model| model.load()).map_err(|e| cause(&fault, e));
        // No receiver if the server has already ended.
        let _ = sender.send(result);
    })?;
    Ok(loaded)
}

pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    std::thread::Builder::new().name(name.into()).spawn(body).map(drop).map_err(Error::Thread)
}

/// The error behind the server's message.
fn cause(fault: &Fault, message: LoadError) -> Error {
    fault.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(Error::Load(message))
}

/// The server's description of a model. With `several`, errors begin with the model's name.
pub fn spec(model: ServedModel, several: bool, fault: &Fault, metrics: &Metrics, app: &AppContext) -> Spec {
    let ServedModel { name, aliases, model_id, embedding_dtype, warm_up, mut options } = model;
    let metrics = metrics.model(&name);
    options.onnx.observer = Some(Arc::clone(&metrics) as _);
    let load = loader(options, several.then(|| name.clone()), Arc::clone(fault), app.clone());
    Spec { name, aliases, model_id, embedding_dtype, warm_up, load, metrics }
}

/// The function that loads a model.
fn loader(options: LocalOptions, name: Option<String>, fault: Fault, app: AppContext) -> Load {
    Arc::new(move |choose: Choose<'_>| {
        let load = || {
            let host = app.host();
            let prepared = options.prepare(&host)?;
            let output = choose(&prepared.model)?;
            Ok(options.start(prepared, output, &host)?)
        };
        load().map_err(|e: Error| {
            let message = LoadError { message: e.to_string(), hint: e.hint() };
            let e = match &name {
                Some(name) => Error::OfModel { name: name.clone(), error: Box::new(e) },
                None => e,
            };
            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
            message
        })
    })
}
