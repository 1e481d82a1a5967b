//! What is ready, what never is, and what is said about it.

use std::time::Duration;

use infa::parts::engine::launch::{Command, Launch, LaunchError, Server};
use infa::parts::fetch::Cancel;

use crate::fake::{get, launch, number, runs, runtime, start, wait_until};
use crate::support;

fn fails(launch: &Launch) -> (LaunchError, String, String) {
    let error = start(launch).map(|server| server.url().to_string()).unwrap_err();
    let (text, hint) = (error.to_string(), error.hint().unwrap_or_default());
    (error, text, hint)
}

#[test]
fn a_server_that_is_ready() {
    for behaviour in ["well", "loads"] {
        let server = start(&launch(behaviour, "")).unwrap();
        assert!(server.alive() && server.died().is_none());
        assert_eq!(get(&server, "/health"), "HTTP/1.1 200 X");
        let (spec, url) = (server.spec(), server.url().as_str());
        assert_eq!(spec.url.as_ref(), Some(server.url()));
        assert_eq!(format!("{spec}/"), format!("tei={url}"));
        assert!(url.starts_with("http://127.0.0.1:") && server.command().contains("FAKE_PORT="), "{url}");
    }
}

#[test]
fn what_the_server_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let reported = dir.path().join("reported");
    let mut launch = launch("tells", &format!("FAKE_TOLD_FILE='{}' DO_NOT_TRACK=0", reported.display()));
    let words = "{model} --name {name} --threads={threads} --device {device} {host} {flags}";
    launch.command = Command::parse(&format!(
        "FAKE=tells FAKE_PORT={{port}} FAKE_TOLD_FILE='{}' DO_NOT_TRACK=0 '{}' fake::behaves --exact --nocapture -- {words}",
        reported.display(),
        std::env::current_exe().unwrap().display()
    ))
    .unwrap();
    launch.environment = [("TOLD", "yes"), ("DO_NOT_TRACK", "2")].map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
    launch.spec = "tei:float16".parse().unwrap();
    launch.threads = 3.try_into().unwrap();
    let server = start(&launch).unwrap();
    let model = std::fs::canonicalize(support::fixture("bert-tiny")).unwrap();
    let reported = std::fs::read_to_string(reported).unwrap();
    let expected = format!(
        "--\n{}\n--name\nbert-tiny\n--threads=3\n--device\nauto\n127.0.0.1\n--dtype\nfloat16\n\
         HF_HUB_OFFLINE=1\nDO_NOT_TRACK=0\nPYTHONUNBUFFERED=1\nTOLD=yes",
        model.display()
    );
    assert!(reported.ends_with(&expected), "{reported}\n{expected}");
    // Clients refuse options of a server with a URL.
    assert!(server.spec().options.is_empty());
}

#[test]
fn one_that_ends_at_once() {
    let (error, text, hint) = fails(&launch("crashes", ""));
    let LaunchError::Ended { status, lines, .. } = &error else { panic!("{error:?}") };
    assert_eq!(status, "exit status: 7");
    assert_eq!(lines.0.len(), 50);
    assert!(lines.0.iter().any(|line| line == "RuntimeError: no such model"), "{text}");
    assert!(text.contains("before it was ready (exit status: 7)") && text.contains("\n  | line 59"), "{text}");
    assert!(hint.contains("last lines"), "{hint}");
    // Not even an end without a fault is a start.
    let (_, text, hint) = fails(&launch("leaves", ""));
    assert!(text.contains("exit status: 0") && hint.contains("must run the server itself"), "{text} {hint}");
}

#[test]
fn one_that_is_never_ready() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let mut launch = launch("hangs", &format!("FAKE_PID_FILE='{}'", file.display()));
    launch.startup_timeout = Duration::from_millis(300);
    let (error, text, hint) = fails(&launch);
    assert!(matches!(error, LaunchError::NeverReady { .. }), "{error:?}");
    assert!(text.contains("not ready within 300ms (nothing answers at http://127.0.0.1:"), "{text}");
    assert!(hint.contains("start-up timeout"), "{hint}");
    // On a busy machine it did not even come to write its number.
    assert!(!file.exists() || !runs(number(&file)));
}

#[test]
fn a_port_that_is_taken_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let count = dir.path().join("count");
    let taken = |failures: usize| {
        let _ = std::fs::remove_file(&count);
        launch("finds_port_taken", &format!("FAKE_COUNT_FILE='{}' FAKE_FAILURES={failures}", count.display()))
    };
    let starts = || std::fs::read_to_string(&count).unwrap().len();
    assert!(start(&taken(2)).unwrap().alive());
    assert_eq!(starts(), 3);
    let (_, text, hint) = fails(&taken(100));
    assert!(text.contains("address already in use") && hint.contains("something else has the port"), "{text} {hint}");
    assert_eq!(starts(), 3);
}

#[test]
fn one_that_says_a_lot_is_not_held_up() {
    // A pipe holds 64 KiB; each of its streams gets a megabyte before the server listens, and again for each request.
    let server = start(&launch("chats", "")).unwrap();
    for _ in 0..2 {
        assert_eq!(get(&server, "/more"), "HTTP/1.1 200 X");
    }
    assert!(runtime().block_on(server.stop()));
}

#[test]
fn what_cannot_be_started() {
    let with = |change: &dyn Fn(&mut Launch)| {
        let mut launch = launch("well", "");
        change(&mut launch);
        fails(&launch)
    };
    let (error, text, hint) = with(&|launch| launch.command = Command::parse("/nonexistent/x {port}").unwrap());
    assert!(matches!(error, LaunchError::Spawn { .. }) && text.contains("/nonexistent/x"), "{text}");
    assert!(hint.contains("is it installed"), "{hint}");
    let (_, text, _) = with(&|launch| launch.model_dir = "/nonexistent/model".into());
    assert!(text.starts_with("/nonexistent/model: "), "{text}");
    let (_, text, _) = with(&|launch| launch.model_dir = std::env::current_exe().unwrap());
    assert!(text.ends_with("is not a directory"), "{text}");
    let (_, text, _) = with(&|launch| launch.spec = "tei:float16".parse().unwrap());
    assert!(text.contains("float16 have no place in the command: write {flags}"), "{text}");
    let (_, text, _) = with(&|launch| launch.spec = "tei=http://127.0.0.1:1".parse().unwrap());
    assert!(text.contains("has a URL"), "{text}");
    let (_, text, _) = with(&|launch| launch.spec = "torch".parse().unwrap());
    assert!(text.contains("torch is not a server"), "{text}");
}

#[test]
fn a_start_that_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let launch = launch("hangs", &format!("FAKE_PID_FILE='{}'", file.display()));
    let cancel = Cancel::new();
    let starting = {
        let (launch, cancel) = (launch.clone(), cancel.clone());
        std::thread::spawn(move || runtime().block_on(Server::start(&launch, &cancel)).map(|_| ()))
    };
    let pid = number(&file);
    assert!(runs(pid));
    cancel.cancel();
    assert!(matches!(starting.join().unwrap(), Err(LaunchError::Cancelled)));
    assert!(!runs(pid));

    // Somebody who waits no longer leaves nothing behind either.
    std::fs::remove_file(&file).unwrap();
    let runtime = runtime();
    let task = runtime.spawn(async move { Server::start(&launch, &Cancel::new()).await.map(|_| ()) });
    let pid = number(&file);
    task.abort();
    wait_until("the process is gone", || !runs(pid));
}
