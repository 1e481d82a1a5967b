//! The texts of help: wrapped by clap at the terminal's width, in plain words, `-h` on one screen.

use clap::CommandFactory;

use crate::run::infa;

/// The long help of `command` and of all its subcommands, each with its name.
fn helps(command: &mut clap::Command, found: &mut Vec<(String, String)>) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    found.push((name, command.render_long_help().to_string()));
    command.get_subcommands_mut().filter(|command| command.get_name() != "help").for_each(|below| helps(below, found));
}

fn helps_at(width: usize) -> Vec<(String, String)> {
    let mut root = infa::parts::cli::Cli::command().term_width(width);
    root.build();
    let mut found = Vec::new();
    helps(&mut root, &mut found);
    assert!(found.len() > 15, "only {} commands", found.len());
    found
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn no_line_of_help_is_broken_by_hand() {
    for width in [60, 80, 100, 120] {
        for (name, help) in helps_at(width) {
            let lines: Vec<&str> = help.lines().collect();
            let mut in_list = false;
            for pair in lines.windows(2) {
                let [line, next] = pair else { continue };
                // Commands and examples are lists: one entry a line.
                in_list = match line.trim() {
                    "Commands:" | "Examples:" => true,
                    "" => false,
                    _ => in_list,
                };
                if in_list || line.trim().is_empty() || next.trim().is_empty() {
                    continue;
                }
                // The description of a flag begins deeper than the flag.
                if indentation(line) != indentation(next) {
                    continue;
                }
                let word = next.split_whitespace().next().unwrap_or_default();
                let filled = line.chars().count() + 1 + word.chars().count();
                assert!(filled > width, "{name} at {width} columns: {line:?} is broken before {word:?}");
            }
        }
    }
}

#[test]
fn examples_fit_into_sixty_columns() {
    for (name, help) in helps_at(200) {
        let examples = help.lines().skip_while(|line| *line != "Examples:").take_while(|line| !line.is_empty());
        for line in examples {
            assert!(line.chars().count() <= 60, "{name}: {line}");
        }
    }
}

#[test]
fn help_is_in_plain_words() {
    for (name, help) in helps_at(10_000) {
        let help = help.to_lowercase();
        for word in [" told", " tells", " asked", "nobody", " whom", " is none", " so many", "as what", "what is "] {
            assert!(!help.contains(word), "{name}: {word:?}");
        }
        let headings = help.lines().filter(|line| !line.starts_with(' ') && line.ends_with(':'));
        for heading in headings {
            let first = heading.split_whitespace().next().unwrap_or_default();
            assert!(!["what", "how", "where", "which"].contains(&first), "{name}: {heading}");
        }
    }
}

#[test]
fn the_short_help_shows_one_list_of_flags() {
    for command in ["embed", "rerank", "classify"] {
        for arguments in [&[command, "-h"][..], &["-q", command, "a.txt", "-h"]] {
            let ran = infa(arguments).env("COLUMNS", "80").run().status(0);
            let headings: Vec<&str> =
                ran.text().lines().filter(|line| !line.starts_with(' ') && line.ends_with(':')).collect();
            assert_eq!(headings, ["Arguments:", "Options:", "Examples:"], "{arguments:?}");
            for flag in ["--model-id", "--engine", "--output", "--format", "--dtype", "--quiet"] {
                assert!(ran.text().contains(flag), "{flag}: {}", ran.text());
            }
            assert!(!ran.text().contains("--verbose"), "{}", ran.text());
        }
    }
    // The other commands show all their headings.
    let text = infa(["serve", "-h"]).run().status(0).text().to_owned();
    assert!(text.contains("Limits:") && text.contains("--verbose") && !text.contains("--cache-dir"), "{text}");
}
