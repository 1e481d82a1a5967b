//! Outputs that cannot be opened, fill up, or are closed by their reader.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::run::{embed, infa};

#[test]
fn a_directory_or_a_missing_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    embed(["-o", path]).stdin("a\n").run().refuses(2, &[path, "directory"]);
    let deep = dir.path().join("no/such/out.jsonl");
    embed(["-o"]).arg(&deep).stdin("a\n").run().refuses(2, &["no/such", "hint: "]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_that_may_not_be_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(dir.path().join("probe"), "").is_ok() {
        // Whoever runs this may write everywhere (root): a place that even root may not write to.
        embed(["-o", "/proc/infa-out.jsonl"]).stdin("a\n").run().refuses(2, &["/proc/infa-out.jsonl"]);
        return;
    }
    let path = dir.path().join("out.jsonl");
    embed(["-o"]).arg(&path).stdin("a\n").run().refuses(2, &[path.to_str().unwrap(), "ermission"]);
}

#[test]
fn a_full_disk() {
    let text = "a\n".repeat(2000);
    for format in ["jsonl", "json", "csv", "npy"] {
        let ran = embed(["-o", "/dev/full", "--format", format]).stdin(text.clone()).run().status(1);
        ran.says(&["/dev/full", "space"]);
        let ran = embed(["--format", format]).stdin(text.clone()).run_in_shell("\"$@\" > /dev/full").status(1);
        ran.says(&["stdout", "space"]);
    }
    infa(["completions", "bash"]).run_in_shell("\"$@\" > /dev/full").status(1).says(&["stdout", "space"]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let text = "a sea of words\n".repeat(5000);
    for format in ["jsonl", "json", "csv", "npy"] {
        let script = "{ \"$@\"; echo \"status $?\" >&2; } | head -c 20";
        let ran = embed(["--format", format]).stdin(text.clone()).run_in_shell(script).status(0);
        assert_eq!((ran.out.len(), ran.err.as_str()), (20, "status 0\n"), "{format}");
    }
    let ran = infa(["--help"]).run_in_shell("{ \"$@\"; echo \"status $?\" >&2; } | true");
    assert!(ran.err == "status 0\n", "{}", ran.err);
}

#[test]
fn a_closed_stdout() {
    let ran = embed([] as [&str; 0]).stdin("a\n").run_in_shell("\"$@\" >&-");
    // Rust opens /dev/null in place of a closed standard descriptor.
    assert!(ran.status == 0 || ran.status == 1, "{}", ran.err);
}

#[test]
fn a_closed_stderr_changes_nothing() {
    let ran = embed([] as [&str; 0]).stdin(b"a\n\xff\n").run_in_shell("\"$@\" 2>&-").status(1);
    assert_eq!(ran.rows().len(), 2);
    let ran = embed([] as [&str; 0]).stdin(b"a\n\xff\n").run_in_shell("{ \"$@\" 2>&1 >&3 | true; } 3>&1");
    assert_eq!(ran.rows().len(), 2);
}

#[test]
fn after_a_failure_the_old_file_is_there_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.jsonl");
    fs::write(&path, "old").unwrap();
    embed(["-o"]).arg(&path).run_in_shell("\"$@\" < /").status(1).says(&["stdin:1: reading failed"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn failed_rows_still_make_a_complete_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.jsonl");
    embed(["-o"]).arg(&path).stdin(b"a\n\xff\nb\n").run().status(1);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
}

#[test]
fn the_output_may_be_the_input() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("texts.txt");
    fs::write(&path, "a\nb\n").unwrap();
    embed(["--format", "jsonl", "-o"]).arg(&path).arg(&path).run().well();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
}
