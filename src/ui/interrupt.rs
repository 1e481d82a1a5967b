//! Ctrl-C, SIGTERM and SIGHUP (a closed terminal): work is asked to stop, and the process ends within a second whatever
//! it is doing, unless the work has said that it sees to its end itself.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::fetch::Cancel;

/// How long work has to wind up after a signal.
const GRACE: Duration = Duration::from_millis(700);

/// Exit status after an interruption: 128 + SIGINT.
pub const INTERRUPTED: i32 = 130;

/// Whether the work sees to its end itself. Signals are the whole process's, and so is this.
static PATIENT: AtomicBool = AtomicBool::new(false);

/// From now on the first signal only sets [`Cancel`], even if it has come already: the work promises to end by itself.
/// A second one still ends the process at once.
pub fn be_patient() {
    PATIENT.store(true, Ordering::SeqCst);
}

/// The number of the first signal.
static RECEIVED: OnceLock<i32> = OnceLock::new();

/// What is done at the very end, where destructors do not run.
static LAST: OnceLock<fn()> = OnceLock::new();

/// Has `last` done before the process ends, however that comes about.
pub fn at_exit(last: fn()) {
    let _ = LAST.set(last);
}

/// The name of the first signal that came, if one did.
pub fn received() -> Option<&'static str> {
    signal_hook::low_level::signal_name(*RECEIVED.get()?)
}

/// Whether SIGHUP ends the work: not under nohup, which starts programs with the signal ignored.
pub fn hang_up_ends() -> bool {
    // Asked once, before a handler is there.
    static ENDS: OnceLock<bool> = OnceLock::new();
    *ENDS.get_or_init(|| {
        // SAFETY: all zero is a valid value of this plain structure, which the call fills.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: only asks; `action` outlives the call.
        let asked = unsafe { libc::sigaction(SIGHUP, std::ptr::null(), &raw mut action) };
        asked != 0 || action.sa_sigaction != libc::SIG_IGN
    })
}

/// Starts listening. The first signal sets `cancel` and gives the work [`GRACE`]; a second one ends the process at once.
pub fn listen(cancel: Cancel) {
    let mut heard = vec![SIGINT, SIGTERM];
    heard.extend(hang_up_ends().then_some(SIGHUP));
    let Ok(mut signals) = Signals::new(&heard) else {
        tracing::warn!("signals cannot be handled; Ctrl-C will end infa without flushing");
        return;
    };
    let body = move || {
        for signal in signals.forever() {
            let _ = RECEIVED.set(signal);
            if cancel.is_cancelled() {
                exit(INTERRUPTED);
            }
            cancel.cancel();
            let grace = || {
                std::thread::sleep(GRACE);
                if !PATIENT.load(Ordering::SeqCst) {
                    exit(INTERRUPTED);
                }
            };
            // Without a thread to keep the time there is no grace.
            if std::thread::Builder::new().name("grace".into()).spawn(grace).is_err() {
                exit(INTERRUPTED);
            }
        }
    };
    if let Err(e) = std::thread::Builder::new().name("signals".into()).spawn(body) {
        tracing::warn!("signals cannot be handled: {e}; Ctrl-C will end infa without flushing");
        for signal in heard {
            // A handler that nobody listens to would make the process deaf.
            // SAFETY: sets a disposition that runs no code of this process.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}

/// Ends the process now. Worker threads may be in the middle of ONNX Runtime: its static destructors must not run
/// beneath them, so this is `_exit`; whatever was to be flushed has been.
pub fn exit(status: i32) -> ! {
    if let Some(last) = LAST.get() {
        last();
    }
    // SAFETY: ends the process; nothing can be observed afterwards.
    unsafe { libc::_exit(status) }
}
