//! A Hugging Face Hub and its CDN on two ports of 127.0.0.1: enough HTTP/1.1 to test against, and ways to misbehave.
//!
//! Speaks `GET /api/models/{repo}/revision/{rev}?blobs=true` and `GET|HEAD /{repo}/resolve/{rev}/{file}`, records every
//! request, and applies [`Fault`]s to those whose path contains a given text. It does not depend on infa: a test that
//! drives the binary sets `HF_ENDPOINT` to [`HubServer::url`].
#![allow(dead_code)] // Each test binary uses its part.

use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The commit that every revision of a fresh [`Repo`] stands for.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// How the Hub hands out a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// 200 from the Hub itself.
    Direct,
    /// 307 to another path of the Hub, relative.
    Relative,
    /// 302 to the CDN's port, absolute.
    Cdn,
}

/// One file of the repository.
#[derive(Debug, Clone)]
pub(crate) struct RepoFile {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Kept in LFS: its ETag is its SHA-256.
    pub lfs: bool,
    pub delivery: Delivery,
}

impl RepoFile {
    /// The ETag: SHA-256 for LFS, otherwise Git's id of the contents.
    pub(crate) fn etag(&self) -> String {
        if self.lfs { sha256(&self.bytes) } else { git_oid(&self.bytes) }
    }
}

/// The one repository that the server has.
#[derive(Debug, Clone)]
pub(crate) struct Repo {
    pub id: String,
    pub commit: String,
    /// Branches and tags; the commit itself is always known.
    pub revisions: Vec<String>,
    pub files: Vec<RepoFile>,
    /// Who does not send this token gets 401.
    pub token: Option<String>,
    /// The listing leaves out sizes and blob ids, as some mirrors do.
    pub bare_listing: bool,
}

impl Repo {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            commit: COMMIT.to_owned(),
            revisions: vec!["main".to_owned()],
            files: Vec::new(),
            token: None,
            bare_listing: false,
        }
    }

    /// A small file, kept in Git and sent by the Hub itself.
    pub(crate) fn file(self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.add(name, bytes.into(), false, Delivery::Direct)
    }

    /// A large file, kept in LFS and sent by the CDN.
    pub(crate) fn lfs(self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.add(name, bytes.into(), true, Delivery::Cdn)
    }

    pub(crate) fn add(mut self, name: &str, bytes: Vec<u8>, lfs: bool, delivery: Delivery) -> Self {
        self.files.push(RepoFile { name: name.to_owned(), bytes, lfs, delivery });
        self
    }
}

/// A way to misbehave.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Announce the whole body, send this many bytes of it, close.
    CutAfter(usize),
    /// Answer a range with 200 and everything.
    IgnoreRange,
    /// Answer a range with 206 and this Content-Range.
    ContentRange(String),
    /// The right length, the wrong bytes.
    WrongBytes,
    /// This status, headers and body.
    Status(u16, Vec<(String, String)>, String),
    /// 200 with this body.
    Body(String),
    /// These headers in place of the ordinary ones of the same name.
    Headers(Vec<(String, String)>),
    /// Read the request, say nothing.
    Stall,
    /// Send the head and this many bytes, then say nothing.
    StallAfter(usize),
    /// This many bytes at a time, with this pause between.
    Drip(usize, Duration),
    /// 302 to this address; `{self}` stands for the server's own.
    Redirect(String),
    /// Bytes instead of an answer.
    Raw(Vec<u8>),
}

/// Which of the two ports was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Hub,
    Cdn,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub side: Side,
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Recorded {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

struct State {
    repo: Repo,
    hub: String,
    cdn: String,
    faults: Mutex<Vec<(String, usize, Fault)>>,
    requests: Mutex<Vec<Recorded>>,
    stop: AtomicBool,
}

/// The running server; dropping it closes both ports.
pub(crate) struct HubServer {
    state: Arc<State>,
}

impl HubServer {
    pub(crate) fn start(repo: Repo) -> Self {
        let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (hub, cdn) = (bind(), bind());
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            repo,
            hub: url(&hub),
            cdn: url(&cdn),
            faults: Mutex::new(Vec::new()),
            requests: Mutex::new(Vec::new()),
            stop: AtomicBool::new(false),
        });
        for (listener, side) in [(hub, Side::Hub), (cdn, Side::Cdn)] {
            let state = Arc::clone(&state);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    if state.stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let state = Arc::clone(&state);
                    // A client that goes away in the middle is the client's business.
                    std::thread::spawn(move || drop(serve(&state, side, stream)));
                }
            });
        }
        Self { state }
    }

    /// What HF_ENDPOINT should be.
    pub(crate) fn url(&self) -> &str {
        &self.state.hub
    }

    /// Misbehaves `times` times on paths that contain `path`. Faults given first go first.
    pub(crate) fn fault(&self, path: &str, times: usize, fault: Fault) {
        self.state.faults.lock().unwrap().push((path.to_owned(), times, fault));
    }

    /// An error status with the Hub's two headers about it.
    pub(crate) fn refuse(&self, path: &str, status: u16, code: &str, message: &str) {
        let headers =
            vec![("X-Error-Code".to_owned(), code.to_owned()), ("X-Error-Message".to_owned(), message.to_owned())];
        self.fault(path, usize::MAX, Fault::Status(status, headers, String::new()));
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The requests whose path contains `path`.
    pub(crate) fn asked(&self, path: &str) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.path.contains(path)).collect()
    }

    pub(crate) fn forget_requests(&self) {
        self.state.requests.lock().unwrap().clear();
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        for url in [&self.state.hub, &self.state.cdn] {
            let _ = TcpStream::connect(url.trim_start_matches("http://"));
        }
    }
}

/// What will be sent, before faults.
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Self { status, headers, body: body.into() }
    }

    fn refusal(status: u16, code: &str) -> Self {
        Self::new(status, &[("X-Error-Code", code), ("X-Error-Message", "no")], "{}")
    }

    fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

fn serve(state: &State, side: Side, mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(()) };
    let mut request = Recorded { side, method: method.to_owned(), path: path.to_owned(), headers: Vec::new() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    state.requests.lock().unwrap().push(request.clone());

    let fault = {
        let mut faults = state.faults.lock().unwrap();
        let found = faults.iter_mut().find(|(path, times, _)| *times > 0 && request.path.contains(path.as_str()));
        found.map(|(_, times, fault)| {
            *times -= 1;
            fault.clone()
        })
    };
    if let Some(Fault::IgnoreRange) = fault {
        request.headers.retain(|(name, _)| name != "range");
    }
    let mut reply = match side {
        Side::Hub => hub(state, &request),
        Side::Cdn => cdn(state, &request),
    };
    let (mut send, mut pause, mut hang) = (usize::MAX, None, false);
    match fault {
        None | Some(Fault::IgnoreRange) => {}
        Some(Fault::CutAfter(bytes)) => send = bytes,
        Some(Fault::StallAfter(bytes)) => (send, hang) = (bytes, true),
        Some(Fault::ContentRange(value)) if reply.status == 206 => reply.set("Content-Range", &value),
        Some(Fault::ContentRange(_)) => {}
        Some(Fault::WrongBytes) => reply.body.iter_mut().for_each(|byte| *byte ^= 0xff),
        Some(Fault::Status(status, headers, body)) => reply = Reply { status, headers, body: body.into() },
        Some(Fault::Body(body)) => reply = Reply::new(200, &[], body),
        Some(Fault::Headers(headers)) => headers.iter().for_each(|(name, value)| reply.set(name, value)),
        Some(Fault::Stall) => return wait_for_the_end(state, &mut stream),
        Some(Fault::Drip(bytes, wait)) => pause = Some((bytes.max(1), wait)),
        Some(Fault::Redirect(to)) => {
            reply = Reply::new(302, &[("Location", &to.replace("{self}", &state.hub))], "");
        }
        Some(Fault::Raw(bytes)) => return stream.write_all(&bytes),
    }

    let mut head =
        format!("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    if request.method == "HEAD" {
        return Ok(());
    }
    let body = &reply.body[..send.min(reply.body.len())];
    match pause {
        None => stream.write_all(body)?,
        Some((bytes, wait)) => {
            for piece in body.chunks(bytes) {
                stream.write_all(piece)?;
                std::thread::sleep(wait);
            }
        }
    }
    if hang { wait_for_the_end(state, &mut stream) } else { Ok(()) }
}

/// Says nothing until the client hangs up or the server stops.
fn wait_for_the_end(state: &State, stream: &mut TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    let mut byte = [0];
    while !state.stop.load(Ordering::SeqCst) {
        match stream.read(&mut byte) {
            Ok(0) => break,
            Err(error) if !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                break;
            }
            _ => {}
        }
    }
    Ok(())
}

fn hub(state: &State, request: &Recorded) -> Reply {
    let repo = &state.repo;
    let path = request.path.split('?').next().unwrap_or_default();
    let authorized =
        repo.token.as_ref().is_none_or(|token| request.header("authorization") == Some(&format!("Bearer {token}")));
    let known = |revision: &str| revision == repo.commit || repo.revisions.iter().any(|r| r == revision);
    if let Some(rest) = path.strip_prefix("/api/resolve-cache/") {
        return match repo.files.iter().find(|file| file.name == decode(rest)) {
            Some(file) => content(file, &file.etag(), request),
            None => Reply::refusal(404, "EntryNotFound"),
        };
    }
    if let Some(revision) = path.strip_prefix(&format!("/api/models/{}/revision/", repo.id)) {
        return match (authorized, known(&decode(revision))) {
            (false, _) => Reply::new(401, &[("X-Error-Message", "Invalid username or password.")], "{}"),
            (true, false) => Reply::refusal(404, "RevisionNotFound"),
            (true, true) => Reply::new(200, &[("Content-Type", "application/json")], listing(repo)),
        };
    }
    if let Some((revision, file)) =
        path.strip_prefix(&format!("/{}/resolve/", repo.id)).and_then(|rest| rest.split_once('/'))
    {
        if !authorized {
            return Reply::new(401, &[], "{}");
        }
        if !known(&decode(revision)) {
            return Reply::refusal(404, "RevisionNotFound");
        }
        return match repo.files.iter().find(|f| f.name == decode(file)) {
            Some(file) => resolve(state, file, request),
            None => Reply::refusal(404, "EntryNotFound"),
        };
    }
    Reply::refusal(if authorized { 404 } else { 401 }, "RepoNotFound")
}

fn resolve(state: &State, file: &RepoFile, request: &Recorded) -> Reply {
    let etag = file.etag();
    let mut reply = match file.delivery {
        Delivery::Direct => content(file, &etag, request),
        Delivery::Relative => {
            Reply::new(307, &[("Location", &format!("/api/resolve-cache/{}", encode(&file.name)))], "go")
        }
        Delivery::Cdn => {
            let mut reply = Reply::new(302, &[("ETag", "\"of-the-redirect\"")], "go");
            reply.set("Location", &format!("{}/cdn/{}?X-Signature=secret", state.cdn, encode(&file.name)));
            reply
        }
    };
    reply.set("X-Repo-Commit", &state.repo.commit);
    if file.lfs || file.delivery == Delivery::Relative {
        reply.set("X-Linked-Etag", &format!("\"{etag}\""));
        reply.set("X-Linked-Size", &file.bytes.len().to_string());
    }
    reply
}

fn cdn(state: &State, request: &Recorded) -> Reply {
    // Real storage refuses requests that are signed twice; here it also proves that no token leaks.
    if request.header("authorization").is_some() {
        return Reply::new(400, &[], "Only one auth mechanism allowed");
    }
    let path = request.path.split('?').next().unwrap_or_default();
    let name = path.strip_prefix("/cdn/").map(decode).unwrap_or_default();
    match state.repo.files.iter().find(|file| file.name == name) {
        // A CDN has ETags of its own.
        Some(file) => content(file, &format!("cdn-{}", file.etag()), request),
        None => Reply::new(404, &[], ""),
    }
}

/// 200 with everything, 206 with the rest, or 416.
fn content(file: &RepoFile, etag: &str, request: &Recorded) -> Reply {
    let quoted = format!("\"{etag}\"");
    let total = file.bytes.len();
    let fresh = request.header("if-range").is_none_or(|validator| validator == quoted);
    let start = request
        .header("range")
        .filter(|_| fresh)
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match start {
        None => Reply::new(200, &[("ETag", &quoted)], file.bytes.clone()),
        Some(start) if start < total => {
            let range = format!("bytes {start}-{}/{total}", total - 1);
            Reply::new(206, &[("ETag", &quoted), ("Content-Range", &range)], &file.bytes[start..])
        }
        Some(_) => Reply::new(416, &[("Content-Range", &format!("bytes */{total}"))], ""),
    }
}

fn listing(repo: &Repo) -> String {
    let siblings: Vec<_> = repo
        .files
        .iter()
        .map(|file| {
            let (size, oid) = (file.bytes.len(), git_oid(&file.bytes));
            if repo.bare_listing {
                serde_json::json!({ "rfilename": file.name })
            } else if file.lfs {
                let lfs = serde_json::json!({ "sha256": sha256(&file.bytes), "size": size, "pointerSize": 134 });
                serde_json::json!({ "rfilename": file.name, "size": size, "blobId": oid, "lfs": lfs })
            } else {
                serde_json::json!({ "rfilename": file.name, "size": size, "blobId": oid })
            }
        })
        .collect();
    serde_json::json!({ "id": repo.id, "sha": repo.commit, "private": false, "siblings": siblings }).to_string()
}

/// The SHA-256 in lower-case hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Git's id of a file with these contents.
pub(crate) fn git_oid(bytes: &[u8]) -> String {
    let mut hasher = sha1::Sha1::new();
    hasher.update(format!("blob {}\0", bytes.len()));
    hasher.update(bytes);
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = if *first == b'%' { tail.get(..2) } else { None };
        match code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
