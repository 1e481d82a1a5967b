//! The short help of embed, rerank and classify: `-h` shows the most used flags on one screen.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::{Arg, Command};

/// Commands with a short help of their own.
const COMMANDS: [&str; 3] = ["embed", "rerank", "classify"];
/// The flags that their `-h` shows, in this order.
const COMMON: &[&str] = &[
    "query",
    "text",
    "field",
    "pair_field",
    "output",
    "format",
    "output_type",
    "top_n",
    "top_k",
    "return_documents",
    "model_id",
    "dtype",
    "mode",
    "engine",
    "quiet",
    "help",
];

/// `command` for a command line with `-h` after one of [`COMMANDS`]: that command, and infa itself with its global
/// flags, show [`COMMON`] as one list.
pub(super) fn shortened(command: Command, arguments: &[OsString]) -> Command {
    let is_short = |argument: &OsString| {
        let argument = argument.to_string_lossy();
        argument.starts_with('-') && !argument.starts_with("--") && argument.contains('h')
    };
    let asked = COMMANDS.into_iter().find(|name| arguments.iter().any(|argument| argument == name));
    match asked {
        Some(name) if arguments.iter().any(is_short) => {
            command.mut_args(short).mut_subcommand(name, |command| command.mut_args(short))
        }
        _ => command,
    }
}

fn short(arg: Arg) -> Arg {
    let place = COMMON.iter().position(|id| arg.get_id() == id);
    match place {
        Some(place) => arg.help_heading(Resettable::Reset).display_order(place),
        None if arg.is_positional() => arg,
        None => arg.hide_short_help(true),
    }
}

/// Exit status of the commands that turn texts into something.
pub const STATUS: &str = "\
Exit status: 0 success, also if the reader of a pipe closes it; 1 some inputs failed, each named on stderr and in its row; 2 wrong usage; 3 model or runtime; 4 the server cannot be used; 130 interrupted, after flushing.";

/// Paragraphs with blank lines between. A paragraph is one line: clap wraps it at the terminal's width.
pub fn paragraphs(parts: &[&str]) -> String {
    parts.join("\n\n")
}
