//! `--unix-socket`.

use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use infa::parts::server::{Limits, Listen, ServeError, ServerOptions};

use crate::fake::InProcess;
use crate::raw::{Raw, get};

fn start(path: &Path) -> Result<InProcess, ServeError> {
    let listen = Listen::Unix { unix_socket: path.to_owned() };
    InProcess::try_with(Limits::default(), ServerOptions::default(), listen)
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("infa.sock");
    (dir, path)
}

#[test]
fn it_answers_there_and_leaves_nothing_behind() {
    let (_dir, path) = place();
    let mut server = start(&path).unwrap();
    assert_eq!(server.bound.to_string(), format!("unix:{}", path.display()));
    let mut client = Raw(UnixStream::connect(server.path()).unwrap());
    assert_eq!(client.send(get("/health")).reply().status, 200);
    assert_eq!(client.embed("a").reply().status, 200);
    server.wait();
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_is_replaced() {
    let (_dir, path) = place();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.metadata().unwrap().file_type().is_socket());
    let server = start(&path).unwrap();
    assert_eq!(Raw(UnixStream::connect(server.path()).unwrap()).send(get("/health")).reply().status, 200);
}

#[test]
fn whatever_else_is_there_stays() {
    let (_dir, path) = place();
    std::fs::write(&path, "precious").unwrap();
    let Err(error) = start(&path) else { panic!("a file was replaced") };
    assert!(error.to_string().contains("--unix-socket") && error.to_string().contains("not a socket"), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");

    std::fs::remove_file(&path).unwrap();
    let _first = start(&path).unwrap();
    let Err(error) = start(&path) else { panic!("a socket in use was replaced") };
    assert!(error.to_string().contains("another server listens there"), "{error}");
    assert_eq!(Raw(UnixStream::connect(&path).unwrap()).send(get("/health")).reply().status, 200);
}

#[test]
fn unusable_socket_paths_are_named() {
    let (dir, _) = place();
    let Err(error) = start(&dir.path().join("no/such/dir")) else { panic!() };
    assert!(error.to_string().contains("--unix-socket") && error.hint().is_some(), "{error}");
    let Err(error) = start(&dir.path().join("x".repeat(200))) else { panic!() };
    assert!(error.to_string().contains("--unix-socket") && error.hint().is_some(), "{error}");
}
