//! The environment variables of flags, and what else all flags have in common.

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, Command};

/// The variable of the flag or argument with this id.
pub(crate) fn variable(id: &str) -> String {
    format!("INFA_{}", id.to_ascii_uppercase())
}

/// `command` with [`with_variable`] on all its arguments, and on those of its subcommands.
pub(crate) fn with_variables(command: Command) -> Command {
    command.mut_args(with_variable).mut_subcommands(with_variables)
}

/// `arg` with its variable, if it is not hidden: hidden flags are for users of other programs. Switches take yes and no,
/// as variables need. The help names possible values in its own words.
pub(crate) fn with_variable(arg: Arg) -> Arg {
    let hidden = arg.is_hide_set();
    let arg = match arg.get_action() {
        ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
        _ => arg,
    };
    if hidden {
        return arg;
    }
    let name = variable(arg.get_id().as_str());
    let takes_values = arg.get_action().takes_values();
    arg.env(name).hide_env(true).hide_possible_values(takes_values)
}
