//! stderr on a terminal: colours and bars for people, and none of them for those who want none.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};

use crate::run::{Infa, embed, infa};
use crate::support::fixture;

/// Runs it with stderr on a terminal, and returns stdout and what the terminal saw.
fn on_a_terminal(infa: Infa, input: &'static [u8]) -> (String, String) {
    on(infa, input, false)
}

/// The same, with stdout on the terminal, too, if `both`.
fn on(infa: Infa, input: &'static [u8], both: bool) -> (String, String) {
    let mut ends = [0; 2];
    // SAFETY: fills two descriptors and takes no other pointers but null.
    let made = unsafe {
        let [ours, theirs] = &mut ends;
        libc::openpty(ours, theirs, std::ptr::null_mut(), std::ptr::null(), std::ptr::null())
    };
    assert_eq!(made, 0);
    // SAFETY: the two descriptors were just made and belong to nobody else.
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    let mut command: Command = infa.command;
    let stdout = if both { theirs.try_clone().unwrap().into() } else { Stdio::piped() };
    command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(stdout).stderr(theirs);
    let mut child = command.spawn().unwrap();
    // The last copies of the terminal's other end must go, or reading would never end.
    drop(command);
    let mut stdin = child.stdin.take().unwrap();
    std::thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, input)));
    let screen = std::thread::spawn(move || {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        // On Linux reading a terminal whose other end is closed is an error.
        while let Ok(n @ 1..) = File::from(ours.try_clone().unwrap()).read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..n]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let mut out = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut out).unwrap();
    }
    child.wait().unwrap();
    (out, screen.join().unwrap())
}

const INPUT: &[u8] = b"a sea\n\xff\n";

#[test]
fn colours_for_people() {
    let (out, screen) = on_a_terminal(embed([] as [&str; 0]), INPUT);
    assert_eq!(out.lines().count(), 2);
    assert!(!out.contains('\x1b'), "colours in the data");
    assert!(screen.contains("\x1b[1;31merror:\x1b[0m stdin:2: "), "{screen:?}");
    assert!(screen.trim_end().lines().last().unwrap().contains("Embedded 1 of 2 inputs"), "{screen:?}");
}

#[test]
fn no_colours_for_those_who_want_none() {
    for (name, value) in [("NO_COLOR", "1"), ("NO_COLOR", "please")] {
        let (_, screen) = on_a_terminal(embed([] as [&str; 0]).env(name, value), INPUT);
        assert!(screen.contains("error: stdin:2: ") && !screen.contains("\x1b[1;31m"), "{screen:?}");
        let (_, screen) = on_a_terminal(infa(["embed", "--nonsense"]).env(name, value), INPUT);
        assert!(screen.contains("--nonsense") && !screen.contains("\x1b["), "{screen:?}");
    }
}

#[test]
fn quiet_shows_no_bar_either() {
    let (out, screen) = on_a_terminal(embed(["-q"]), b"a sea\n");
    assert_eq!((out.lines().count(), screen.as_str()), (1, ""));
}

#[test]
fn a_ranking_is_a_table_for_people() {
    let rerank = || infa(["rerank", "-q", "--query", "fish", "-m"]).arg(fixture("architectures/bert-rerank"));
    let input = b"the bridge\na fish\x1b[2J\n";
    let (_, screen) = on(rerank(), input, true);
    let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["rank", "score", "index", "document"], "{screen:?}");
    assert_eq!(lines.len(), 3);
    assert!(screen.contains("a fish\\u{1b}[2J") && !screen.contains("\x1b[2J"), "{screen:?}");
    // Into a pipe or a file it is data.
    let (out, _) = on(rerank(), input, false);
    assert!(out.starts_with("{\"index\":"), "{out}");
    let (_, screen) = on(rerank().args(["--format", "jsonl"]), input, true);
    assert!(screen.starts_with("{\"index\":"), "{screen:?}");
}

#[test]
fn vectors_are_shortened_for_people() {
    let (_, screen) = on(embed(["--text", "a sea", "--text", "a bridge"]), b"", true);
    let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    assert!(lines[0].starts_with("0: [") && lines[0].contains(", … 48 numbers]  4 tokens"), "{screen:?}");
    assert!(lines[1].starts_with("1: [") && lines[2].starts_with("Embedded 2 inputs"), "{screen:?}");
    assert!(lines[3].contains("-o FILE"), "{screen:?}");
    // No bar between the rows, and no control codes either.
    assert!(!screen.contains('\x1b') && lines.len() == 4, "{screen:?}");
    for whole in [&["--format", "jsonl"][..], &["-o", "-"]] {
        let (_, screen) = on(embed(["--text", "a sea"]).args(whole), b"", true);
        assert!(screen.starts_with("{\"index\":0,\"embedding\":["), "{screen:?}");
    }
    let (out, _) = on(embed(["--text", "a sea"]), b"", false);
    assert!(out.starts_with("{\"index\":0,\"embedding\":["), "{out}");
}

#[test]
fn binary_data_does_not_go_to_a_terminal() {
    let (_, screen) = on(embed(["--text", "a sea", "--format", "npy"]), b"", true);
    assert!(
        screen.contains("terminal") && screen.contains("-o vectors.npy") && !screen.contains("NUMPY"),
        "{screen:?}"
    );
    let (_, screen) = on(embed(["--text", "a sea", "--format", "npy", "-o", "-"]), b"", true);
    assert!(screen.contains("NUMPY"), "{screen:?}");
    let (out, _) = on(embed(["--text", "a", "--format", "jsonl"]), b"", false);
    assert!(out.starts_with('{'));
}

#[test]
fn a_bar_shows_the_rest_and_fits_a_narrow_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("texts.txt");
    std::fs::write(&path, "the sea and the harbour\n".repeat(20_000)).unwrap();
    let (_, screen) = on_a_terminal(embed(["-o", "/dev/null"]).arg(&path), b"");
    let bars: Vec<&str> = screen.split(['\r', '\n']).filter(|line| line.contains("inputs,")).collect();
    assert!(bars.iter().any(|bar| bar.contains(" left")), "{bars:?}");
    for bar in bars {
        assert!(console::measure_text_width(bar) <= 50, "{bar:?}");
    }
}
