//! Systems that allow for few threads or few files.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::raw::{self, get};
use crate::running::{PATIENCE, Server, command, fixture};
use crate::support;

/// Sets a limit of the process that will run `command`.
fn limit(command: &mut Command, what: libc::__rlimit_resource_t, soft: u64, hard: u64) {
    let set = move || {
        let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
        // SAFETY: only reads the struct.
        if unsafe { libc::setrlimit(what, &limit) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: setrlimit may be called between fork and exec.
    unsafe { command.pre_exec(set) };
}

/// Lets `command` run as a user without other processes, so that a limit of processes counts its threads alone. Who is
/// not root cannot, and for root there is no limit.
fn as_a_user_of_its_own(command: &mut Command, user: u32) {
    let change = move || {
        // SAFETY: system calls that take numbers, allowed between fork and exec.
        let changed = unsafe { libc::setgid(user) == 0 && libc::setuid(user) == 0 };
        if changed { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: as above.
    unsafe { command.pre_exec(change) };
}

/// Copies the program and a model that needs no ONNX Runtime to where every user may read them.
fn for_all_users() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let dir = support::copy("modules/static-embedding");
    // Written by another process: what this one has open for writing, a test beside this one may hold for a moment longer,
    // and the system starts no such program.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_infa")).arg(dir.path().join("infa")).status();
    assert!(copied.unwrap().success());
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                std::fs::set_permissions(&entry, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }
    dir
}

/// The program in `dir` with these arguments, as that user with so many threads.
fn with_threads(dir: &Path, args: &[&str], user: u32, threads: u64) -> Command {
    let mut command = Command::new(dir.join("infa"));
    command.args(args).env_clear().env("HOME", dir).current_dir(dir);
    command.stdin(std::process::Stdio::null());
    limit(&mut command, libc::RLIMIT_NPROC, threads, threads);
    as_a_user_of_its_own(&mut command, user);
    command
}

fn wait(child: &mut std::process::Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An id that no user of an ordinary system has, different for each test and process.
fn user(number: u32) -> u32 {
    0x4000_0000 + std::process::id() * 4 + number
}

#[allow(clippy::print_stderr, reason = "who reads the tests should know that they did not run")]
fn is_root() -> bool {
    // SAFETY: takes nothing and cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        eprintln!("skipped: only root can run a program as a user without other processes");
    }
    root
}

#[test]
fn with_few_threads_it_serves_or_says_why_not_and_always_ends() {
    if !is_root() {
        return;
    }
    let dir = for_all_users();
    let (mut refused, mut served) = (0, 0);
    for threads in 1..=24 {
        let log = dir.path().join(format!("log-{threads}"));
        let model = dir.path().to_str().unwrap();
        let mut command = with_threads(dir.path(), &["serve", "-m", model, "--port", "0"], user(0), threads);
        command.stderr(std::fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let start = Instant::now();
        // It is ready, or it ends.
        let ready = loop {
            if std::fs::read_to_string(&log).unwrap().contains("model ready") {
                break true;
            }
            if child.try_wait().unwrap().is_some() {
                break false;
            }
            assert!(start.elapsed() < PATIENCE, "{threads}: neither: {}", std::fs::read_to_string(&log).unwrap());
            std::thread::sleep(Duration::from_millis(5));
        };
        // SAFETY: a signal to a process that this test started and has not waited for, or that has ended.
        unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
        let status = wait(&mut child);
        let said = std::fs::read_to_string(&log).unwrap();
        assert!(!said.contains("panicked"), "{threads}: {said}");
        if ready {
            served += 1;
            assert_eq!(status.code(), Some(0), "{threads}: {said}");
        } else {
            refused += 1;
            assert_eq!(status.code(), Some(3), "{threads}: {said}");
            assert!(
                said.contains("error: ") && said.contains("thread") && said.contains("hint: "),
                "{threads}: {said}"
            );
        }
    }
    assert!(refused > 0 && served > 0, "{refused} refused, {served} served: the limits are not what they were");
}

#[test]
fn with_few_threads_embed_works_or_says_why_not() {
    if !is_root() {
        return;
    }
    let dir = for_all_users();
    std::fs::write(dir.path().join("texts"), "a sea\nan old town\n").unwrap();
    let mut well = 0;
    for threads in 1..=8 {
        let model = dir.path().to_str().unwrap();
        let command = with_threads(dir.path(), &["embed", "-m", model, "texts"], user(1), threads).output().unwrap();
        let said = String::from_utf8(command.stderr).unwrap();
        assert!(!said.contains("panicked"), "{threads}: {said}");
        match command.status.code() {
            Some(0) => well += 1,
            status => assert!(status == Some(3) && said.contains("thread"), "{threads}: {status:?} {said}"),
        }
    }
    assert!(well > 0);
}

/// The soft limit of open files that a process has.
fn open_files(process: u32) -> u64 {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap()
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_it_may() {
    let mut command = command(&["-m", &fixture("bert-tiny")]);
    limit(&mut command, libc::RLIMIT_NOFILE, 100, 777);
    let server = Server::spawn(command);
    assert_eq!(open_files(server.id()), 777);
}

#[test]
fn idle_connections_make_room_where_files_are_short() {
    let mut command = command(&["-m", &fixture("bert-tiny")]);
    limit(&mut command, libc::RLIMIT_NOFILE, 64, 64);
    let server = Server::spawn(command);
    server.wait_until_ready();
    let address = server.url.trim_start_matches("http://").to_owned();
    let start = Instant::now();
    // Far more than there are files for; all stay open on this side.
    let mut kept = Vec::new();
    for number in 0..100 {
        let mut client = raw::connect(&address);
        assert_eq!(client.send(get("/livez")).reply().status, 200, "connection {number}");
        kept.push(client);
    }
    // Otherwise the first would be closed after 75 s.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
