//! Makes the virtual environments in which Python engines run: with `uv` where it is, else with `venv` and `pip`.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::process::KEPT_CHARACTERS;
use super::{Environment, environment};
use crate::engine::EngineKind;
use crate::engine::output_lines::printable;
use crate::engine::recipes::Location;
use crate::fetch::{Cancel, Context, FetchError, ProgressTask, lock};

/// The reason that an environment could not be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum InstallError {
    #[error("{name}: {reason}")]
    Nothing { name: &'static str, reason: &'static str },
    /// The lock, the network that is forbidden, or an interruption.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{command} failed: {reason}")]
    Step { command: String, reason: String },
}

impl InstallError {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Nothing { .. } => Some("infa engines lists the needs of each engine".into()),
            Self::Fetch(e) => e.hint(),
            Self::Io { .. } => Some("--cache-dir names another directory for what infa installs".into()),
            Self::Step { reason, .. } if reason.contains("ensurepip") => {
                Some("install the system's package for virtual environments (python3-venv), or uv".into())
            }
            Self::Step { reason, .. } if reason.contains("No space left") => {
                Some("PyTorch with CUDA fills 6 GB; --cache-dir names another place".into())
            }
            Self::Step { .. } => Some("--python names another Python: 3.10 to 3.12 suit all engines".into()),
        }
    }
}

/// Most time without a word from the installer: a large file on a slow line is one line.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(3600);
/// Interval of checks for an interruption.
const TICK: Duration = Duration::from_millis(50);
/// Lines of a failed step in its message.
const KEPT_LINES: usize = 6;

/// Installs what `kinds` need into their environments, with `python` or `python3`. What they had stays.
///
/// # Errors
/// [`InstallError`]; an environment that was being changed is not [ready](Environment::is_ready) then, unless it is
/// known to be whole.
pub(crate) fn install(
    kinds: &[EngineKind],
    python: Option<&Path>,
    cache: &Path,
    context: &Context,
) -> Result<Vec<Environment>, InstallError> {
    let mut wanted: Vec<(Environment, Vec<EngineKind>)> = Vec::new();
    for &kind in kinds {
        let environment = environment(kind, cache).ok_or(InstallError::Nothing {
            name: kind.name(),
            reason: match kind.location() {
                Location::Process => "it is part of infa",
                _ => "it is a server, which infa does not install",
            },
        })?;
        match wanted.iter_mut().find(|(known, _)| *known == environment) {
            Some((_, kinds)) => kinds.push(kind),
            None => wanted.push((environment, vec![kind])),
        }
    }
    if context.offline && !wanted.is_empty() {
        return Err(FetchError::Offline { what: "the Python packages of engines".into() }.into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| InstallError::Io { path: cache.to_owned(), source })?;
    for (environment, kinds) in &wanted {
        let lock_file = environment.root.with_extension("lock");
        let python = python.unwrap_or(Path::new(crate::runtime::install::python()));
        lock::with_lock(&lock_file, context, || runtime.block_on(make(environment, kinds, python, context)))?;
    }
    Ok(wanted.into_iter().map(|(environment, _)| environment).collect())
}

async fn make(
    environment: &Environment,
    kinds: &[EngineKind],
    python: &Path,
    context: &Context,
) -> Result<(), InstallError> {
    let io = |source| InstallError::Io { path: environment.root.clone(), source };
    let before = environment.engines();
    let was_ready = environment.is_ready();
    let mut all = environment.wanted();
    all.extend(kinds);
    all.sort_by_key(|kind| kind.name());
    all.dedup();
    let requirements = all.iter().filter_map(|kind| kind.recipe().packages.as_ref()).flat_map(|p| p.requirements);
    let mut packages: Vec<&str> = requirements.copied().flatten().copied().collect();
    packages.sort_unstable();
    packages.dedup();

    let (uv, root) = (on_path("uv"), environment.root.as_os_str());
    let names = all.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    context.progress.note(&format!(
        "Installing {names} in {} with {}: gigabytes, and minutes",
        environment.root.display(),
        if uv.is_some() { "uv" } else { "pip" }
    ));
    let mut task = context.progress.start(&format!("{} environment", environment.name()), None);
    if !was_ready && environment.root.exists() {
        // The leftovers of an interrupted installation are not used.
        std::fs::remove_dir_all(&environment.root).map_err(io)?;
    }
    environment.begin(&all).map_err(io)?;
    let mut run = async |command: Command| step(command, &context.cancel, task.as_mut()).await;
    if !was_ready {
        let command = match &uv {
            Some(uv) => {
                let mut command = Command::new(uv);
                command.args(["venv", "--no-project", "--allow-existing", "--python"]).arg(python).arg(root);
                command
            }
            None => {
                let mut command = Command::new(python);
                command.args(["-m", "venv"]).arg(root);
                command
            }
        };
        run(command).await?;
    }
    let command = pip(uv.as_deref(), environment, "install", &packages);
    if let Err(error) = run(command).await {
        // The installer looks for everything before it changes anything: a failure may have left all as it was.
        let check = pip(uv.as_deref(), environment, "check", &[]);
        if was_ready && matches!(error, InstallError::Step { .. }) && run(check).await.is_ok() {
            environment.finish(&before).map_err(io)?;
        }
        return Err(error);
    }
    environment.finish(&all).map_err(io)?;
    drop(task);
    context.progress.note(&format!("Installed {names} in {}", environment.root.display()));
    Ok(())
}

/// pip, or what stands in for it, for an environment.
fn pip(uv: Option<&Path>, environment: &Environment, what: &str, arguments: &[&str]) -> Command {
    let mut command = match uv {
        Some(uv) => {
            let mut command = Command::new(uv);
            command.args(["pip", what, "--python"]).arg(environment.python());
            command
        }
        None => {
            let mut command = Command::new(environment.python());
            command.args(["-m", "pip", what, "--disable-pip-version-check", "--no-input"]);
            command
        }
    };
    command.args(arguments);
    command
}

/// Runs one program to its end and shows its last line; if it fails, the error has its last lines.
async fn step(mut command: Command, cancel: &Cancel, task: &mut dyn ProgressTask) -> Result<(), InstallError> {
    let shown: Vec<_> = std::iter::once(command.as_std().get_program())
        .chain(command.as_std().get_args().take(3))
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let failed = |reason: String| InstallError::Step { command: shown.join(" "), reason };
    tracing::debug!(?command, "installing");
    command.env("PIP_REQUIRE_VIRTUALENV", "0").env("PYTHONUNBUFFERED", "1").env_remove("PYTHONPATH");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // Its descendants end with it, and Ctrl-C reaches infa alone, which cleans up.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
    let _group = super::process::Group::of(&child);
    let (sender, mut lines) = mpsc::channel(64);
    tokio::spawn(forward(child.stdout.take(), sender.clone()));
    tokio::spawn(forward(child.stderr.take(), sender));
    let mut last: VecDeque<String> = VecDeque::new();
    let mut heard = tokio::time::Instant::now();
    loop {
        match tokio::time::timeout(TICK, lines.recv()).await {
            Ok(Some(line)) => {
                tracing::debug!("{line}");
                task.line(&line);
                heard = tokio::time::Instant::now();
                last.push_back(line);
                if last.len() > KEPT_LINES {
                    last.pop_front();
                }
            }
            // Both streams have ended: so has the program, or it will not say any more.
            Ok(None) => break,
            Err(_) if heard.elapsed() > SILENCE_TIMEOUT => {
                return Err(failed(format!("not a word for {}", humantime::format_duration(SILENCE_TIMEOUT))));
            }
            Err(_) => {}
        }
        cancel.check()?;
    }
    match tokio::time::timeout(SILENCE_TIMEOUT, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) if last.is_empty() => Err(failed(status.to_string())),
        Ok(Ok(_)) => Err(failed(last.into_iter().collect::<Vec<_>>().join("; "))),
        Ok(Err(e)) => Err(failed(e.to_string())),
        Err(_) => Err(failed("it does not end".into())),
    }
}

/// Sends the lines of a stream that say something.
async fn forward(stream: Option<impl AsyncRead + Unpin>, lines: mpsc::Sender<String>) {
    let Some(stream) = stream else { return };
    let mut stream = BufReader::new(stream).split(b'\n');
    while let Ok(Some(line)) = stream.next_segment().await {
        let line = printable(String::from_utf8_lossy(&line).trim(), KEPT_CHARACTERS);
        if !line.is_empty() && lines.send(line).await.is_err() {
            return;
        }
    }
}

/// A program on PATH.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}
