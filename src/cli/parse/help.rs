//! The short help of embed, rerank, search and classify: `-h` shows the most used flags on one screen.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::{Arg, Command};

/// The flags that `-h` of the commands which turn texts into something shows, in this order.
const TEXTS: &[&str] = &[
    "query",
    "queries",
    "text",
    "field",
    "pair_field",
    "output",
    "format",
    "output_type",
    "top_n",
    "top_k",
    "threshold",
    "rerank",
    "return_documents",
    "model_id",
    "dtype",
    "mode",
    "engine",
    "quiet",
    "help",
];
/// And those that `-h` of the comparisons shows.
const COMPARE: &[&str] = &[
    "engines",
    "model_id",
    "task",
    "reference",
    "base",
    "baseline",
    "metrics",
    "force",
    "fail_if",
    "export_json",
    "export_markdown",
    "export_html",
    "quiet",
    "help",
];
/// Flags that only the subcommands show: without one, `infa compare` has the flags of all of them.
const OF_KINDS: &[&str] = &["model_id", "task", "reference", "baseline", "force"];
/// Commands with a short help of their own.
const COMMANDS: [(&str, &[&str]); 5] =
    [("embed", TEXTS), ("rerank", TEXTS), ("search", TEXTS), ("classify", TEXTS), ("compare", COMPARE)];

/// `command` for a command line with `-h` after one of [`COMMANDS`]: that one with its subcommands, and infa itself
/// with its global flags, show the common flags as one list.
pub(super) fn shortened(command: Command, arguments: &[OsString]) -> Command {
    let is_short = |argument: &OsString| {
        let argument = argument.to_string_lossy();
        argument.starts_with('-') && !argument.starts_with("--") && argument.contains('h')
    };
    let typed = COMMANDS.into_iter().find(|(name, _)| arguments.iter().any(|argument| argument == name));
    match typed {
        Some((name, common)) if arguments.iter().any(is_short) => {
            command.mut_args(|arg| short(arg, common)).mut_subcommand(name, |command| brief(command, common))
        }
        _ => command,
    }
}

fn brief(command: Command, common: &[&str]) -> Command {
    let has_kinds = command.has_subcommands();
    let own = |arg: Arg| {
        let of_kind = has_kinds && OF_KINDS.iter().any(|id| arg.get_id() == id);
        if of_kind { arg.hide_short_help(true) } else { short(arg, common) }
    };
    command.mut_args(own).mut_subcommands(|command| brief(command, common))
}

fn short(arg: Arg, common: &[&str]) -> Arg {
    let place = common.iter().position(|id| arg.get_id() == id);
    match place {
        Some(place) => arg.help_heading(Resettable::Reset).display_order(place),
        None if arg.is_positional() => arg,
        None => arg.hide_short_help(true),
    }
}

/// Exit status of the commands that turn texts into something.
pub(crate) const STATUS: &str = "\
Exit status: 0 success, also if the reader of a pipe closes it; 1 some inputs failed, each named on stderr and in its row; 2 wrong usage; 3 model or runtime; 4 the server cannot be used; 130 interrupted, after flushing.";

/// Paragraphs with blank lines between. A paragraph is one line: clap wraps it at the terminal's width.
pub(crate) fn paragraphs(parts: &[&str]) -> String {
    parts.join("\n\n")
}
