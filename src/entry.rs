//! The program from its command line to its exit status.

use crate::cli::{Cli, Parsed, UsageError};
use crate::commands::{self, Error};
use crate::fetch::Cancel;
use crate::ui::log::LogFormat;
use crate::ui::{Bars, interrupt};

/// Parses the command line, runs the command and ends the process with its exit status.
pub fn main() -> ! {
    // A shell waits for completions: no log, no network, no output on stderr.
    if let Some(status) = commands::answer_shell() {
        std::process::exit(status);
    }
    // Before the first thread is started.
    crate::runtime::forbid_telemetry();
    crate::runtime::gpu::number_by_bus();
    let cancel = Cancel::new();
    interrupt::at_exit(crate::output::remove_parts);
    interrupt::listen(cancel.clone());
    let Parsed { cli, remarks } = match Cli::from_environment() {
        Ok(parsed) => parsed,
        Err(e) => refuse(&e),
    };
    let logging = cli.logging();
    let bars = Bars::new(logging.quiet, logging.format);
    let log = logging.start(&bars);
    remarks.warnings.iter().for_each(|warning| bars.printer().warning(warning));
    remarks.notes.iter().for_each(|note| bars.printer().note(note));

    let status = match commands::run(cli, &bars, &cancel) {
        Ok(outcome) => outcome.exit_status(),
        Err(e) => {
            // After an interruption any other error is a consequence of it.
            let e = if cancel.is_cancelled() { Error::Interrupted } else { e };
            if !matches!(e, Error::PipeClosed) {
                let message = e.to_string();
                let hints: Vec<String> =
                    e.hint().into_iter().chain(remarks.variables.behind(e.flag_name(), &message)).collect();
                let hint = (!hints.is_empty()).then(|| hints.join("; "));
                bars.printer().error(&message, hint.as_deref());
            }
            e.exit_status()
        }
    };
    drop(log);
    interrupt::exit(status);
}

/// Ends the process before a command begins.
fn refuse(error: &UsageError) -> ! {
    match error.json() {
        Some((message, hint)) => Bars::new(false, LogFormat::Json).printer().error(&message, hint.as_deref()),
        None => {
            if let Some(hint) = error.print() {
                Bars::new(false, LogFormat::Text).printer().hint(hint);
            }
        }
    }
    interrupt::exit(error.exit_status())
}
