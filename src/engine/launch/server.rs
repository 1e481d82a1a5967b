//! A server from its start to its end.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use reqwest::Url;

use super::Launch;
use super::command::{Filled, Values};
use super::error::LaunchError;
use super::process::Process;
use super::readiness::{Found, Readiness};
use super::view::View;
use crate::engine::EngineSpec;
use crate::engine::recipes::ServerRecipe;
use crate::fetch::Cancel;

/// A server that was started here and is ready. Dropping it ends it, within a second or by force.
pub struct Server {
    process: Process,
    /// Its own view of the model, which outlives the process.
    _view: Option<View>,
    url: Url,
    spec: EngineSpec,
    command: String,
    startup: Duration,
    stop_timeout: Duration,
}

/// Servers are for this machine alone.
const HOST: &str = "127.0.0.1";
/// Attempts with another port: a free port can be taken by another process before the server binds it.
const ATTEMPTS: usize = 3;
/// Pauses between questions whether it is ready, which grow: a start is measured, and may take minutes.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_millis(100);
/// Time to read the last output of an ended process, whose descendants may hold its streams open.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(2);

impl Server {
    /// Starts a server, and waits until it is ready for requests.
    ///
    /// It listens on 127.0.0.1, at a port that was free. Unless `environment` or the command set them, the libraries of
    /// Hugging Face stay off the network (`HF_HUB_OFFLINE`) and statistics are off (`DO_NOT_TRACK`).
    ///
    /// # Errors
    /// [`LaunchError`]; in each case no process is left. A server that reports that its port is taken is started again
    /// with another one, twice.
    pub async fn start(launch: &Launch, cancel: &Cancel) -> Result<Self, LaunchError> {
        let engine = launch.spec.kind.name();
        let recipe = launch.spec.kind.server().ok_or(LaunchError::NoServer { engine })?;
        if launch.spec.url.is_some() {
            return Err(LaunchError::HasUrl { engine: launch.spec.to_string() });
        }
        let flags = launch.spec.flags();
        if !flags.is_empty() && !launch.command.takes_flags() {
            return Err(LaunchError::NoPlace { engine, options: launch.spec.options.join(", ") });
        }
        let model = directory(launch)?;
        let mut attempts = 1..=ATTEMPTS;
        loop {
            attempts.next();
            let started = Self::attempt(launch, recipe, &flags, &model, cancel).await;
            match started {
                Err(LaunchError::Ended { lines, .. }) if lines.port_is_taken() && !attempts.is_empty() => {
                    tracing::info!("{}: its port was taken; once more with another", launch.spec);
                }
                started => return started,
            }
        }
    }

    async fn attempt(
        launch: &Launch,
        recipe: &ServerRecipe,
        flags: &[String],
        model: &std::path::Path,
        cancel: &Cancel,
    ) -> Result<Self, LaunchError> {
        let [port, metrics_port] = free_ports().map_err(LaunchError::Port)?;
        // Containers see no links to other directories.
        let writes = recipe.writes_into_model && !launch.command.runs_a_container();
        let view = if writes { Some(View::of(model).map_err(|e| unusable(launch, &e))?) } else { None };
        let path = view.as_ref().map(View::path);
        let model = path.as_deref().unwrap_or(model);
        let device = launch.device.to_string();
        let filled = launch.command.fill(&Values {
            model,
            host: HOST,
            port,
            metrics_port,
            name: &launch.name,
            threads: launch.threads.get(),
            device: &device,
            flags,
        });
        let shown = filled.to_string();
        tracing::info!("{}: {shown}", launch.spec);
        let name = launch.spec.to_string();
        let start = Instant::now();
        let process = Process::start(command(launch, recipe.offline, &filled, view.as_ref()), &name).await;
        let process = process.map_err(|error| LaunchError::Spawn { command: shown.clone(), error })?;
        let url = format!("http://{HOST}:{port}").parse::<Url>();
        let no_client = |e: &dyn std::fmt::Display| LaunchError::Spawn {
            command: shown.clone(),
            error: std::io::Error::other(e.to_string()),
        };
        let url = url.map_err(|e| no_client(&e))?;
        let readiness = Readiness::of(&recipe.health, &url).map_err(|e| no_client(&e))?;
        let found = std::sync::Mutex::new(Found::NoConnection);
        let waited = tokio::select! {
            biased;
            status = process.ended() => Err(Some(status)),
            () = ready(&readiness, &found) => Ok(()),
            () = cancel.cancelled() => {
                process.stop(launch.stop_timeout).await;
                return Err(LaunchError::Cancelled);
            }
            () = tokio::time::sleep(launch.startup_timeout) => Err(None),
        };
        // Another process may have answered at its port.
        let waited = match (waited, process.status()) {
            (Ok(()), Some(status)) => Err(Some(status)),
            (waited, _) => waited,
        };
        match waited {
            Ok(()) => {
                let spec = EngineSpec { options: Vec::new(), url: Some(url.clone()), ..launch.spec.clone() };
                let startup = start.elapsed();
                tracing::info!("{name} is ready at {url} after {startup:.1?}");
                let stop_timeout = launch.stop_timeout;
                Ok(Self { process, _view: view, url, spec, command: shown, startup, stop_timeout })
            }
            Err(Some(status)) => {
                process.output().ended(OUTPUT_TIMEOUT).await;
                let lines = process.output().last();
                Err(LaunchError::Ended { command: shown, status: status.to_string(), lines })
            }
            Err(None) => {
                process.stop(launch.stop_timeout).await;
                let found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
                let (after, found, lines) =
                    (launch.startup_timeout, readiness.describe(&found), process.output().last());
                Err(LaunchError::NeverReady { command: shown, after, found, lines })
            }
        }
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its spec, with the URL and without options: for [`super::super::remote::Client::connect`].
    pub fn spec(&self) -> &EngineSpec {
        &self.spec
    }

    /// The command that runs, without secrets.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The process that was started: the first of its group, and its number.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn startup(&self) -> Duration {
        self.startup
    }

    pub fn alive(&self) -> bool {
        self.process.status().is_none()
    }

    /// The reason that it ended by itself: its exit status and its last lines.
    pub fn died(&self) -> Option<String> {
        self.process.status().map(|status| self.death(status))
    }

    /// Waits until it has ended by itself; returns the reason as [`Server::died`] does.
    pub async fn dies(&self) -> String {
        let status = self.process.ended().await;
        self.process.output().ended(OUTPUT_TIMEOUT).await;
        self.death(status)
    }

    /// Sends SIGTERM, waits up to [`Launch::stop_timeout`], then kills it. Returns true if it ended before.
    pub async fn stop(self) -> bool {
        let gone = self.process.stop(self.stop_timeout).await;
        if !gone {
            tracing::warn!("{} did not end by itself and was killed", self.spec);
        }
        gone
    }

    fn death(&self, status: ExitStatus) -> String {
        format!("the server ended by itself ({status}){}", self.process.output().last())
    }
}

/// The model's directory, from the root: containers know no other.
fn directory(launch: &Launch) -> Result<PathBuf, LaunchError> {
    let directory = std::fs::canonicalize(&launch.model_dir).map_err(|e| unusable(launch, &e))?;
    if directory.is_dir() { Ok(directory) } else { Err(unusable(launch, &"is not a directory")) }
}

fn unusable(launch: &Launch, reason: &dyn std::fmt::Display) -> LaunchError {
    LaunchError::Model { directory: launch.model_dir.clone(), reason: reason.to_string() }
}

/// Two ports that are free now.
fn free_ports() -> std::io::Result<[u16; 2]> {
    // Both at once, so that they differ.
    let listeners = [TcpListener::bind((HOST, 0))?, TcpListener::bind((HOST, 0))?];
    let [first, second] = &listeners;
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}

fn command(launch: &Launch, offline: bool, filled: &Filled, view: Option<&View>) -> std::process::Command {
    let mut command = std::process::Command::new(&filled.program);
    command.args(&filled.arguments);
    let hub = [("HF_HUB_OFFLINE", "1"), ("TRANSFORMERS_OFFLINE", "1")];
    command.envs(hub.into_iter().filter(|_| offline));
    if let Some(view) = view {
        // Infinity keeps what it converts for CTranslate2 there, under the last part of the model's path.
        command.env("HF_HUB_CACHE", view.path().join(".hub"));
    }
    command.envs([("DO_NOT_TRACK", "1"), ("PYTHONUNBUFFERED", "1")]);
    command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
    command.envs(filled.environment.iter().map(|(name, value)| (name, OsString::clone(value))));
    command
}

async fn ready(readiness: &Readiness, found: &std::sync::Mutex<Found>) {
    let mut pause = FIRST_PAUSE;
    while let Err(other) = readiness.ask().await {
        *found.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = other;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}
