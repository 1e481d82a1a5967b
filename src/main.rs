//! The `infa` binary: parse, dispatch, exit status.

use infa::cli::Cli;
use infa::commands::{self, Error};
use infa::fetch::Cancel;
use infa::ui::{Bars, interrupt};

fn main() {
    // Before the first thread is started.
    infa::runtime::forbid_telemetry();
    let cancel = Cancel::new();
    interrupt::listen(cancel.clone());
    let cli = Cli::from_environment();
    let logging = cli.logging();
    let bars = Bars::new(logging.quiet, logging.format);
    let log = logging.start(&bars);

    let status = match commands::run(cli, &bars, &cancel) {
        Ok(outcome) => outcome.exit_status(),
        Err(e) => {
            // After an interruption whatever else went wrong is only its consequence.
            let e = if cancel.is_cancelled() { Error::Interrupted } else { e };
            if !matches!(e, Error::PipeClosed) {
                bars.printer().error(&e.to_string(), e.hint().as_deref());
            }
            e.exit_status()
        }
    };
    drop(log);
    interrupt::exit(status);
}
