//! The scripts of this directory, run in the environment that `install.py` makes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::running::Server;
use crate::support;

/// Some hundred megabytes come from package registries, once.
const INSTALLATION: Duration = Duration::from_secs(1200);

/// Nothing takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(240);

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Beside what the program itself installs, so that a fresh checkout finds it.
fn cache() -> PathBuf {
    support::cache().join("tests")
}

/// The interpreter of the environment; what cannot be installed fails every test that needs it.
fn interpreter() -> &'static str {
    static INTERPRETER: OnceLock<Result<String, String>> = OnceLock::new();
    let install = || finish(Command::new("python3").arg(directory().join("install.py")).arg(cache()), INSTALLATION);
    match INTERPRETER.get_or_init(install) {
        Ok(printed) => printed.trim(),
        Err(e) => panic!("{e}"),
    }
}

/// Runs a script with the addresses of these servers.
pub(crate) fn run(script: &str, servers: &[(&str, &Server)]) {
    let home = tempfile::tempdir().unwrap();
    let mut command = isolated(&home);
    command.arg(directory().join(script));
    check(command.args(addresses(servers)), PATIENCE, servers);
}

/// Runs a script that starts the program itself, in the environment with readers of its files.
pub(crate) fn run_with_program(script: &str, args: &[&str]) {
    let install = Command::new("python3")
        .arg(directory().join("install.py"))
        .args([cache(), directory().join("requirements-files.txt")])
        .output();
    let printed = install.map(|output| output.stdout).unwrap_or_default();
    let interpreter = String::from_utf8_lossy(&printed).trim().to_owned();
    assert!(!interpreter.is_empty(), "install.py prints no interpreter");
    let home = tempfile::tempdir().unwrap();
    let mut command = isolated_with(&interpreter, &home);
    for (name, value) in std::env::vars_os().filter(|(name, _)| *name == "XDG_CACHE_HOME") {
        command.env(name, value);
    }
    check(command.arg(directory().join(script)).arg(env!("CARGO_BIN_EXE_infa")).args(args), PATIENCE, &[]);
}

/// Runs schemathesis over the server's description of itself.
pub(crate) fn schemathesis(args: &[&str], server: &Server) {
    let home = tempfile::tempdir().unwrap();
    let mut command = isolated(&home);
    command.args(["-m", "schemathesis.cli", "--config-file"]).arg(directory().join("schemathesis.toml"));
    command.args(["run", "--no-color"]).args(args).arg(format!("{}/openapi.json", server.url));
    check(&mut command, PATIENCE, &[("server", server)]);
}

/// Runs `browser.py`, which may have to install a browser, and does so with the user's settings.
pub(crate) fn browse(server: &Server) {
    let mut command = Command::new(interpreter());
    command.arg(directory().join("browser.py")).arg(cache());
    let servers = [("server", server)];
    check(command.args(addresses(&servers)), INSTALLATION, &servers);
}

fn addresses(servers: &[(&str, &Server)]) -> Vec<String> {
    servers.iter().map(|(name, server)| format!("{name}={}", server.url)).collect()
}

/// Python without the user's settings, keys and proxies.
fn isolated(home: &TempDir) -> Command {
    isolated_with(interpreter(), home)
}

fn isolated_with(interpreter: &str, home: &TempDir) -> Command {
    let mut command = Command::new(interpreter);
    command.env_clear().env("HOME", home.path()).current_dir(home.path());
    for name in ["PATH", "LANG", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // litellm otherwise fetches a list of prices, langsmith sends traces, huggingface_hub says who it is.
    command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LANGSMITH_TRACING", "false");
    command.env("HF_HUB_DISABLE_TELEMETRY", "1");
    command
}

/// Fails, with what the servers have to say, unless `command` succeeds.
fn check(command: &mut Command, patience: Duration, servers: &[(&str, &Server)]) {
    if let Err(e) = finish(command, patience) {
        let logs: Vec<String> = servers.iter().map(|(name, server)| format!("{name}:\n{}", server.stderr())).collect();
        panic!("{e}\n\nThe servers' logs\n{}", logs.join("\n"));
    }
}

/// What a command printed; if it fails everything it said.
fn finish(command: &mut Command, patience: Duration) -> Result<String, String> {
    let output = tempfile::tempdir().unwrap();
    let (out, err) = (output.path().join("stdout"), output.path().join("stderr"));
    let read = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    let mut child = command.spawn().map_err(|e| format!("{command:?} cannot be run: {e}"))?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            if status.success() {
                return Ok(read(&out));
            }
            break status.to_string();
        }
        if start.elapsed() > patience {
            child.kill().unwrap();
            child.wait().unwrap();
            break format!("no end after {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Err(format!("{command:?}: {status}\n{}\n{}", read(&out), read(&err)))
}
