//! A server under test: the binary on a free port, with nothing of the caller's settings.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::support;

/// Nothing takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    pub client: reqwest::blocking::Client,
    stderr: Arc<Mutex<String>>,
    /// Held while a line of stderr is read.
    reading: Arc<Mutex<()>>,
}

/// The path of a fixture, as a command line has it.
pub(crate) fn fixture(name: &str) -> String {
    support::fixture(name).display().to_string()
}

/// `infa serve` on a free port with these arguments; nothing of it has been waited for.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infa"));
    for (name, _) in std::env::vars_os() {
        let foreign = |name: &str| ["INFA_", "INFINITY_", "HF_"].iter().any(|prefix| name.starts_with(prefix));
        if name.to_str().is_some_and(|name| foreign(name) || name.to_ascii_uppercase().ends_with("_PROXY")) {
            command.env_remove(name);
        }
    }
    // Those of text-embeddings-inference that a machine may have for other reasons.
    for name in ["API_KEY", "MODEL_ID", "PORT", "HOSTNAME", "REVISION", "DTYPE", "LOG_LEVEL"] {
        command.env_remove(name);
    }
    // No server listens on this port: a test that uses the network by mistake fails at once.
    command.env("HF_ENDPOINT", "http://127.0.0.1:9").env("HF_HOME", "/nonexistent/hf");
    command.env("ORT_DYLIB_PATH", support::library());
    command
        .arg("serve")
        .args(args)
        .env("INFA_PORT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a server that must end by itself: its exit status and stderr. stdout must be empty.
pub(crate) fn run(args: &[&str]) -> (i32, String) {
    let output = command(args).output().unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

impl Server {
    /// A server with these arguments, ready for requests.
    pub(crate) fn start(args: &[&str]) -> Self {
        let server = Self::spawn(command(args));
        server.wait_until_ready();
        server
    }

    /// The server of `command`, which listens, but may still be loading.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let (reported, address) = std::sync::mpsc::channel();
        let (pipe, log) = (child.stderr.take().unwrap(), Arc::clone(&stderr));
        let reading = Arc::new(Mutex::new(()));
        let gate = Arc::clone(&reading);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                drop(gate.lock());
                if let Some((_, rest)) = line.split_once("Listening on ") {
                    let url: String = rest.chars().take_while(|c| !c.is_whitespace() && *c != '"').collect();
                    let _ = reported.send(url);
                }
                let mut log = log.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let url = address.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let _ = child.kill();
            panic!("the server does not listen:\n{}", stderr.lock().unwrap())
        });
        // A second provider, as in the next test of this process, is refused and not needed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        Self { child, url, client, stderr, reading }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn wait_until_ready(&self) {
        let start = Instant::now();
        while !self.get("/readyz").status().is_success() {
            assert!(start.elapsed() < PATIENCE, "never ready:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until `done`.
    pub(crate) fn wait_for(&self, what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Its stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Its stderr is not read while this is locked; the pipe holds 64 KiB.
    pub(crate) fn reading(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.reading)
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::blocking::Response {
        self.client.get(format!("{}{path}", self.url)).send().unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Json) -> reqwest::blocking::Response {
        self.client.post(format!("{}{path}", self.url)).json(body).send().unwrap()
    }

    /// Status and JSON of a reply.
    pub(crate) fn ask(&self, path: &str, body: &Json) -> (u16, Json) {
        let reply = self.post(path, body);
        (reply.status().as_u16(), reply.json().unwrap())
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: a signal to a process that this test started and has not waited for yet.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
