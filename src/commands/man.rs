//! `infa man`: manual pages, made from the same definition as the help.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{AppContext, Error, Outcome};
use crate::cli::{Cli, ManArgs};
use crate::output::{Destination, Document};
use crate::plural::counted;

pub(super) fn run(args: ManArgs, app: &AppContext) -> Result<Outcome, Error> {
    let ManArgs { output } = args;
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let Some(directory) = output else {
        app.bars.printer().stdout(&whole(&root)?)?;
        return Ok(Outcome::Done);
    };
    if directory.exists() && !directory.is_dir() {
        let reason = format!("{} is a file; name a directory", directory.display());
        return Err(Error::Flag { flag: "--output", reason });
    }
    std::fs::create_dir_all(&directory)
        .map_err(|e| Error::Flag { flag: "--output", reason: format!("{}: {e}", directory.display()) })?;
    let count = pages(&root, &directory)?;
    app.bars.printer().note(&format!("Wrote {} to {}", counted(count, "page"), directory.display()));
    Ok(Outcome::Done)
}

/// A page for `command` and one for each of its subcommands, and their number.
fn pages(command: &Command, directory: &Path) -> Result<usize, Error> {
    let man = Man::new(command.clone());
    let mut page = rendered(|page| man.render_title(page))?;
    page.push_str(&sections(&man, command)?);
    if shown(command).next().is_some() {
        page.push_str(&rendered(|page| man.render_subcommands_section(page))?);
    }
    let path = directory.join(man.get_filename());
    Document::open(&Destination::File(path)).map_err(Error::OutputOpen)?.write(&page)?;
    let mut count = 1;
    for subcommand in shown(command) {
        count += pages(subcommand, directory)?;
    }
    Ok(count)
}

/// One page: infa, and then each subcommand in a section of its own.
fn whole(root: &Command) -> io::Result<String> {
    let man = Man::new(root.clone());
    let mut page = rendered(|page| man.render_title(page))?;
    page.push_str(&sections(&man, root)?);
    for command in shown(root) {
        append(&mut page, command)?;
    }
    Ok(page)
}

/// The section of a subcommand, and those of its own subcommands.
fn append(page: &mut String, command: &Command) -> io::Result<()> {
    // The flags of all commands stand at the beginning of the page.
    let own = command.clone().mut_args(|arg| {
        let global = arg.is_global_set();
        arg.hide(global)
    });
    let name = own.get_bin_name().unwrap_or(own.get_name()).to_owned();
    let _ = writeln!(page, ".SH \"{}\"", name.to_uppercase());
    let text = sections(&Man::new(own), command)?;
    let below =
        text.lines().map(|line| line.strip_prefix(".SH").map_or(line.to_owned(), |title| format!(".SS{title}")));
    below.for_each(|line| page.extend([line.as_str(), "\n"]));
    shown(command).try_for_each(|command| append(page, command))
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

/// The sections of a command, without its subcommands.
fn sections(man: &Man, command: &Command) -> io::Result<String> {
    let mut text = String::new();
    text.push_str(&rendered(|page| man.render_name_section(page))?);
    text.push_str(&rendered(|page| man.render_synopsis_section(page))?);
    text.push_str(&rendered(|page| man.render_description_section(page))?);
    text.push_str(&rendered(|page| man.render_options_section(page))?);
    if let Some(notes) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        text.push_str(".SH NOTES\n");
        text.push_str(&notes_of(&notes.to_string()));
    }
    Ok(text)
}

/// Paragraphs; one of several lines keeps them, as examples need it.
fn notes_of(text: &str) -> String {
    let paragraph = |paragraph: &str| {
        let lines: Vec<String> = paragraph.lines().map(escaped).collect();
        let lines = lines.join("\n");
        if paragraph.contains('\n') { format!(".PP\n.nf\n{lines}\n.fi\n") } else { format!(".PP\n{lines}\n") }
    };
    text.trim().split("\n\n").map(paragraph).collect()
}

/// A line of text as roff shows it.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    // At the beginning of a line these begin a request.
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

fn rendered(render: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<String> {
    let mut text = Vec::new();
    render(&mut text)?;
    // Each section repeats the definition of the apostrophe.
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_examples_stay_lines() {
        let text = notes_of("Examples:\n  infa a -b\n.c \\d\n\nOne paragraph.");
        assert_eq!(text, ".PP\n.nf\nExamples:\n  infa a \\-b\n\\&.c \\ed\n.fi\n.PP\nOne paragraph.\n");
    }
}
