//! zsh: words without their quotes, and no space after a value that goes on.
//!
//! Differs from clap_complete's script in two ways. Its words come with the quotes that the user has typed, and nothing
//! begins with a quote: here they are taken off. And it closes every word: here what ends with `=`, `:` and the like is
//! left open, since the rest of the value follows.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use clap_complete::env::{EnvCompleter, Zsh as Plain};

use super::bash::{Typed, registration};

/// In a candidate `\:` is a colon; a bare one ends the value, and its description follows.
const SCRIPT: &str = r#"#compdef NAME
_infa_complete() {
    local -a found directories open closed
    local candidate value
    found=("${(@f)$(_CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((CURRENT - 1)) VARIABLE=zsh PROGRAM -- "${(@)words}" 2> /dev/null)}")
    for candidate in "${(@)found}"; do
        [[ -n $candidate ]] || continue
        value=${candidate//\\:/$'\1'}
        value=${value%%:*}
        case $value in
            (*/) directories+=("${${value%/}//$'\1'/\\:}") ;;
            (*[=,\;\<\>$'\1']) open+=("$candidate") ;;
            (*) closed+=("$candidate") ;;
        esac
    done
    (( $#directories )) && _describe -V 'values' directories -S '/' -r '/'
    (( $#open )) && _describe -V 'values' open -S ''
    (( $#closed )) && _describe -V 'values' closed
}
compdef _infa_complete NAME
"#;

pub(super) struct Zsh;

impl EnvCompleter for Zsh {
    fn name(&self) -> &'static str {
        "zsh"
    }

    fn is(&self, name: &str) -> bool {
        name == "zsh"
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
        Plain.write_complete(command, words.into_iter().map(unquoted).collect(), directory, buffer)
    }
}

/// A word as the command would get it. What is not UTF-8 stays as it is.
fn unquoted(word: OsString) -> OsString {
    match word.to_str() {
        Some(text) => Typed::read_word(text).into(),
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_the_quotes_that_were_typed() {
        for (typed, meant) in [
            ("'tok", "tok"),
            ("\"my fi", "my fi"),
            ("my\\ fi", "my fi"),
            ("'a b'c", "a bc"),
            ("--fail-if='tok", "--fail-if=tok"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(unquoted(typed.into()), OsString::from(meant), "{typed}");
        }
    }
}
