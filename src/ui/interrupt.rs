//! Ctrl-C and SIGTERM: work is asked to stop, and the process ends within a second whatever it is doing, unless the
//! work has said that it sees to its end itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
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

/// Starts listening. The first signal sets `cancel` and gives the work [`GRACE`]; a second one ends the process at once.
pub fn listen(cancel: Cancel) {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        tracing::warn!("signals cannot be handled; Ctrl-C will end infa without flushing");
        return;
    };
    let body = move || {
        for _ in signals.forever() {
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
    let _ = std::thread::Builder::new().name("signals".into()).spawn(body);
}

/// Ends the process now. Worker threads may be in the middle of ONNX Runtime: its static destructors must not run
/// beneath them, so this is `_exit`; whatever was to be flushed has been.
pub fn exit(status: i32) -> ! {
    // SAFETY: ends the process; nothing can be observed afterwards.
    unsafe { libc::_exit(status) }
}
