//! Start and shutdown: requests while models load, signals at any time, a port in use.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::hub_server::{Fault, HubServer, Repo};
use crate::running::{PATIENCE, Server, command, fixture, run};
use crate::support;

/// A Hub that never sends a model's weights.
struct Stalled {
    server: HubServer,
    home: tempfile::TempDir,
}

impl Stalled {
    fn new(path: &str) -> Self {
        let dir = support::fixture("bert-tiny");
        let mut repo = Repo::new("org/tiny");
        for name in ["config.json", "modules.json", "tokenizer.json", "1_Pooling/config.json"] {
            repo = repo.file(name, std::fs::read(dir.join(name)).unwrap());
        }
        let server = HubServer::start(repo.lfs("model.safetensors", vec![0; 100_000]));
        server.fault(path, usize::MAX, Fault::Stall);
        Self { server, home: tempfile::tempdir().unwrap() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(&[&["-m", "org/tiny"], args].concat());
        command.env("HF_ENDPOINT", self.server.url()).env("HF_HOME", self.home.path());
        command
    }

    fn wait_until_asked(&self, path: &str) {
        let began = Instant::now();
        while self.server.asked(path).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(60), "{path} is never asked for");
            std::thread::sleep(Duration::from_millis(3));
        }
    }
}

#[test]
fn alive_but_not_ready_while_a_model_loads() {
    let hub = Stalled::new("/cdn/model.safetensors");
    let mut server = Server::spawn(hub.command(&[]));
    hub.wait_until_asked("/cdn/model.safetensors");
    assert_eq!(server.get("/livez").status(), 200);
    let ready = server.get("/readyz");
    assert_eq!(ready.status(), 503);
    assert!(ready.text().unwrap().contains("\"unavailable\""));
    let (status, reply) = server.ask("/v1/embeddings", &json!({"input": ["a"]}));
    assert!(status == 503 && reply["error"]["message"].as_str().unwrap().contains("is loading"), "{reply}");
    server.terminate();
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
}

#[test]
fn a_signal_in_the_middle_of_loading_is_an_ordinary_end() {
    for (stalls, signal) in [("/api/models", libc::SIGTERM), ("/cdn/model.safetensors", libc::SIGINT)] {
        let hub = Stalled::new(stalls);
        let mut server = Server::spawn(hub.command(&[]));
        hub.wait_until_asked(stalls);
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
        assert!(!server.stderr().contains("error"), "{}", server.stderr());
    }
}

#[test]
fn a_library_that_never_loads_does_not_keep_the_server_alive() {
    // The loader blocks where no flag reaches it: it waits for Python, which is queried for ONNX Runtime and waits for
    // the other end of a pipe.
    let dir = tempfile::tempdir().unwrap();
    let (pipe, asked) = (dir.path().join("pipe"), dir.path().join("asked"));
    let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
    // SAFETY: the name ends with NUL and lives until the call returns.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let python = dir.path().join("python3");
    let script = format!("#!/bin/sh\n: > {}\nread line < {}\n", asked.display(), pipe.display());
    std::fs::write(&python, script).unwrap();
    std::fs::set_permissions(&python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = command(&["-m", &fixture("bert-tiny")]);
    command.env_remove("ORT_DYLIB_PATH").env("PATH", dir.path()).env("INFA_CACHE_DIR", dir.path());
    let mut server = Server::spawn(command);
    server.wait_for("Python", || asked.exists());
    assert_eq!(server.get("/livez").status(), 200);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
    // Python ends when the pipe is opened.
    drop(std::fs::OpenOptions::new().read(true).write(true).open(&pipe));
}

#[test]
fn a_signal_when_ready_is_an_ordinary_end() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut server = Server::start(&["-m", &fixture("bert-tiny")]);
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
        assert!(!server.stderr().contains("error"), "{}", server.stderr());
        let name = if signal == libc::SIGTERM { "SIGTERM" } else { "SIGINT" };
        let line = format!("Stopped by {name} after ");
        server.wait_for("the last line", || server.stderr().contains(&line));
        let last = server.stderr().lines().last().unwrap_or_default().to_owned();
        assert!(last.starts_with(&line) && !last.contains("request"), "{last}");
    }
}

/// A request with half of its body sent, so that it stays in progress as long as the test needs.
fn half_a_request(server: &Server, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head =
        "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let head = format!("{head}Content-Length: {}\r\nExpect: 100-continue\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    // The server sends 100 Continue when it begins to read the body: the request is at its route.
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"HTTP/1.1 100");
    stream
}

/// Waits until the server takes no connections any more, or says that it is not ready.
fn wait_until_draining(server: &Server) {
    let began = Instant::now();
    while server.client.get(format!("{}/readyz", server.url)).send().is_ok_and(|reply| reply.status().is_success()) {
        assert!(began.elapsed() < Duration::from_secs(60), "it stays ready");
        std::thread::sleep(Duration::from_millis(3));
    }
}

#[test]
fn requests_in_progress_are_finished() {
    let mut server = Server::start(&["-m", &fixture("bert-tiny")]);
    let body = json!({"input": ["a sea"]}).to_string();
    let mut stream = half_a_request(&server, &body);
    server.terminate();
    wait_until_draining(&server);
    stream.write_all(body.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.contains("HTTP/1.1 200 OK") && reply.contains("\"embedding\""), "{reply}");
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
    server.wait_for("the last line", || server.stderr().contains(": 1 request in progress finished\n"));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start(&["-m", &fixture("bert-tiny")]);
    let _stream = half_a_request(&server, "{}");
    server.terminate();
    wait_until_draining(&server);
    server.signal(libc::SIGINT);
    assert_eq!(server.wait().code(), Some(130), "{}", server.stderr());
}

#[test]
fn preloading_that_is_interrupted_has_not_succeeded() {
    let hub = Stalled::new("/cdn/model.safetensors");
    let mut child = hub.command(&["--preload-only"]).spawn().unwrap();
    hub.wait_until_asked("/cdn/model.safetensors");
    // SAFETY: a signal to a process that this test started and has not waited for yet.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, err) = run(&["-m", &fixture("bert-tiny"), "--port", &port]);
    assert!(status == 2 && err.contains(&format!("127.0.0.1:{port}")) && err.contains("hint: "), "{status} {err}");
}

#[test]
fn it_goes_on_while_its_log_is_not_read() {
    let mut server = Server::spawn(command(&["-m", &fixture("bert-tiny")]));
    let status = {
        let reading = server.reading();
        let _unread = reading.lock().unwrap();
        let path = format!("/{}", "x".repeat(4000));
        for _ in 0..50 {
            assert_eq!(server.get(&path).status(), 404);
        }
        server.terminate();
        server.wait()
    };
    assert_eq!(status.code(), Some(0), "{}", server.stderr());
}

#[test]
fn it_ends_while_its_log_is_blocked() {
    for format in ["text", "json"] {
        let mut server = Server::spawn(command(&["-m", &fixture("bert-tiny"), "--log-format", format]));
        server.wait_until_ready();
        let status = {
            let reading = server.reading();
            let _unread = reading.lock().unwrap();
            fill(&format!("/proc/{}/fd/2", server.id()));
            assert_eq!(server.get("/livez").status(), 200);
            server.terminate();
            server.wait()
        };
        assert_eq!(status.code(), Some(0), "{}", server.stderr());
    }
}

#[test]
fn it_ends_even_if_it_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("socket");
    let (reader, writer) = std::io::pipe().unwrap();
    fill(&format!("/proc/self/fd/{}", writer.as_raw_fd()));
    let mut command = command(&["-m", &fixture("bert-tiny"), "--shutdown-timeout", "0s"]);
    command.env_remove("INFA_PORT").arg("--unix-socket").arg(&socket).stderr(writer);
    let mut server = command.spawn().unwrap();
    // It is blocked over the line with its address.
    let start = Instant::now();
    while !socket.exists() {
        assert!(start.elapsed() < PATIENCE, "it does not listen");
        std::thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: a signal to a process that this test started and has not waited for yet.
    unsafe { libc::kill(server.id() as i32, libc::SIGTERM) };
    while server.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            server.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.wait().unwrap().code(), Some(130));
    drop(reader);
}

/// Writes lines into the pipe until it is full.
fn fill(path: &str) {
    let mut options = std::fs::OpenOptions::new();
    let mut pipe = options.write(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
    for line in [&[b'\n'; 4096][..], b"\n"] {
        while pipe.write(line).is_ok() {}
    }
}
