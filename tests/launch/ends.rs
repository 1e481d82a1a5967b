//! How servers end, and that nothing of them is left.

use std::time::Duration;

use crate::fake::{get, launch, number, runs, runtime, start, wait_until};

#[test]
fn one_that_is_stopped_is_gone() {
    let server = start(&launch("well", "")).unwrap();
    let pid = server.pid();
    assert!(runs(pid));
    assert!(runtime().block_on(server.stop()));
    assert!(!runs(pid));
}

#[test]
fn one_that_does_not_want_to_go() {
    let mut launch = launch("stays", "");
    launch.stop_timeout = Duration::from_millis(50);
    let server = start(&launch).unwrap();
    let pid = server.pid();
    assert!(!runtime().block_on(server.stop()));
    assert!(!runs(pid));
    // Dropped, it is killed, too.
    let server = start(&launch).unwrap();
    let pid = server.pid();
    drop(server);
    assert!(!runs(pid));
}

#[test]
fn whatever_it_started_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("child");
    let launch = launch("forks", &format!("FAKE_CHILD_FILE='{}'", file.display()));
    for way in ["stop", "drop", "death"] {
        let _ = std::fs::remove_file(&file);
        let server = start(&launch).unwrap();
        let (pid, child) = (server.pid(), number(&file));
        assert!(runs(pid) && runs(child));
        match way {
            "stop" => drop(runtime().block_on(server.stop())),
            "drop" => drop(server),
            _ => {
                get(&server, "/die");
                runtime().block_on(server.dies());
            }
        }
        assert!(!runs(pid), "{way}");
        wait_until("its child is gone", || !runs(child));
    }
}

#[test]
fn one_that_dies_says_how() {
    let server = start(&launch("dies", "")).unwrap();
    let runtime = runtime();
    assert!(server.died().is_none());
    get(&server, "/die");
    let reported = runtime.block_on(server.dies());
    assert!(reported.contains("exit status: 9") && reported.contains("| out of luck"), "{reported}");
    assert!(!server.alive() && server.died().unwrap().contains("exit status: 9"));
    // Nothing is left to be stopped.
    assert!(runtime.block_on(server.stop()));
}

#[test]
fn it_outlives_the_runtime_and_the_thread_that_started_it() {
    let launch = launch("well", "");
    let server = std::thread::spawn(move || start(&launch).unwrap()).join().unwrap();
    for _ in 0..20 {
        assert_eq!(get(&server, "/health"), "HTTP/1.1 200 X");
    }
    assert!(server.alive());
}

#[test]
#[cfg(target_os = "linux")]
fn it_does_not_outlive_its_parent() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("child");
    let mut parent = std::process::Command::new(std::env::current_exe().unwrap());
    parent.args(["fake::behaves", "--exact"]).env("FAKE", "starts_another").env("FAKE_CHILD_FILE", &file);
    parent.stdout(std::process::Stdio::null());
    let mut parent = parent.spawn().unwrap();
    let child = number(&file);
    assert!(runs(child));
    // SIGKILL: it cannot do anything about its server any more.
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the server is gone", || !runs(child));
}
