//! Wrong usage, as people or as programs read it.

use clap::error::ErrorKind;

/// The end of the process before a command begins: wrong usage, help, version.
#[derive(Debug)]
pub struct UsageError {
    error: clap::Error,
    /// True if messages are JSON.
    json: bool,
    /// A word about variables that may hold the wrong value.
    hint: Option<String>,
}

impl UsageError {
    /// `variables` set flags and have names that do not stand on the command line.
    pub(super) fn new(error: clap::Error, json: bool, variables: &[&str]) -> Self {
        let of_value =
            matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::ArgumentConflict);
        let hint = (of_value && !variables.is_empty()).then(|| {
            let variables = variables.join(", ");
            format!("these variables set flags: {variables} (--tei-env never ignores them)")
        });
        Self { error, json, hint }
    }

    /// The exit status: 2, or 0 of help and version.
    pub fn exit_status(&self) -> i32 {
        self.error.exit_code()
    }

    /// Message and hint, if messages are JSON.
    pub fn json(&self) -> Option<(String, Option<String>)> {
        if !self.json || !self.error.use_stderr() {
            return None;
        }
        let text = self.error.render().to_string();
        let mut parts = text.split("\n\n");
        let message = parts.next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message).trim().to_owned();
        // The parts after the message are tips, the usage and the pointer to --help; only the tips belong into JSON.
        let tips = parts.filter_map(|part| part.trim().strip_prefix("tip: ")).map(str::to_owned);
        let hints: Vec<String> = tips.chain(self.hint.clone()).collect();
        Some((message, (!hints.is_empty()).then(|| hints.join("; "))))
    }

    /// Prints it for people, help and version on stdout.
    pub fn print(&self) -> Option<&str> {
        // The reader of stderr is gone: the message has no place to go.
        let _ = self.error.print();
        self.hint.as_deref()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn wrong(arguments: &[&str], json: bool, variables: &[&str]) -> UsageError {
        UsageError::new(Cli::try_parse_from(arguments).unwrap_err(), json, variables)
    }

    #[test]
    fn a_message_and_its_tips_without_the_usage() {
        let (message, hint) = wrong(&["infa", "serve", "--prot", "1"], true, &[]).json().unwrap();
        assert_eq!(message, "unexpected argument '--prot' found");
        assert!(hint.is_some_and(|hint| hint.contains("--port") && !hint.contains("Usage")));
        let (message, hint) = wrong(&["infa", "serve", "--port", "x"], true, &["PORT"]).json().unwrap();
        assert!(message.starts_with("invalid value 'x' for '--port <PORT>'"), "{message}");
        assert_eq!(hint.unwrap(), "these variables set flags: PORT (--tei-env never ignores them)");
    }

    #[test]
    fn help_and_text_are_left_to_people() {
        let help = wrong(&["infa", "serve", "--help"], true, &[]);
        assert!(help.json().is_none() && help.exit_status() == 0);
        let text = wrong(&["infa", "serve", "--prot"], false, &[]);
        assert!(text.json().is_none() && text.exit_status() == 2);
    }
}
