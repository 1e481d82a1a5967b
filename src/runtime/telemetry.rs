//! ONNX Runtime sends nothing about its use.

/// Forbids ONNX Runtime's telemetry to this process.
///
/// Since 1.29 the official builds for Linux and macOS, too, keep a device id and a database of events in the user's cache
/// and send them to Microsoft; `DisableTelemetryEvents` comes too late for the first event. Only this variable, set before
/// the library initialises, prevents all of it (Privacy.md of ONNX Runtime, "Disabling Telemetry").
///
/// A program should call this first of all, while it has one thread. [`super::library::check`] and
/// [`super::Runtime::load`] call it, too.
pub(crate) fn forbid_telemetry() {
    const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
    if std::env::var_os(VARIABLE).is_none_or(|value| value != "1") {
        // SAFETY: the binary gets here from `main` before it starts a thread. In another program that did not call this
        // function first, it would be unsound for C code on another thread to read the environment at this moment.
        unsafe { std::env::set_var(VARIABLE, "1") };
    }
}
