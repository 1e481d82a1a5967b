//! Ctrl-C, SIGTERM and SIGHUP (a closed terminal): a signal sets [`Cancel`], and the process exits within a second,
//! unless a command has taken over its own shutdown.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::fetch::Cancel;

/// Time between the first signal and the forced exit.
const GRACE: Duration = Duration::from_millis(700);

/// Exit status after an interruption: 128 + SIGINT.
pub(crate) const INTERRUPTED: i32 = 130;

/// Set by a command that shuts down by itself: the time that this may take. Global, as signals are.
static TIME_TO_END: OnceLock<Duration> = OnceLock::new();

/// From now on the first signal only sets [`Cancel`], even if it has come already: the work promises to end by itself.
/// A second one still ends the process at once.
pub(crate) fn exit_only_when_done() {
    exit_at_most_after(Duration::MAX);
}

/// The same, but the process ends at the latest when `most` is over after the signal, even if the work hangs.
pub(crate) fn exit_at_most_after(most: Duration) {
    let _ = TIME_TO_END.set(most);
}

/// The number of the first signal.
static RECEIVED: OnceLock<i32> = OnceLock::new();

/// The last action before the exit, which skips destructors.
static LAST: OnceLock<fn()> = OnceLock::new();

/// Has `last` done before the process ends, however that comes about.
pub(crate) fn at_exit(last: fn()) {
    let _ = LAST.set(last);
}

/// The name of the first signal that came, if one did.
pub(crate) fn received() -> Option<&'static str> {
    signal_hook::low_level::signal_name(*RECEIVED.get()?)
}

/// True if SIGHUP ends the process; under nohup, which starts programs with the signal ignored, it does not.
pub(crate) fn hang_up_ends() -> bool {
    // Read once, before the handler is installed.
    static ENDS: OnceLock<bool> = OnceLock::new();
    *ENDS.get_or_init(|| {
        // SAFETY: all zero is a valid value of this plain structure, which the call fills.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: only reads the disposition; `action` outlives the call.
        let asked = unsafe { libc::sigaction(SIGHUP, std::ptr::null(), &raw mut action) };
        asked != 0 || action.sa_sigaction != libc::SIG_IGN
    })
}

/// Starts listening. The first signal sets `cancel` and gives the work [`GRACE`]; a second one ends the process at once.
pub(crate) fn listen(cancel: Cancel) {
    // A write beyond the limit of a file's size shall fail, and not end the process: a handler does that.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
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
                if let Some(most) = TIME_TO_END.get() {
                    std::thread::sleep(*most);
                }
                exit(INTERRUPTED);
            };
            // Without a timer thread there is no grace period: exit now.
            if std::thread::Builder::new().name("grace".into()).spawn(grace).is_err() {
                exit(INTERRUPTED);
            }
        }
    };
    if let Err(e) = std::thread::Builder::new().name("signals".into()).spawn(body) {
        tracing::warn!("signals cannot be handled: {e}; Ctrl-C will end infa without flushing");
        for signal in heard {
            // Without a listener the handler would swallow the signal.
            // SAFETY: sets a disposition that runs no code of this process.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}

/// Ends the process now. Worker threads may be inside ONNX Runtime, whose static destructors must not run at the same
/// time, so this is `_exit`; callers have flushed their output.
pub(crate) fn exit(status: i32) -> ! {
    if let Some(last) = LAST.get() {
        last();
    }
    // SAFETY: ends the process; no code runs afterwards.
    unsafe { libc::_exit(status) }
}
