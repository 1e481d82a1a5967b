//! `infa serve`: models over HTTP.

mod open_files;
mod settings;
mod tei;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::{Error, Outcome, World, async_runtime};
use crate::cli::ServeArgs;
use crate::engine::open::LocalOptions;
use crate::server::models::{Choose, Load, LoadError, Models, Spec};
use crate::server::trace::Tracing;
use crate::server::{self, App, Bound, Drained, Metrics};
use crate::ui::interrupt;
use settings::{ServedModel, Settings};

/// What made the loading of a model fail, so that the exit status fits it; the server itself keeps only the words.
type Fault = Arc<Mutex<Option<Error>>>;

/// How long the end of the server may wait for a collector of traces.
const LAST_TRACES: Duration = Duration::from_secs(2);

pub(super) fn run(args: ServeArgs, world: &World) -> Result<Outcome, Error> {
    let printer = world.bars.printer();
    let Settings { models, strict_names, listen, options, limits, preload_only, unload_after, traces, remarks } =
        Settings::resolve(args, &world.globals)?;
    remarks.iter().for_each(|remark| printer.warning(remark));

    let fault = Fault::default();
    let several = models.len() > 1;
    let metrics = Metrics::new()?;
    let specs = models.into_iter().map(|model| spec(model, several, &fault, &metrics, world)).collect();
    if preload_only {
        preload(specs, &fault, world)?;
        return Ok(Outcome::Done);
    }
    open_files::raise_limit();
    // Before other threads are started: the runtime needs most of them, and looks whether they can be had.
    let runtime = async_runtime::multi_thread(world)?;
    // What was begun is finished, in the time that `--shutdown-timeout` allows for it.
    interrupt::be_patient();
    let tracing = traces.as_ref().map(Tracing::start).transpose()?;
    let app = App::new(Models::new(specs).strict(strict_names), limits, metrics, tracing.clone());
    let loaded = start_loading(&app, &fault)?;
    if let Some(idle) = unload_after {
        let app = Arc::clone(&app);
        spawn("idle", move || app.models.unload_idle(idle, || app.is_draining()))?;
    }
    let watched = Arc::clone(&app);
    spawn("watch", move || watched.models.watch_files(|| watched.is_draining()))?;

    let (failed, mut failure) = oneshot::channel();
    let (started, signal_name) = (app.started, Arc::new(OnceLock::new()));
    let served = runtime.block_on(async {
        let signalled = termination(world, Arc::clone(&signal_name))?;
        let shutdown = async move {
            tokio::select! {
                () = signalled => {}
                Err(e) = async { loaded.await.unwrap_or(Ok(())) } => drop(failed.send(e)),
            }
        };
        let (open, prefix) = (!options.api_keys.are_needed(), options.url_prefix.trim_matches('/').to_owned());
        let bound = |bound: &Bound| {
            // A browser cannot send a key.
            let url = bound.url(&prefix).filter(|_| open);
            let docs = url.map(|url| format!(" (try it at {url}/docs)")).unwrap_or_default();
            printer.note(&format!("Listening on {bound}{docs}"));
            if let Bound::Tcp { address, .. } = bound
                && open
                && !address.ip().is_loopback()
            {
                printer.warning(&format!(
                    "whoever reaches {address} can use this server: it has no API key (--api-key, or INFA_API_KEY)"
                ));
            }
        };
        Ok::<Drained, Error>(server::serve(app, listen, options, bound, shutdown).await?)
    });
    // Whatever still computes for nobody: the process ends without it.
    runtime.shutdown_background();
    if let Some(tracing) = tracing {
        tracing.stop(LAST_TRACES);
    }
    let drained = served?;
    // A signal is the ordinary end of a server, also in the middle of loading, which it cuts short.
    if !world.cancel.is_cancelled()
        && let Ok(e) = failure.try_recv()
    {
        return Err(e);
    }
    let name = signal_name.get().copied().or_else(interrupt::received).unwrap_or("a signal");
    printer.note(&stopped(name, started.elapsed(), &drained));
    let cut = drained.cut;
    if cut > 0 {
        let was = if cut == 1 { "was" } else { "were" };
        let cut = crate::plural::counted(cut, "request");
        printer.warning(&format!("{cut} {was} cut short, running longer than --shutdown-timeout"));
    }
    Ok(Outcome::Done)
}

/// The last line of the log: what ended the server, after which time, and what became of requests.
fn stopped(signal: &str, uptime: Duration, Drained { begun, cut }: &Drained) -> String {
    let uptime = humantime::format_duration(Duration::from_secs(uptime.as_secs()));
    let finished = begun.saturating_sub(*cut);
    let requests = if finished == 1 { "request" } else { "requests" };
    let cut = if *cut > 0 { format!(", {cut} cut short") } else { String::new() };
    format!("Stopped by {signal} after {uptime}: {finished} {requests} in progress finished{cut}")
}

/// Done at the first SIGTERM, SIGHUP or Ctrl-C, if there was none yet; `name` is the signal's from then on.
fn termination(
    world: &World,
    name: Arc<OnceLock<&'static str>>,
) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut stop = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let mut hang_up =
        interrupt::hang_up_ends().then(|| signal(SignalKind::hangup())).transpose().map_err(Error::Signals)?;
    let cancel = world.cancel.clone();
    Ok(async move {
        // One that came before these two lines was seen by the listener that has been there from the start.
        if !cancel.is_cancelled() {
            let received = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = stop.recv() => "SIGINT",
                () = async {
                    match &mut hang_up {
                        Some(hang_up) => drop(hang_up.recv().await),
                        None => std::future::pending().await,
                    }
                } => "SIGHUP",
            };
            let _ = name.set(received);
        }
    })
}

/// Loads and drops one model after the other.
fn preload(specs: Vec<Spec>, fault: &Fault, world: &World) -> Result<(), Error> {
    for spec in specs {
        let name = spec.name.clone();
        Models::new(vec![spec]).all().iter().try_for_each(|model| model.load()).map_err(|e| cause(fault, e))?;
        world.bars.printer().note(&format!("{name} can be loaded"));
    }
    Ok(())
}

/// Loads one model after the other, so that what loading takes besides is not taken twice. The receiver is told how it
/// ended.
fn start_loading(app: &Arc<App>, fault: &Fault) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
    let (told, loaded) = oneshot::channel();
    let (app, fault) = (Arc::clone(app), Arc::clone(fault));
    spawn("loader", move || {
        let result = app.models.all().iter().try_for_each(|model| model.load()).map_err(|e| cause(&fault, e));
        // Nobody listens where the server has already ended.
        let _ = told.send(result);
    })?;
    Ok(loaded)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    std::thread::Builder::new().name(name.into()).spawn(body).map(drop).map_err(Error::Thread)
}

/// The error behind what the server was told of it.
fn cause(fault: &Fault, told: LoadError) -> Error {
    fault.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(Error::Load(told))
}

/// What the server needs to know of a model. With `several`, errors begin with its name.
fn spec(model: ServedModel, several: bool, fault: &Fault, metrics: &Metrics, world: &World) -> Spec {
    let ServedModel { name, aliases, model_id, embedding_dtype, warm_up, mut options } = model;
    let metrics = metrics.model(&name);
    options.onnx.observer = Some(Arc::clone(&metrics) as _);
    let load = loader(options, several.then(|| name.clone()), Arc::clone(fault), world.clone());
    Spec { name, aliases, model_id, embedding_dtype, warm_up, load, metrics }
}

/// What loads one model.
fn loader(options: LocalOptions, name: Option<String>, fault: Fault, world: World) -> Load {
    Arc::new(move |choose: Choose<'_>| {
        let load = || {
            let host = world.host();
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
