//! What to type instead of a flag that other programs have, where no flag of infa's means the same.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags of other programs, and what there is instead.
const TIPS: &[(&str, &str)] = &[
    (
        "--batch-size",
        "texts of equal length run together, up to --batch-tokens N tokens; of a server (--engine NAME=URL), --request-batch N \
         is the number of texts a request",
    ),
    ("--documents", "documents are files or stdin, or given with --text"),
    ("--document", "documents are files or stdin, or given with --text"),
    ("--input", "files are named without a flag, and - is stdin"),
    ("--file", "files are named without a flag, and - is stdin"),
    ("--output-dir", "--output names a file"),
];

/// Replaces clap's guess, which goes by spelling alone.
pub(super) fn with_tip(mut error: Error) -> Error {
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if error.kind() == ErrorKind::UnknownArgument => flag.as_str(),
        _ => return error,
    };
    let name = flag.split('=').next().unwrap_or(flag);
    if let Some((_, tip)) = TIPS.iter().find(|(flag, _)| *flag == name) {
        for guess in [ContextKind::SuggestedArg, ContextKind::SuggestedValue, ContextKind::SuggestedSubcommand] {
            error.remove(guess);
        }
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![(*tip).into()]));
    }
    error
}
