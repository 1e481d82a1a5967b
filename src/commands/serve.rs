//! `infa serve`: models over HTTP.

use std::sync::Arc;
use std::time::Duration;

use super::settings::ModelSettings;
use super::{Error, Outcome, World};
use crate::cli::ServeArgs;
use crate::server::models::{Choose, Load, LoadError, Models, Spec};
use crate::server::{self, App, Bound, Limits, Listen, ServerOptions};

pub(super) fn run(args: ServeArgs, world: &World) -> Result<Outcome, Error> {
    let ServeArgs { host, port, model, text } = args;
    let name = model.model_id.clone();
    let settings = ModelSettings::resolve(model, text, &world.globals)?;
    let load = loader(settings, world.clone());
    let models = Models::new(vec![Spec { model_id: name.clone(), name, load }]);
    let app = App::new(models, Limits::default());
    for served in app.models.all() {
        let served = Arc::clone(served);
        let load = move || {
            if let Err(e) = served.load() {
                tracing::error!("{e}");
            }
        };
        std::thread::Builder::new().name("loader".into()).spawn(load).map_err(Error::Thread)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Thread)?;
    let printer = world.bars.printer();
    let bound = |bound: &Bound| printer.note(&format!("Listening on {bound}"));
    let cancel = world.cancel.clone();
    let shutdown = async move {
        while !cancel.is_cancelled() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let listen = Listen::Tcp { host: host.to_string(), port, tls: None };
    runtime.block_on(server::serve(app, listen, ServerOptions::default(), bound, shutdown))?;
    Ok(Outcome::Done)
}

/// What loads one model.
fn loader(settings: ModelSettings, world: World) -> Load {
    Arc::new(move |choose: Choose<'_>| {
        let load = || {
            let prepared = settings.prepare(&world)?;
            let purpose = choose(&prepared.model)?;
            settings.start(prepared, purpose, &world)
        };
        load().map_err(|e: Error| LoadError { message: e.to_string(), hint: e.hint() })
    })
}
