//! `infa completions`: the script that makes a shell complete infa's command lines, and the answers to that shell.
//!
//! The scripts of bash, elvish, fish, PowerShell and zsh run infa itself at every Tab, with `COMPLETE` set to the shell's
//! name and the words typed so far after `--`; infa prints the candidates. So values are known that no static script can
//! know: cached models, bench configs, options of engines. Nothing is fetched and no engine is started. Nushell has a
//! static script of flags and fixed values.

mod bash;
mod models;
mod script;
mod specs;
mod values;
mod zsh;

pub(crate) use script::answer;
pub(super) use script::run;
