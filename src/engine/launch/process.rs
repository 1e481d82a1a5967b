//! A process and its descendants: one group, which ends as a whole, at the latest with this process.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::output::Output;

/// A process in a group of its own. Dropping it ends the group.
pub(super) struct Process {
    pid: u32,
    /// True once the group's leader was waited for: its id may then belong to another process.
    reaped: Arc<Mutex<bool>>,
    ended: watch::Receiver<Option<ExitStatus>>,
    output: Output,
}

/// Until a group that is dropped, and cannot be waited for long, is killed.
const SHORT_GRACE: Duration = Duration::from_secs(1);
/// Maximum time for the end of a killed process.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(5);

impl Process {
    /// Starts `command`, with nothing on its stdin; `name` stands before its lines in the log.
    pub(crate) async fn start(mut command: Command, name: &str) -> io::Result<Self> {
        // One pipe for both: what comes out of it is in the order in which it was written.
        let (reader, writer) = io::pipe()?;
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        lead_a_group(&mut command);
        let child = spawn(command).await?;
        let pid = child.id();
        let (reaped, output) = (Arc::new(Mutex::new(false)), Output::new(name));
        let (tell, ended) = watch::channel(None);
        let gate = Arc::clone(&reaped);
        let waiter = std::thread::Builder::new().name("launch-wait".into());
        let waiting = waiter.spawn(move || {
            let status = wait(child, &gate);
            tell.send_replace(Some(status));
        });
        // From here on, dropping it ends the group.
        let process = Self { pid, reaped, ended, output };
        waiting?;
        process.output.read(reader)?;
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    pub(crate) fn status(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    pub(crate) async fn ended(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            // The thread that waits could not be started.
            Err(_) => ExitStatus::default(),
        }
    }

    /// Sends SIGTERM to the group, and kills it after `grace`. Returns true if it ended before.
    pub(crate) async fn stop(&self, grace: Duration) -> bool {
        self.signal(libc::SIGTERM);
        if tokio::time::timeout(grace, self.ended()).await.is_ok() {
            return true;
        }
        self.signal(libc::SIGKILL);
        // A process that waits for a broken disk or device cannot be killed.
        let _ = tokio::time::timeout(KILL_TIMEOUT, self.ended()).await;
        false
    }

    fn signal(&self, signal: i32) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            signal_group(self.pid, signal);
        }
    }

    /// Blocks until it has ended, or `patience` is over.
    fn wait_for(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while self.status().is_none() {
            if start.elapsed() >= patience {
                return false;
            }
            std::thread::sleep(TICK);
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status().is_none() {
            self.signal(libc::SIGTERM);
            if !self.wait_for(SHORT_GRACE) {
                self.signal(libc::SIGKILL);
                self.wait_for(KILL_TIMEOUT);
            }
        }
    }
}

/// Waits for the end of `child`, and ends what it leaves behind in its group.
fn wait(mut child: Child, reaped: &Mutex<bool>) -> ExitStatus {
    let pid = child.id();
    wait_without_reaping(pid);
    let mut reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    // Until it is waited for, its id, which is the group's, is not reused.
    signal_group(pid, libc::SIGKILL);
    let status = child.wait();
    *reaped = true;
    status.unwrap_or_default()
}

fn wait_without_reaping(pid: u32) {
    loop {
        // SAFETY: all zeros are a value of siginfo_t, which is plain data.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a siginfo_t of ours that outlives the call.
        let result = unsafe { libc::waitid(libc::P_PID, pid, &mut info, libc::WEXITED | libc::WNOWAIT) };
        if result == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

fn signal_group(pid: u32, signal: i32) {
    if let Ok(group) = i32::try_from(pid) {
        // SAFETY: kill reads and writes no memory of ours; the caller knows that the group is ours.
        unsafe { libc::kill(-group, signal) };
    }
}

/// Makes `command` the leader of a group of its own, so that signals reach its descendants, and Ctrl-C on the terminal
/// reaches it only through infa. On Linux it also gets SIGTERM when this process has ended in any way; elsewhere a
/// process that is killed by SIGKILL leaves its servers behind.
fn lead_a_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = std::process::id();
        let die_with_parent = move || {
            // SAFETY: prctl with PR_SET_PDEATHSIG takes a number and touches no memory of ours.
            if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as libc::c_ulong) } != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have ended already: then the signal never comes.
            // SAFETY: getppid has no preconditions.
            if unsafe { libc::getppid() }.cast_unsigned() != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        };
        // SAFETY: between fork and exec the closure calls prctl and getppid alone, which are async-signal-safe, takes
        // no lock and allocates nothing.
        unsafe { command.pre_exec(die_with_parent) };
    }
}

/// A process to be started, and the channel for the result.
type Job = (Command, oneshot::Sender<io::Result<Child>>);

/// Starts `command` from a thread that lives as long as this process: on Linux, the parent whose death sends the signal
/// is the thread that forked, not its process.
async fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Option<Sender<Job>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        let work = move || {
            for (mut command, reply) in jobs {
                if let Err(Ok(mut unwanted)) = reply.send(command.spawn()) {
                    // The requesting task has ended.
                    signal_group(unwanted.id(), libc::SIGKILL);
                    let _ = unwanted.wait();
                }
            }
        };
        std::thread::Builder::new().name("launch-spawn".into()).spawn(work).ok().map(|_| sender)
    });
    let gone = || io::Error::other("no thread to start it from");
    let (reply, spawned) = oneshot::channel();
    spawner.as_ref().ok_or_else(gone)?.send((command, reply)).map_err(|_| gone())?;
    spawned.await.map_err(|_| gone())?
}
