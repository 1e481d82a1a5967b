//! The short help: `-h` shows what most people need, `--help` shows all.

use clap::Command;

/// Flags that `-h` shows of the commands that turn texts into something.
const COMMON: &[&str] = &[
    "files",
    "text",
    "query",
    "input_format",
    "field",
    "id_field",
    "pair_field",
    "output",
    "output_type",
    "format",
    "top_n",
    "top_k",
    "return_documents",
    "model_id",
    "dtype",
    "threads",
    "engine",
    "mode",
    "prompt_name",
    "dimensions",
    "quiet",
    "verbose",
    "offline",
    "help",
    "version",
];

/// `command`, whose subcommands hide their rarer flags from `-h`.
pub(super) fn shortened(command: Command) -> Command {
    let hide = |command: Command| {
        command.mut_args(|arg| {
            let common = COMMON.contains(&arg.get_id().as_str());
            arg.hide_short_help(!common)
        })
    };
    let command =
        ["embed", "rerank", "classify"].into_iter().fold(command, |command, name| command.mut_subcommand(name, hide));
    // Flags of every command: their place is the help of each.
    command.mut_args(|arg| {
        let common = COMMON.contains(&arg.get_id().as_str());
        arg.hide_short_help(!common)
    })
}

/// What the exit status of a command says that turns texts into something.
pub(super) const STATUS: &str = "\
Exit status: 0 all well (also when the reader of a pipe goes away); 1 some inputs failed, each named on stderr and in its row; 2 wrong usage; 3 model or runtime; 4 the engine's server cannot be used; 130 interrupted, after flushing.";

/// Paragraphs with blank lines between. A paragraph is one line here: clap breaks it where the terminal ends.
pub(super) fn paragraphs(parts: &[&str]) -> String {
    parts.join("\n\n")
}
