//! The driver's management library (NVML): loaded only if its file is sound, and never waited for without an end.

use std::sync::mpsc;
use std::time::Duration;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::loader;

const NAME: &str = "libnvidia-ml.so.1";

/// A driver that sleeps needs some seconds for each GPU; one that hangs answers never.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The library, initialised.
///
/// # Errors
/// The reason that there is no working driver.
pub(crate) fn open() -> Result<Nvml, String> {
    if let Some(reason) = loader::flaw_of_system(NAME) {
        return Err(reason);
    }
    Nvml::init().map_err(|error| reason(&error))
}

/// The result of `work`; `None` if it takes longer than `patience`. Its thread is left behind then.
pub(super) fn within<T: Send + 'static>(patience: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    let body = move || {
        let _ = sender.send(work());
    };
    std::thread::Builder::new().name("nvml".into()).spawn(body).ok()?;
    receiver.recv_timeout(patience).ok()
}

pub(super) fn reason(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(error) => match std::error::Error::source(error) {
            Some(source) => source.to_string(),
            None => error.to_string(),
        },
        NvmlError::DriverNotLoaded => "the driver is installed, but its kernel module is not loaded".into(),
        NvmlError::NoPermission => "this user may not access the GPUs".into(),
        NvmlError::LibRmVersionMismatch => {
            "the driver's library and its kernel module are of different versions; restart the machine".into()
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_hangs_is_left_behind() {
        let (_open, never) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(1), move || never.recv().is_ok()), None);
        assert_eq!(within(PATIENCE, || 7), Some(7));
    }
}
