//! The texts a command works on: given with --text, in files, or from stdin.

use std::path::{Path, PathBuf};

use super::batch_run::prompt_on_terminal;
use super::{AppContext, Error};
use crate::cli::{FieldArgs, ReadArgs};
use crate::input::{self, InputError, Options, Records, Template};

/// Further fields that some commands read.
#[derive(Default)]
pub(super) struct Parts {
    pub pair_field: Option<String>,
    pub template: Option<Template>,
    pub keep: Vec<String>,
}

/// Opens what the flags name. `command` is what the user typed before texts or files, for hints; `what` is what the texts
/// are: "texts", "documents".
pub(super) fn open(
    read: ReadArgs,
    parts: Parts,
    command: &str,
    what: &str,
    app: &AppContext,
) -> Result<Records, Error> {
    let ReadArgs { files, text, fields: FieldArgs { input_format, field, id_field } } = read;
    if !text.is_empty() {
        return Ok(input::texts(text, "--text"));
    }
    if input_format.is_none() {
        let printer = app.bars.printer();
        markup(&files).for_each(|name| {
            printer.note(&format!(
                "note: {name}: each line is read as a text, markup included (--input-format lines hides this note)"
            ));
        });
    }
    let Parts { pair_field, template, keep } = parts;
    let options = Options { format: input_format, field, template, id_field, pair_field, keep };
    if options.pair_field.is_none() {
        prompt_on_terminal(app, &files, what);
    }
    input::open(&files, &options).map_err(|error| match (&error, as_text(&files)) {
        (InputError::Missing { .. }, Some(text)) => {
            Error::Usage { message: error.to_string(), hint: format!("{command} --text {}", quoted(&text)) }
        }
        _ => error.into(),
    })
}

/// Endings of files whose lines are hardly texts.
const MARKUP: [&str; 9] = ["html", "htm", "xhtml", "xml", "svg", "yaml", "yml", "tex", "rtf"];

/// The files whose names end in one of them.
fn markup(files: &[PathBuf]) -> impl Iterator<Item = String> {
    let is_markup = |path: &&PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        path.is_file() && ending.is_some_and(|ending| MARKUP.contains(&ending.as_str()))
    };
    files.iter().filter(is_markup).map(|path| path.display().to_string())
}

/// The text that was probably meant by the arguments: one with white space that is not a file, or several without a
/// file among them or anything similar to one.
fn as_text(files: &[PathBuf]) -> Option<String> {
    let text = |path: &Path| path.to_str().map(str::to_owned);
    let missing = |path: &&PathBuf| !path.exists() && path.as_os_str() != "-";
    let spaced = |path: &&PathBuf| path.to_string_lossy().contains(char::is_whitespace);
    if let Some(path) = files.iter().filter(missing).find(spaced) {
        return text(path);
    }
    let word = |path: &PathBuf| missing(&path) && !path.to_string_lossy().contains(['.', '/']);
    let words: Option<Vec<String>> = files.iter().map(|path| text(path).filter(|_| word(path))).collect();
    words.filter(|words| !words.is_empty()).map(|words| words.join(" "))
}

/// `text` as a shell takes it.
pub(super) fn quoted(text: &str) -> String {
    match text {
        // Always in quotes: it is a text.
        _ if !text.contains(['\'', '\\', '\0']) => format!("'{text}'"),
        _ => shlex::try_quote(text).map_or_else(|_| "TEXT".into(), |quoted| quoted.into_owned()),
    }
}

/// An argument as a shell takes it, in quotes only where it needs them.
pub(super) fn argument(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| "…".into(), |quoted| quoted.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_are_not_files_may_be_texts() {
        let text = |files: &[&str]| as_text(&files.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(text(&["what do cats eat"]).as_deref(), Some("what do cats eat"));
        assert_eq!(text(&["what", "do", "cats", "eat"]).as_deref(), Some("what do cats eat"));
        assert_eq!(text(&["/dev/null", "a b"]).as_deref(), Some("a b"));
        assert_eq!(text(&["nowhere.txt"]), None);
        assert_eq!(text(&["word", "nowhere/file"]), None);
        assert_eq!(text(&["-"]), None);
        assert_eq!(text(&[]), None);
    }

    #[test]
    fn quotes() {
        assert_eq!(quoted("what?"), "'what?'");
        assert_eq!(quoted("it's"), "\"it's\"");
    }
}
