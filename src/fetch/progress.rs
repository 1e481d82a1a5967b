//! Observers of downloads.

/// An observer of downloads, such as the terminal's progress bars.
pub trait Progress: Send + Sync {
    /// A download of `total` bytes (when known) begins; `label` names it for people.
    fn start(&self, label: &str, total: Option<u64>) -> Box<dyn ProgressTask>;
    /// Prints one line, such as the path of an installed library.
    fn note(&self, line: &str);
}

/// One running download, as its observer sees it. Dropping it ends the display.
pub trait ProgressTask: Send {
    /// `position` bytes of the whole have arrived (after a resume it starts above 0).
    fn position(&mut self, position: u64);
    /// One line of output of the program that does the work.
    fn line(&mut self, _line: &str) {}
}

/// An observer without output.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Silent;

struct SilentTask;

impl Progress for Silent {
    fn start(&self, _label: &str, _total: Option<u64>) -> Box<dyn ProgressTask> {
        Box::new(SilentTask)
    }

    fn note(&self, _line: &str) {}
}

impl ProgressTask for SilentTask {
    fn position(&mut self, _position: u64) {}
}
