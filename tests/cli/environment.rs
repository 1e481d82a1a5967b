//! Environment variables instead of flags.

use clap::CommandFactory;
use serde_json::json;

use crate::run::{embed, infa};
use crate::support::fixture;

#[test]
fn every_flag_and_argument_has_its_variable() {
    fn walk(command: &clap::Command, seen: &mut usize) {
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            // What is hidden is there for the users of other programs alone.
            if ["help", "version"].contains(&id) || (argument.is_hide_set() && argument.get_env().is_none()) {
                continue;
            }
            let expected = format!("INFA_{}", id.to_ascii_uppercase());
            let found = argument.get_env().and_then(|name| name.to_str());
            assert_eq!(found, Some(expected.as_str()), "{id} of {}", command.get_name());
            if let Some(long) = argument.get_long() {
                assert_eq!(long.replace('-', "_"), id, "the variable is not named after the flag");
            }
            assert!(argument.get_help().is_some() || argument.is_hide_set(), "{id} has no help");
            *seen += 1;
        }
        command.get_subcommands().for_each(|command| walk(command, seen));
    }
    let mut seen = 0;
    walk(&infa::parts::cli::Cli::command(), &mut seen);
    assert!(seen > 25, "only {seen} arguments");
}

/// `infa embed --model-id INFA_MODEL_ID`: every variable of every command, hidden flags included.
fn variables(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    for argument in command.get_arguments() {
        if let Some(variable) = argument.get_env().and_then(|name| name.to_str()) {
            let id = argument.get_id();
            let shown = argument.get_long().map_or(format!("<{id}>"), |long| format!("--{long}"));
            found.push(format!("{path} {shown} {variable}"));
        }
    }
    for command in command.get_subcommands() {
        variables(command, &format!("{path} {}", command.get_name()), found);
    }
}

/// Deployments rely on these names: a line may be added, none may change.
#[test]
fn the_names_of_variables_stay() {
    let mut found = Vec::new();
    variables(&infa::parts::cli::Cli::command(), "infa", &mut found);
    found.sort();
    let expected = include_str!("variables.txt");
    assert_eq!(found.join("\n").trim(), expected.trim(), "\n{}", found.join("\n"));
}

#[test]
fn variables_do_what_flags_do() {
    let model = fixture("bert-tiny");
    let plain = embed(["--format", "csv", "--dimensions", "4", "--no-normalize"]).stdin("a\nb\n").run().well();
    let ran = infa(["embed"])
        .env("INFA_MODEL_ID", &model)
        .env("INFA_FORMAT", "csv")
        .env("INFA_DIMENSIONS", "4")
        .env("INFA_NO_NORMALIZE", "1")
        .env("INFA_THREADS", "2")
        .env("INFA_QUIET", "true")
        .stdin("a\nb\n")
        .run()
        .status(0);
    assert_eq!((ran.text(), ran.err.as_str()), (plain.text(), ""));
}

#[test]
fn files_by_variable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("with space.txt");
    std::fs::write(&path, "a\n").unwrap();
    assert_eq!(embed([] as [&str; 0]).env("INFA_FILES", &path).run().well().rows().len(), 1);
}

#[test]
fn the_command_line_wins() {
    let rows = embed(["--max-length", "8"]).env("INFA_MAX_LENGTH", "12").stdin("a ".repeat(50)).run().well().rows();
    assert_eq!(rows[0]["tokens"], json!(8));
    let raw = embed(["--normalize"]).env("INFA_NO_NORMALIZE", "1").stdin("a\n").run().well().vectors();
    assert_eq!(raw, embed([] as [&str; 0]).stdin("a\n").run().well().vectors());
    let named = embed(["--prompt-name", "query"]).env("INFA_PROMPT", "x").stdin("a\n").run().well().vectors();
    for mode in ["query", "document"] {
        let again = embed(["--prompt-name", "query"]).env("INFA_MODE", mode).stdin("a\n").run().well().vectors();
        assert_eq!(again, named);
    }
    assert_eq!(embed(["--mode", "query"]).env("INFA_PROMPT", "x").stdin("a\n").run().well().vectors(), named);
    assert_eq!(named, embed(["--prompt-name", "query"]).stdin("a\n").run().well().vectors());
    let both = embed([] as [&str; 0]).env("INFA_NORMALIZE", "1").env("INFA_NO_NORMALIZE", "1").stdin("a\n").run();
    both.refuses(2, &["cannot be used with"]);
}

#[test]
fn switches_take_the_usual_words_for_yes_and_no() {
    for yes in ["1", "true", "yes", "on"] {
        assert_eq!(embed([] as [&str; 0]).env("INFA_QUIET", yes).stdin("a\n").run().status(0).err, "", "{yes}");
    }
    for no in ["0", "false", "no", "off", ""] {
        embed([] as [&str; 0]).env("INFA_QUIET", no).stdin("a\n").run().well();
    }
}

#[test]
fn a_wrong_value_names_flag_and_choices() {
    embed([] as [&str; 0]).env("INFA_FORMAT", "orc").run().refuses(2, &["--format", "orc", "npy"]);
    embed([] as [&str; 0]).env("INFA_MAX_LENGTH", "many").run().refuses(2, &["--max-length", "many"]);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    for name in ["INFA_MAX_LENGTH", "INFA_THREADS", "INFA_FORMAT", "INFA_OUTPUT", "INFA_REVISION", "INFA_FILES"] {
        assert_eq!(embed([] as [&str; 0]).env(name, "").stdin("a\n").run().well().rows().len(), 1, "{name}");
    }
}

#[test]
fn no_colours_and_no_bars_without_a_terminal() {
    // The harness looks for escape codes in every run; these ask for trouble.
    for (name, value) in [("NO_COLOR", "1"), ("FORCE_COLOR", "1")] {
        let ran = embed(["--truncate", "none"]).env(name, value).stdin("a ".repeat(99)).run().status(1);
        assert!(ran.err.starts_with("error: ") && !ran.err.contains('\r'), "{:?}", ran.err);
        let usage = infa(["embed", "--nonsense"]).env(name, value).run();
        usage.refuses(2, &["--nonsense"]);
    }
}

#[test]
fn a_misspelt_variable_is_named_and_the_work_goes_on() {
    let ran = embed([] as [&str; 0]).env("INFA_MODEL", "x").env("INFA_DIMENSION", "4").stdin("a\n").run().status(0);
    assert_eq!(ran.rows().len(), 1);
    for (wrong, right) in [("INFA_MODEL", "INFA_MODEL_ID"), ("INFA_DIMENSION", "INFA_DIMENSIONS")] {
        let warning =
            format!("warning: the variable {wrong} is not known and changes nothing: did you mean {right}?\n");
        assert!(ran.err.contains(&warning), "{}", ran.err);
    }
    // Variables of text-embeddings-inference are for infa serve alone.
    for name in ["MODEL_ID", "API_KEY", "PORT", "DTYPE", "LOG_LEVEL"] {
        embed([] as [&str; 0]).env(name, "no such value").stdin("a\n").run().well();
    }
    let quiet = embed([] as [&str; 0]).env("INFA_MODEL", "x").arg("-q").stdin("a\n").run().status(0);
    assert_eq!(quiet.err, "");
}

#[test]
fn wrong_usage_is_json_where_messages_are() {
    let ran = infa(["embed", "--log-format", "json", "--dimensoins", "4"]).run();
    let line: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((ran.status, &line["message"]), (2, &json!("unexpected argument '--dimensoins' found")));
    assert!(line["hint"].as_str().unwrap().contains("--dimensions"), "{line}");
}
