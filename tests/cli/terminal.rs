//! stderr on a terminal: colours and bars for people, and none of them for those who want none.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};

use crate::run::{Infa, embed, infa};

/// Runs it with stderr on a terminal, and returns stdout and what the terminal saw.
fn on_a_terminal(infa: Infa, input: &'static [u8]) -> (String, String) {
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
    command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(theirs);
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
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
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
    assert!(screen.trim_end().lines().last().unwrap().contains("Embedded 2 inputs"), "{screen:?}");
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
