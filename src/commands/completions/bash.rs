//! bash: words in bash's own division, and candidates in its form.
//!
//! Differs from clap_complete's script in three ways. bash ends words at `:` and `=` (COMP_WORDBREAKS), so that
//! `--engines onnx:int8` reaches a completion function as four words, and candidates replace only the last one: here
//! the line itself is split again. Candidates with special characters of the shell are quoted. A space follows a single
//! complete candidate.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use clap_complete::engine::{CompletionCandidate, complete};
use clap_complete::env::EnvCompleter;

/// The line up to the cursor, and what bash replaces of it (`$2`).
const LINE: &str = "_INFA_LINE";
const WORD: &str = "_INFA_WORD";

/// The function reads lines, since `$( … )` would split and expand them.
const SCRIPT: &str = r#"_infa_complete() {
    local candidate LC_ALL=C
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(VARIABLE=bash _INFA_LINE="${COMP_LINE:0:COMP_POINT}" _INFA_WORD="$2" PROGRAM -- "${COMP_WORDS[@]}" 2> /dev/null)
}
complete -o nospace -o bashdefault -o nosort -F _infa_complete NAME 2> /dev/null ||
    complete -o nospace -o bashdefault -F _infa_complete NAME
"#;

/// The `script` of a shell with the variable, the program's name and its path filled in.
pub(super) fn registration(script: &str, variable: &str, bin: &str, completer: &str) -> String {
    let program = shlex::try_quote(completer).unwrap_or_else(|_| bin.into());
    script.replace("VARIABLE", variable).replace("NAME", bin).replace("PROGRAM", &program)
}

pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(
        &self,
        variable: &str,
        _name: &str,
        bin: &str,
        completer: &str,
        buffer: &mut dyn io::Write,
    ) -> io::Result<()> {
        buffer.write_all(registration(SCRIPT, variable, bin, completer).as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut clap::Command,
        words: Vec<OsString>,
        directory: Option<&Path>,
        buffer: &mut dyn io::Write,
    ) -> io::Result<()> {
        let Some(line) = std::env::var_os(LINE) else {
            // The words are those that are meant: the way of clap_complete's own script.
            return clap_complete::env::Bash.write_complete(command, words, directory, buffer);
        };
        let typed = Typed::read(&line.to_string_lossy());
        let replaced = std::env::var_os(WORD).unwrap_or_default();
        let words: Vec<OsString> = typed.words.iter().map(OsString::from).collect();
        let index = words.len().saturating_sub(1);
        let candidates = complete(command, words, index, directory)?;
        for line in typed.candidates(&candidates, &replaced.to_string_lossy()) {
            writeln!(buffer, "{line}")?;
        }
        Ok(())
    }
}

/// A line up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// Its words without quotes; the last is the one at the cursor, which may be empty.
    words: Vec<String>,
    /// The quote that is open at the cursor.
    quote: Option<char>,
}

impl Typed {
    /// Splits at blanks that are not quoted. Variables and other expansions stay as they are written.
    fn read(line: &str) -> Self {
        let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
        let mut begun = false;
        let mut characters = line.chars();
        while let Some(c) = characters.next() {
            match (quote, c) {
                (None, c) if c.is_whitespace() => {
                    if std::mem::take(&mut begun) {
                        words.push(std::mem::take(&mut word));
                    }
                    continue;
                }
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), c) if c == open => quote = None,
                (None | Some('"'), '\\') => word.extend(characters.next()),
                _ => word.push(c),
            }
            begun = true;
        }
        words.push(word);
        Self { words, quote }
    }

    /// One word without its quotes, which may be open.
    pub(super) fn read_word(word: &str) -> String {
        Self::read(word).words.join(" ")
    }

    /// The candidates in bash's form, as replacements of `replaced`, the end of the last word.
    fn candidates(&self, candidates: &[CompletionCandidate], replaced: &str) -> Vec<String> {
        let word = self.words.last().map_or("", String::as_str);
        let replaced = match self.quote {
            // bash has removed the quote.
            Some(_) => replaced.to_owned(),
            None => Self::read(replaced).words.pop().unwrap_or_default(),
        };
        // The part before it stays in the line.
        let before = word.strip_suffix(&*replaced).unwrap_or("");
        let home = word.starts_with('~');
        let values = candidates.iter().map(|candidate| candidate.get_value().to_string_lossy());
        let only = candidates.len() == 1;
        let line = |value: std::borrow::Cow<'_, str>| {
            let rest = value.strip_prefix(before)?;
            let more = value.ends_with(['/', ':', '=', ',', ';', '<', '>']);
            if self.quote.is_none() && value.ends_with(['<', '>']) && !rest.contains('\'') {
                // The rest must be quoted as well.
                return Some(format!("'{rest}"));
            }
            let quoted = quoted(rest, self.quote, home && before.is_empty());
            Some(if only && !more && self.quote.is_none() { format!("{quoted} ") } else { quoted })
        };
        values.filter(|value| !value.contains(['\n', '\r'])).filter_map(line).collect()
    }
}

/// `text` as it is written inside of `quote`. A `~` that stands for a home directory keeps its meaning.
fn quoted(text: &str, quote: Option<char>, home: bool) -> String {
    let special = |at: usize, c: char| match quote {
        // Nothing is special but the end, which cannot be written.
        Some('\'') => false,
        Some(_) => matches!(c, '$' | '`' | '"' | '\\'),
        None if c == '~' => at == 0 && !home,
        None => c.is_whitespace() || "\"'\\$`&|;<>()[]{}*?!#".contains(c),
    };
    let mut written = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if special(at, c) {
            written.push('\\');
        }
        written.push(c);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> (Vec<String>, Option<char>) {
        let Typed { words, quote } = Typed::read(line);
        (words, quote)
    }

    #[test]
    fn lines_are_split_as_the_shell_means_them() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(typed("infa bench --engines onnx:in"), (words(&["infa", "bench", "--engines", "onnx:in"]), None));
        assert_eq!(typed("infa  bench "), (words(&["infa", "bench", ""]), None));
        assert_eq!(typed("infa embed 'my fi"), (words(&["infa", "embed", "my fi"]), Some('\'')));
        assert_eq!(typed("infa embed \"a\\\"b 'c"), (words(&["infa", "embed", "a\"b 'c"]), Some('"')));
        assert_eq!(typed("infa embed my\\ fi"), (words(&["infa", "embed", "my fi"]), None));
        assert_eq!(typed("infa embed '' "), (words(&["infa", "embed", "", ""]), None));
        assert_eq!(typed(""), (words(&[""]), None));
    }

    #[test]
    fn candidates_replace_what_bash_takes_for_the_word() {
        let of = |line: &str, replaced: &str, values: &[&str]| {
            let candidates: Vec<_> = values.iter().map(CompletionCandidate::new).collect();
            Typed::read(line).candidates(&candidates, replaced)
        };
        assert_eq!(of("infa bench --engines onnx:in", "in", &["onnx:int8"]), ["int8 "]);
        assert_eq!(of("infa bench --engines onnx:", "", &["onnx:int8", "onnx:float16"]), ["int8", "float16"]);
        // If COMP_WORDBREAKS has no colon.
        assert_eq!(of("infa bench --engines onnx:in", "onnx:in", &["onnx:int8"]), ["onnx:int8 "]);
        assert_eq!(of("infa bench --engine=", "", &["--engine=tei="]), ["tei="]);
        assert_eq!(of("infa embed my", "my", &["my file.txt"]), ["my\\ file.txt "]);
        assert_eq!(of("infa embed my\\ f", "my\\ f", &["my file.txt"]), ["my\\ file.txt "]);
        assert_eq!(of("infa embed 'my f", "my f", &["my file.txt"]), ["my file.txt"]);
        assert_eq!(of("infa embed \"my f", "my f", &["my file $1.txt"]), ["my file \\$1.txt"]);
        assert_eq!(of("infa embed ~/a", "~/a", &["~/a(1)/"]), ["~/a\\(1\\)/"]);
        let ends = &["p50<", "p50>"];
        assert_eq!(of("infa compare --fail-if p5", "p5", ends), ["'p50<", "'p50>"]);
        assert_eq!(of("infa compare --fail-if=p5", "p5", &["--fail-if=p50<", "--fail-if=p50>"]), ["'p50<", "'p50>"]);
        assert_eq!(of("infa compare --fail-if 'p5", "p5", ends), ["p50<", "p50>"]);
        assert_eq!(of("infa embed ", "", &["two\nlines"]), [""; 0]);
    }
}
