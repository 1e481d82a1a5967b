//! The one owner of stdout and stderr.
//!
//! stdout is data, stderr is for people. A lint forbids `println!` and its kin everywhere else.

use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use serde_json::json;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::log::LogFormat;
use crate::standard_streams;

/// Writes lines for people, without tearing the progress bars that may be on the screen.
#[derive(Clone)]
pub struct Printer {
    bars: MultiProgress,
    quiet: bool,
    color: bool,
    format: LogFormat,
}

impl Printer {
    /// A printer above `bars`; `quiet` leaves only errors.
    pub fn new(bars: MultiProgress, quiet: bool, format: LogFormat) -> Self {
        Self { bars, quiet, color: color_wanted(), format }
    }

    /// Prints an error; `hint` is the remedy.
    pub fn error(&self, message: &str, hint: Option<&str>) {
        if self.format == LogFormat::Json {
            return self.json("ERROR", message, hint);
        }
        self.labelled("31", "error", message);
        if let Some(hint) = hint {
            self.hint(hint);
        }
    }

    /// Prints the remedy of an error that is already on the screen.
    pub fn hint(&self, hint: &str) {
        self.labelled("36", "hint", hint);
    }

    /// Prints a warning; the work goes on.
    pub fn warning(&self, message: &str) {
        match self.format {
            _ if self.quiet => {}
            LogFormat::Json => self.json("WARN", message, None),
            LogFormat::Text | LogFormat::Full => self.labelled("33", "warning", message),
        }
    }

    /// Prints one line about finished work.
    pub fn note(&self, message: &str) {
        match self.format {
            _ if self.quiet => {}
            LogFormat::Json => self.json("INFO", message, None),
            LogFormat::Text | LogFormat::Full => self.stderr(message),
        }
    }

    /// Prints a line for a program that reads stderr, also when quiet.
    pub fn line(&self, line: &str) {
        self.stderr(line);
    }

    /// Writes data to stdout.
    ///
    /// # Errors
    /// The system's error, such as a closed pipe.
    pub fn stdout(&self, data: &str) -> io::Result<()> {
        standard_streams::stdout()?.write_all(data.as_bytes())
    }

    /// The same fields as those of logged events.
    fn json(&self, level: &str, message: &str, hint: Option<&str>) {
        let mut timestamp = String::new();
        let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
        let mut line = json!({"timestamp": timestamp, "level": level, "message": message, "target": "infa"});
        if let Some(hint) = hint {
            line["hint"] = hint.into();
        }
        self.stderr(&line.to_string());
    }

    fn labelled(&self, color: &str, label: &str, message: &str) {
        // Names of files and texts of servers may hold control characters, which must not reach the terminal.
        let message = one_message(&printable(message));
        if self.color {
            self.stderr(&format!("\x1b[1;{color}m{label}:\x1b[0m {message}"));
        } else {
            self.stderr(&format!("{label}: {message}"));
        }
    }

    fn stderr(&self, line: &str) {
        // A closed stderr is ignored.
        self.bars.suspend(|| _ = writeln!(io::stderr().lock(), "{line}"));
    }
}

/// True if stderr may be coloured: it is a terminal, and no variable forbids it (<https://no-color.org>).
pub(super) fn color_wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// `text` with the labels that begin its further lines moved in: a file's name cannot pass for another message.
fn one_message(text: &str) -> String {
    let line = |line: &str| match ["error:", "hint:", "warning:"].iter().any(|label| line.starts_with(label)) {
        true => format!("  {line}"),
        false => line.to_owned(),
    };
    let mut lines = text.split('\n');
    lines.next().into_iter().map(str::to_owned).chain(lines.map(line)).collect::<Vec<_>>().join("\n")
}

/// `text` with control characters escaped, and with the marks that turn the direction of what follows; line breaks stay.
pub(super) fn printable(text: &str) -> String {
    let turns =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let odd = |c: char| c.is_control() && c != '\n' || turns(c);
    text.chars().flat_map(|c| if odd(c) { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_line_breaks_makes_no_second_message() {
        assert_eq!(one_message("e\nerror: fake\nhint: x: no such file"), "e\n  error: fake\n  hint: x: no such file");
        assert_eq!(one_message("error: a\n1 | b\n  | c\n"), "error: a\n1 | b\n  | c\n");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{9b}é"), "a\\u{1b}[2Jb\nc\\u{9b}é");
        assert_eq!(printable("a\u{202e}b\u{2069}שלום"), "a\\u{202e}b\\u{2069}שלום");
    }
}
