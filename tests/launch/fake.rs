//! A server that behaves well or badly: this very test program, which runs one of its tests and nothing else.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it writes is what is tested")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use infa::parts::engine::launch::{Command, Launch, LaunchError, Server};
use infa::parts::fetch::Cancel;
use tokio::runtime::Runtime;

use crate::support;

/// Nothing takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A server of TEI's kind that behaves like this; `more` are words before and behind the program.
pub(crate) fn launch(behaviour: &str, variables: &str) -> Launch {
    let program = std::env::current_exe().unwrap();
    let command = format!(
        "FAKE={behaviour} FAKE_PORT={{port}} {variables} '{}' fake::behaves --exact --nocapture --test-threads 1",
        program.display()
    );
    let spec = "tei".parse().unwrap();
    let mut launch = Launch::new(spec, Command::parse(&command).unwrap(), &support::fixture("bert-tiny"));
    launch.startup_timeout = PATIENCE;
    launch
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

pub(crate) fn start(launch: &Launch) -> Result<Server, LaunchError> {
    runtime().block_on(Server::start(launch, &Cancel::new()))
}

/// Asks a server, and waits for its answer: the status line.
pub(crate) fn get(server: &Server, path: &str) -> String {
    let address = (server.url().host_str().unwrap(), server.url().port().unwrap());
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut line = String::new();
    let _ = BufReader::new(stream).read_line(&mut line);
    line.trim_end().to_owned()
}

/// Whether there is a process of this number that still runs.
pub(crate) fn runs(pid: u32) -> bool {
    if let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // What nobody has waited for yet has ended all the same.
        return !stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z');
    }
    // SAFETY: signal 0 asks whether the process is there and sends nothing.
    !Path::new("/proc/self").exists() && unsafe { libc::kill(pid as i32, 0) } == 0
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// The number that a process writes into this file.
pub(crate) fn number(file: &Path) -> u32 {
    let read = || std::fs::read_to_string(file).ok()?.strip_suffix('\n')?.parse().ok();
    wait_until("a number in a file", || read().is_some());
    read().unwrap()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// No test, but the server: it passes at once unless it was started as one.
#[test]
fn behaves() {
    let Some(behaviour) = variable("FAKE") else { return };
    if let Some(file) = variable("FAKE_PID_FILE") {
        std::fs::write(file, format!("{}\n", std::process::id())).unwrap();
    }
    match behaviour.as_str() {
        "well" => serve(|_| 200),
        "loads" => {
            let mut asked = 0;
            serve(move |_| {
                asked += 1;
                if asked < 4 { 503 } else { 200 }
            })
        }
        "crashes" => {
            for line in 0..60 {
                println!("line {line}");
            }
            eprintln!("\x1b[31mRuntimeError\x1b[0m: no such model");
            std::process::exit(7)
        }
        "leaves" => std::process::exit(0),
        "hangs" => {
            eprintln!("still loading");
            sleep()
        }
        "never_ready" => serve(|_| 503),
        "finds_port_taken" => {
            // Until it was started often enough.
            let file = variable("FAKE_COUNT_FILE").unwrap();
            let starts = std::fs::read_to_string(&file).map_or(0, |text| text.len()) + 1;
            std::fs::write(&file, "x".repeat(starts)).unwrap();
            if starts <= variable("FAKE_FAILURES").unwrap().parse().unwrap() {
                eprintln!("[Errno 98] error while attempting to bind on address: address already in use");
                std::process::exit(1)
            }
            serve(|_| 200)
        }
        "chats" => {
            let line = "x".repeat(99);
            let chat = move || {
                for _ in 0..10_000 {
                    println!("{line}");
                    eprintln!("{line}");
                }
            };
            chat();
            serve(move |path| {
                if path != "/health" {
                    chat();
                }
                200
            })
        }
        "dies" => serve(|path| {
            if path == "/die" {
                eprintln!("\nout of luck");
                std::process::exit(9)
            }
            200
        }),
        "stays" => {
            // SAFETY: the signal is ignored from now on; no handler runs.
            unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
            serve(|_| 200)
        }
        "forks" => {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            child.args(["fake::behaves", "--exact", "--nocapture"]);
            let child = child.env("FAKE", "hangs").env("FAKE_PID_FILE", variable("FAKE_CHILD_FILE").unwrap());
            std::mem::forget(child.spawn().unwrap());
            serve(|path| {
                if path == "/die" {
                    std::process::exit(9)
                }
                200
            })
        }
        "tells" => {
            let words: Vec<String> = std::env::args().collect();
            let names = ["HF_HUB_OFFLINE", "DO_NOT_TRACK", "PYTHONUNBUFFERED", "TOLD"];
            let reported = names.map(|name| format!("{name}={}", variable(name).unwrap_or_default()));
            std::fs::write(variable("FAKE_TOLD_FILE").unwrap(), [words, reported.to_vec()].concat().join("\n"))
                .unwrap();
            serve(|_| 200)
        }
        "starts_another" => {
            // As infa does.
            let server = start(&launch("well", &format!("FAKE_PID_FILE={}", variable("FAKE_CHILD_FILE").unwrap())));
            std::mem::forget(server);
            sleep()
        }
        other => panic!("{other}"),
    }
}

fn sleep() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Answers each request with the status that `answer` has for its path.
fn serve(mut answer: impl FnMut(&str) -> u16) -> ! {
    let port: u16 = variable("FAKE_PORT").unwrap().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    loop {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        // Clients come and go.
        let _ = reader.read_line(&mut line);
        loop {
            let mut header = String::new();
            if !matches!(reader.read_line(&mut header), Ok(read) if read > 2) {
                break;
            }
        }
        let status = answer(line.split(' ').nth(1).unwrap_or_default());
        let _ = write!(reader.get_mut(), "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
}
