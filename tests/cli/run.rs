//! Runs the binary in an environment of its own: nothing of the caller's settings, no network but 127.0.0.1.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::support;

/// Nothing takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command line under construction.
pub(crate) struct Infa {
    pub command: Command,
    stdin: Vec<u8>,
}

/// What came of it.
pub(crate) struct Ran {
    pub status: i32,
    pub out: Vec<u8>,
    pub err: String,
}

/// `infa` with these arguments.
pub(crate) fn infa<I: IntoIterator<Item: AsRef<OsStr>>>(args: I) -> Infa {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infa"));
    let foreign = |name: &str| {
        let name = name.to_ascii_uppercase();
        ["INFA_", "HF_", "HUGGING"].iter().any(|prefix| name.starts_with(prefix)) || name.ends_with("_PROXY")
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(foreign) {
            command.env_remove(name);
        }
    }
    for name in ["TRANSFORMERS_OFFLINE", "NO_COLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    // Nobody listens on this port: a test that reaches for the network by mistake fails at once.
    command.env("HF_ENDPOINT", "http://127.0.0.1:9").env("HF_HOME", "/nonexistent/hf");
    command.env("ORT_DYLIB_PATH", support::library());
    command.args(args);
    Infa { command, stdin: Vec::new() }
}

/// `infa embed -m bert-tiny` with these arguments.
pub(crate) fn embed<I: IntoIterator<Item: AsRef<OsStr>>>(args: I) -> Infa {
    embed_with(support::fixture("bert-tiny"), args)
}

/// `infa embed` with the model at `path`.
pub(crate) fn embed_with<I: IntoIterator<Item: AsRef<OsStr>>>(path: impl AsRef<Path>, args: I) -> Infa {
    infa(["embed", "--threads", "2", "-m"]).arg(path.as_ref()).args(args)
}

impl Infa {
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// What it reads from stdin; nothing without this.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Starts it with three pipes, and leaves them to the caller.
    pub(crate) fn spawn(mut self) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(self.command.spawn().unwrap())
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ran {
        let bytes = self.stdin.clone();
        let mut running = self.spawn();
        let mut stdin = running.0.stdin.take().unwrap();
        // A program that reads no more is not this thread's business.
        std::thread::spawn(move || drop(stdin.write_all(&bytes)));
        running.end()
    }

    /// Runs it through a shell, `"$@"` standing for it: for pipes and odd file descriptors.
    pub(crate) fn run_in_shell(self, script: &str) -> Ran {
        let Self { command, stdin } = self;
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        Self { command: shell, stdin }.run()
    }
}

/// A started program; killed when a test fails before its end.
pub(crate) struct Running(pub Child);

impl Running {
    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: sends a signal to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(self.0.id() as i32, signal) }, 0);
    }

    /// Waits for its end, and gathers what it still writes.
    pub(crate) fn end(mut self) -> Ran {
        fn gather(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                if let Some(mut pipe) = pipe {
                    pipe.read_to_end(&mut bytes).unwrap();
                }
                bytes
            })
        }
        let (out, err) = (gather(self.0.stdout.take()), gather(self.0.stderr.take()));
        let status = self.wait(PATIENCE);
        let err = String::from_utf8(err.join().unwrap()).expect("stderr is UTF-8");
        let ran = Ran { status: status.code().unwrap_or(-1), out: out.join().unwrap(), err };
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        assert!(!ran.err.contains('\x1b'), "colours without a terminal: {}", ran.err);
        ran
    }

    pub(crate) fn wait(&mut self, patience: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < patience, "still running after {patience:?}");
            std::thread::sleep(Duration::from_millis(3));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ran {
    /// Checks the exit status.
    #[track_caller]
    pub(crate) fn status(self, expected: i32) -> Self {
        assert_eq!(self.status, expected, "stderr:\n{}", self.err);
        self
    }

    /// Exit status 0 and nothing in stderr but the summary.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        let ran = self.status(0);
        let lines: Vec<&str> = ran.err.lines().collect();
        assert!(matches!(lines[..], [line] if line.starts_with("Embedded ")), "stderr:\n{}", ran.err);
        ran
    }

    /// A failure that people understand: this status, nothing on stdout, an error with these words, and a hint.
    #[track_caller]
    pub(crate) fn refuses(self, status: i32, words: &[&str]) -> Self {
        let ran = self.status(status).says(words);
        assert!(ran.out.is_empty(), "stdout: {}", String::from_utf8_lossy(&ran.out));
        assert!(ran.err.starts_with("error: "), "stderr:\n{}", ran.err);
        ran
    }

    /// stderr holds these words.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in stderr:\n{}", self.err);
        }
        self
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// stdout as JSON lines.
    pub(crate) fn rows(&self) -> Vec<Json> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The vectors of rows that all went well.
    pub(crate) fn vectors(&self) -> Vec<Vec<f32>> {
        self.rows().iter().map(|row| support::floats(&row["embedding"])).collect()
    }
}
