//! Runs the server until a signal or a failed load ends it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::load::{preload, spawn, spec, start_loading};
use super::open_files;
use super::settings::Settings;
use crate::cli::ServeArgs;
use crate::commands::{AppContext, Error, Outcome, async_runtime};
use crate::plural::counted;
use crate::server::models::Models;
use crate::server::trace::Tracing;
use crate::server::{self, App, Bound, Drained, Metrics};
use crate::ui::interrupt;

/// Maximum time from the end of `--shutdown-timeout` to that of the process, even if something hangs: more than the last
/// responses, traces and log lines take.
const AFTER_SHUTDOWN: Duration = Duration::from_secs(10);

/// Maximum time for the last lines on stderr.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Maximum time at shutdown for sending the last traces.
const LAST_TRACES: Duration = Duration::from_secs(2);

pub(crate) fn run(args: ServeArgs, app: &AppContext) -> Result<Outcome, Error> {
    let printer = app.bars.printer();
    let Settings { models, strict_names, listen, options, limits, preload_only, unload_after, traces, remarks } =
        Settings::resolve(args, &app.globals)?;
    remarks.iter().for_each(|remark| printer.warning(remark));

    let metrics = Metrics::new()?;
    let specs = models.into_iter().map(|model| spec(model, &metrics, app)).collect();
    if preload_only {
        preload(specs, app)?;
        return Ok(Outcome::Done);
    }
    open_files::raise_limit();
    // Before other threads start: the runtime needs most of them and checks whether they are available.
    let runtime = async_runtime::multi_thread(app)?;
    // Requests in progress are finished, within `--shutdown-timeout`.
    interrupt::exit_at_most_after(options.shutdown_timeout.saturating_add(AFTER_SHUTDOWN));
    let tracing = traces.as_ref().map(Tracing::start).transpose()?;
    let state = App::new(Models::new(specs).strict(strict_names), limits, metrics, tracing.clone());
    let loaded = start_loading(&state)?;
    if let Some(idle) = unload_after {
        let state = Arc::clone(&state);
        spawn("idle", move || state.models.unload_idle(idle, || state.is_draining()))?;
    }
    let watched = Arc::clone(&state);
    spawn("watch", move || watched.models.watch_files(|| watched.is_draining()))?;

    let (failed, mut failure) = oneshot::channel();
    let (started, signal_name) = (state.started, Arc::new(OnceLock::new()));
    let served = runtime.block_on(async {
        let signalled = termination(app, Arc::clone(&signal_name))?;
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
                    "any client that reaches {address} can use this server: it has no API key (--api-key, or INFA_API_KEY)"
                ));
            }
        };
        Ok::<Drained, Error>(server::serve(state, listen, options, bound, shutdown).await?)
    });
    // Abandoned computations do not delay the end of the process.
    runtime.shutdown_background();
    if let Some(tracing) = tracing {
        tracing.stop(LAST_TRACES);
    }
    let drained = served?;
    // A signal is the normal end of a server, even during loading.
    if !app.cancel.is_cancelled()
        && let Ok(e) = failure.try_recv()
    {
        return Err(e);
    }
    let name = signal_name.get().copied().or_else(interrupt::received).unwrap_or("a signal");
    let (last, uptime) = (printer.clone(), started.elapsed());
    within(LAST_LINES, move || {
        last.note(&stopped(name, uptime, &drained));
        if drained.cut > 0 {
            let was = if drained.cut == 1 { "was" } else { "were" };
            let cut = counted(drained.cut, "request");
            last.warning(&format!("{cut} {was} cut short, running longer than --shutdown-timeout"));
        }
    });
    Ok(Outcome::Done)
}

/// Runs `print` on a thread of its own and waits for it, but not longer than `most`: stderr may be a pipe that is full
/// and never read.
fn within(most: Duration, print: impl FnOnce() + Send + 'static) {
    let (printed, end) = std::sync::mpsc::channel();
    let print = move || {
        print();
        let _ = printed.send(());
    };
    if spawn("last lines", print).is_ok() {
        let _ = end.recv_timeout(most);
    }
}

/// The last line of the log: the signal, the uptime, and the requests in progress at the signal, if any.
fn stopped(signal: &str, uptime: Duration, Drained { begun, cut }: &Drained) -> String {
    let uptime = humantime::format_duration(Duration::from_secs(uptime.as_secs()));
    let finished = begun.saturating_sub(*cut);
    let requests = counted(finished, "request");
    match (finished, *cut) {
        (0, 0) => format!("Stopped by {signal} after {uptime}"),
        (_, 0) => format!("Stopped by {signal} after {uptime}: {requests} in progress finished"),
        (_, cut) => format!("Stopped by {signal} after {uptime}: {requests} in progress finished, {cut} cut short"),
    }
}

/// Completes at the first SIGTERM, SIGHUP or Ctrl-C, even an earlier one, and sets `name` to the signal's.
fn termination(
    app: &AppContext,
    name: Arc<OnceLock<&'static str>>,
) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut stop = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let mut hang_up =
        interrupt::hang_up_ends().then(|| signal(SignalKind::hangup())).transpose().map_err(Error::Signals)?;
    let cancel = app.cancel.clone();
    Ok(async move {
        // An earlier signal was seen by the listener that exists since the start.
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
