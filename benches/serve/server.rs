//! The server under load: the release binary on a free port.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::bench::Bench;
use crate::client::Client;

/// Starting and ending take less, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// The model of the benchmark, ready to be asked.
    pub(crate) async fn start(bench: &Bench) -> Result<Self> {
        Self::with_model(bench, &bench.args.model).await
    }

    /// Another model, ready to be asked.
    pub(crate) async fn with_model(bench: &Bench, model: &Path) -> Result<Self> {
        let log = bench.folder().join("server.log");
        let mut command = bench.infa("serve", model);
        let mut child = command
            .args(["--port", "0", "--served-model-name", "bench"])
            .args(&bench.args.server_args)
            .stderr(File::create(&log)?)
            .spawn()?;
        let start = Instant::now();
        let address = loop {
            let reported = fs::read_to_string(&log)?;
            if let Some(address) = address(&reported) {
                break address?;
            }
            let ended = child.try_wait()?.is_some();
            if ended || start.elapsed() > PATIENCE {
                let _ = child.kill();
                bail!("the server does not listen:\n{reported}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let server = Self { child, address, log };
        let mut client = Client::new(address);
        while client.get("/readyz").await?.status != 200 {
            ensure!(start.elapsed() < PATIENCE, "the server is never ready:\n{}", server.log()?);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(server)
    }

    /// Resident memory in MiB.
    pub(crate) fn memory(&self) -> Result<f64> {
        let file = format!("/proc/{}/statm", self.child.id());
        let statm = fs::read_to_string(&file).with_context(|| file.clone())?;
        let pages: f64 = statm.split_whitespace().nth(1).context(file)?.parse()?;
        // SAFETY: it reads a constant of the system.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        Ok(pages * page as f64 / (1024.0 * 1024.0))
    }

    /// The most memory that was resident so far, in MiB.
    pub(crate) fn peak_memory(&self) -> Result<f64> {
        let file = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&file).with_context(|| file.clone())?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        Ok(peak.context(file)?.parse::<f64>()? / 1024.0)
    }

    /// Processor time that it has used, in seconds.
    pub(crate) fn processor_time(&self) -> Result<f64> {
        processor_time(&self.child.id().to_string())
    }

    /// Ends it as an operator would; another exit status than 0 is an error.
    pub(crate) fn stop(mut self) -> Result<()> {
        // SAFETY: a signal to a child that was not waited for.
        unsafe { libc::kill(libc::pid_t::try_from(self.child.id())?, libc::SIGTERM) };
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}:\n{}", self.log()?);
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the server does not end:\n{}", self.log()?)
    }

    /// The end of what it has written to stderr.
    fn log(&self) -> Result<String> {
        let log = fs::read_to_string(&self.log)?;
        let lines: Vec<&str> = log.lines().collect();
        Ok(lines[lines.len().saturating_sub(40)..].join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a log, whether its lines are words or JSON.
fn address(log: &str) -> Option<Result<SocketAddr>> {
    let (_, rest) = log.split_once("Listening on http://")?;
    let end = rest.find(|c: char| c.is_whitespace() || c == '"')?;
    Some(rest[..end].parse().context("the server's address"))
}

/// Processor time that a process has used, in seconds; "self" is this one.
pub(crate) fn processor_time(process: &str) -> Result<f64> {
    let file = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&file).with_context(|| file.clone())?;
    // After the program's name, which may hold anything, the state is the first field, and user and system time the
    // twelfth and the thirteenth.
    let (_, fields) = stat.rsplit_once(')').with_context(|| file.clone())?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let ticks: f64 = ticks.sum::<Result<_, _>>().context(file)?;
    // SAFETY: it reads a constant of the system.
    let second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Ok(ticks / second as f64)
}
