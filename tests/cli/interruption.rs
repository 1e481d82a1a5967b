//! Ctrl-C and trickling input: what is done is on stdout, what is half done leaves nothing behind.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ChildStdin;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::hub::{from_hub, repository};
use crate::hub_server::{Fault, HubServer};
use crate::run::{Infa, Ran, Running, embed, infa};

/// "At once" for a machine under load; what hangs takes for ever.
const SOON: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

fn start(infa: Infa) -> (Running, ChildStdin) {
    let mut running = infa.spawn();
    let stdin = running.0.stdin.take().unwrap();
    (running, stdin)
}

/// Lines without an end, until nobody reads them.
fn feed(mut stdin: ChildStdin) {
    std::thread::spawn(move || while stdin.write_all(b"the sea and the harbour\na\n").is_ok() {});
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Sends a signal; the end must come soon, with status 130 and a word about it.
#[track_caller]
fn interrupt(running: Running, signal: i32) -> Ran {
    running.signal(signal);
    let began = Instant::now();
    let ran = running.end().status(130);
    assert!(began.elapsed() < SOON, "took {:?}", began.elapsed());
    ran
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_trickle_gets_its_answers_at_once() {
    let (mut running, mut stdin) = start(embed([] as [&str; 0]));
    let mut out = BufReader::new(running.0.stdout.take().unwrap());
    for index in 0..3 {
        stdin.write_all(b"a sea\n").unwrap();
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let row: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(row["index"], index);
    }
    drop(stdin);
    running.end().status(0).says(&["Embedded 3 inputs"]);
}

#[test]
fn while_waiting_for_stdin() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let (mut running, mut stdin) = start(embed([] as [&str; 0]));
        stdin.write_all(b"a sea\nhalf a li").unwrap();
        let mut out = BufReader::new(running.0.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let ran = interrupt(running, signal).says(&["Stopped after 1 input (", "error: interrupted"]);
        assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
        let mut rest = Vec::new();
        out.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty() && line.ends_with("}\n"));
    }
}

#[test]
fn in_the_middle_of_a_big_job() {
    let (mut running, stdin) = start(embed([] as [&str; 0]));
    feed(stdin);
    let mut out = BufReader::new(running.0.stdout.take().unwrap());
    let mut rows = String::new();
    out.read_line(&mut rows).unwrap();
    let reader = std::thread::spawn(move || {
        out.read_to_string(&mut rows).unwrap();
        rows
    });
    let ran = interrupt(running, libc::SIGINT);
    let rows = reader.join().unwrap();
    assert!(rows.ends_with("}\n"), "the last line is torn");
    for (index, line) in rows.lines().enumerate() {
        assert_eq!(serde_json::from_str::<Json>(line).unwrap()["index"], index);
    }
    ran.says(&[&format!("Stopped after {} inputs", rows.lines().count()), "interrupted"]);
}

#[test]
fn when_the_output_is_not_read() {
    let (mut running, stdin) = start(embed([] as [&str; 0]));
    feed(stdin);
    let mut out = running.0.stdout.take().unwrap();
    out.read_exact(&mut [0; 1000]).unwrap();
    interrupt(running, libc::SIGINT);
}

#[test]
fn an_output_file_is_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    fs::write(&path, "old").unwrap();
    for format in ["jsonl", "json", "csv", "npy"] {
        let (running, stdin) = start(embed(["--format", format, "-o"]).arg(&path));
        feed(stdin);
        wait_until("rows in the part", || {
            let parts = files(dir.path()).into_iter().filter(|name| name != "out");
            parts.map(|name| fs::metadata(dir.path().join(name)).map_or(0, |m| m.len())).any(|size| size > 1000)
        });
        interrupt(running, if format == "csv" { libc::SIGHUP } else { libc::SIGINT });
        assert_eq!(files(dir.path()), ["out"], "{format}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
}

#[test]
fn parts_of_killed_commands_are_removed_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.jsonl");
    let (running, stdin) = start(embed(["-o"]).arg(&path));
    feed(stdin);
    wait_until("the part", || files(dir.path()).iter().any(|name| name.ends_with(".infa-part")));
    running.signal(libc::SIGKILL);
    running.end();
    assert!(files(dir.path())[0].ends_with(".infa-part"));
    embed(["-o"]).arg(&path).stdin("a\n").run().well();
    assert_eq!(files(dir.path()), ["out.jsonl"]);
}

#[test]
fn under_nohup_a_closed_terminal_ends_nothing() {
    // The shell ignores the signal, as nohup does, and so does what it starts.
    let script = "trap '' HUP; \"$@\" & child=$!; sleep 0.3; kill -HUP $child; wait $child";
    let ran = embed(["--text", "a sea"]).run_in_shell(script).status(0);
    assert_eq!(ran.rows().len(), 1);
}

#[test]
fn in_a_download_that_stalls_and_goes_on_next_time() {
    let (server, home) = (HubServer::start(repository("bert-tiny")), tempfile::tempdir().unwrap());
    server.fault("/cdn/model.safetensors", 1, Fault::StallAfter(20_000));
    let (running, _stdin) = start(from_hub(Some(&server), &home));
    let arrived = || find(home.path(), &|name, size| name.contains("incomplete") && size > 0);
    wait_until("the first bytes", || !server.asked("/cdn/model.safetensors").is_empty() && arrived());
    let ran = interrupt(running, libc::SIGINT);
    assert!(ran.out.is_empty());
    from_hub(Some(&server), &home).run().status(0);
    let asked = server.asked("/cdn/model.safetensors");
    assert!(asked.last().unwrap().header("range").is_some(), "begun anew: {asked:?}");
}

/// Whether there is a file like this below a directory.
fn find(dir: &Path, like: &dyn Fn(&str, u64) -> bool) -> bool {
    fs::read_dir(dir).into_iter().flatten().flatten().any(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => find(&entry.path(), like),
        Ok(metadata) => like(&entry.path().to_string_lossy(), metadata.len()),
        Err(_) => false,
    })
}

#[test]
fn while_the_hub_says_nothing() {
    let (server, home) = (HubServer::start(repository("bert-tiny")), tempfile::tempdir().unwrap());
    server.fault("/api/models", 1, Fault::Stall);
    let (running, _stdin) = start(from_hub(Some(&server), &home));
    wait_until("the question", || !server.asked("/api/models").is_empty());
    interrupt(running, libc::SIGINT);
}

/// A directory with a `python3` that knows no packages and whose pip runs this.
fn python(pip: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("python3");
    fs::write(&path, format!("#!/bin/sh\n[ \"$1\" = -c ] && exit 1\n{pip}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

#[test]
fn while_pip_works_and_then_pip_ends_too() {
    let cache = tempfile::tempdir().unwrap();
    let note = cache.path().join("pid");
    let bin = python(&format!("echo $$ > {0}.new; /bin/mv {0}.new {0}; exec /bin/sleep 600", note.display()));
    let command = infa(["embed", "--cache-dir"]).arg(cache.path()).without("ORT_DYLIB_PATH").env("PATH", bin.path());
    let (running, _stdin) = start(command);
    wait_until("pip", || note.is_file());
    interrupt(running, libc::SIGINT);
    assert_eq!(files(&cache.path().join("onnxruntime")), ["install.lock"]);
    let pid: i32 = fs::read_to_string(&note).unwrap().trim().parse().unwrap();
    // SAFETY: signal 0 only asks whether the process is there.
    wait_until("the end of pip", || unsafe { libc::kill(pid, 0) } != 0);
}

#[test]
fn while_another_infa_installs() {
    let cache = tempfile::tempdir().unwrap();
    let lock = cache.path().join("onnxruntime/install.lock");
    fs::create_dir(lock.parent().unwrap()).unwrap();
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    let bin = python("exit 1");
    let command = infa(["embed", "--cache-dir"]).arg(cache.path()).without("ORT_DYLIB_PATH").env("PATH", bin.path());
    let (mut running, _stdin) = start(command);
    let mut err = BufReader::new(running.0.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert!(line.contains("Waiting for another infa") && line.contains(lock.to_str().unwrap()), "{line}");
    interrupt(running, libc::SIGINT);
    err.read_to_string(&mut line).unwrap();
    assert!(line.ends_with("error: interrupted\n"), "{line}");
}
