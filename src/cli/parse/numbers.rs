//! Numbers that a flag does not take, in plain words: clap shows the parser's own, which are those of Rust.

use std::error::Error as _;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The same error in plain words, if the value of a flag is not a number that it takes.
pub(super) fn in_words(error: Error) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (Some(arg), Some(value)) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue)) else {
        return error;
    };
    let reason = match error.source() {
        Some(source) if error.kind() == ErrorKind::ValueValidation => {
            if let Some(number) = source.downcast_ref::<ParseIntError>() {
                of_whole(number.kind(), value)
            } else if source.is::<ParseFloatError>() {
                Some(format!("{value} is not a number"))
            } else if source.to_string().contains("into a ByteSize") {
                Some(format!("{value} is not a number of bytes; give one such as 1048576, 512KiB or 32MiB"))
            } else {
                out_of_range(&source.to_string())
            }
        }
        _ => None,
    };
    let Some(reason) = reason else { return error };
    let name = arg.split(" <").next().unwrap_or(arg);
    Error::raw(ErrorKind::ValueValidation, format!("{name}: {reason}\n\nFor more information, try '--help'.\n"))
}

/// The reason that a value is not an acceptable whole number.
fn of_whole(kind: &IntErrorKind, value: &str) -> Option<String> {
    let is_negative = value.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    Some(match kind {
        IntErrorKind::Zero => "0 is not allowed; give at least 1".to_owned(),
        IntErrorKind::Empty => "the value is empty; give a whole number".to_owned(),
        IntErrorKind::InvalidDigit if is_negative && value.len() > 1 => {
            format!("{value} is not allowed; give a positive whole number")
        }
        IntErrorKind::InvalidDigit => format!("{value} is not a whole number"),
        IntErrorKind::PosOverflow => format!("{value} is too large"),
        IntErrorKind::NegOverflow => format!("{value} is too small"),
        _ => return None,
    })
}

/// The range that clap writes as `0 is not in 1..=8` or `1..`.
fn out_of_range(reason: &str) -> Option<String> {
    let (value, range) = reason.split_once(" is not in ")?;
    value.parse::<i128>().ok()?;
    let limit = match range.split_once("..")? {
        (low, "") => format!("at least {low}"),
        ("", high) => format!("at most {}", high.trim_start_matches('=')),
        (low, high) if high.starts_with('=') => format!("{low} to {}", high.trim_start_matches('=')),
        // The end itself is left out.
        (low, high) => format!("{low} to {}", high.parse::<i128>().ok()? - 1),
    };
    Some(format!("{value} is not allowed; give {limit}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn message(arguments: &[&str]) -> String {
        let words = [&["infa"], arguments].concat();
        let text = in_words(Cli::command().try_get_matches_from(words).unwrap_err()).render().to_string();
        text.lines().next().unwrap().to_owned()
    }

    #[test]
    fn numbers_that_a_flag_does_not_take() {
        for (arguments, expected) in [
            (&["embed", "--threads", "0"][..], "error: --threads: 0 is not allowed; give at least 1"),
            (&["embed", "--batch-tokens", "0"], "error: --batch-tokens: 0 is not allowed; give at least 1"),
            (&["bench", "--batch", "0"], "error: --batch: 0 is not allowed; give at least 1"),
            (
                &["serve", "--max-concurrent-requests=0"],
                "error: --max-concurrent-requests: 0 is not allowed; give at least 1",
            ),
            (&["embed", "--threads", "two"], "error: --threads: two is not a whole number"),
            (&["embed", "--threads", "1.5"], "error: --threads: 1.5 is not a whole number"),
            (&["embed", "--threads=-1"], "error: --threads: -1 is not allowed; give a positive whole number"),
            (&["embed", "--threads", "99999999999999999999"], "error: --threads: 99999999999999999999 is too large"),
            (&["embed", "--max-length", "x"], "error: --max-length: x is not a whole number"),
            (
                &["serve", "--body-limit=-1"],
                "error: --body-limit: -1 is not a number of bytes; give one such as 1048576, 512KiB or 32MiB",
            ),
            (&["serve", "--port", "80a"], "error: --port: 80a is not a whole number"),
        ] {
            assert_eq!(message(arguments), expected, "{arguments:?}");
        }
        let port = message(&["serve", "--port", "70000"]);
        assert!(
            port.starts_with("error: --port: 70000 is not allowed; give ") && port.ends_with(" to 65535"),
            "{port}"
        );
        // Other values keep their own words, and so do other errors.
        assert!(message(&["embed", "--dtype", "tiny"]).contains("tiny"));
        assert!(message(&["embed", "--thread", "1"]).contains("unexpected argument '--thread'"));
    }

    #[test]
    fn no_flag_answers_in_the_words_of_rust() {
        let root = Cli::command();
        for command in root.get_subcommands() {
            for flag in command.get_arguments().filter_map(|arg| arg.get_long()) {
                for value in ["0", "-1", "x1", "99999999999999999999999"] {
                    let arguments = [command.get_name().to_owned(), format!("--{flag}={value}")];
                    let Err(error) =
                        Cli::command().try_get_matches_from([&["infa".to_owned()][..], &arguments].concat())
                    else {
                        continue;
                    };
                    let text = in_words(error).render().to_string();
                    let words = ["non-zero type", "invalid digit", "to fit in target", "from empty string", "..="];
                    assert!(words.iter().all(|word| !text.contains(word)), "{arguments:?}: {text}");
                }
            }
        }
    }
}
