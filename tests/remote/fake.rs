//! A server that does what a test's script says, well or badly.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value as Json, json};

use crate::run::{Infa, infa};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `POST /embed`
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Json,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The texts of a request to TEI's `/embed`.
    pub(crate) fn inputs(&self) -> Vec<String> {
        let texts = self.body["inputs"].as_array().into_iter().flatten();
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    }
}

/// What comes back.
pub(crate) enum Answer {
    Reply(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes, and the connection is closed.
    Raw(Vec<u8>),
    /// Nothing, until the client gives up.
    Never,
    /// A head, and a byte of a body now and then until the client gives up.
    Drip,
    /// A head, and a body without end.
    Endless,
}

impl Answer {
    pub(crate) fn json(body: &Json) -> Self {
        Self::Reply(200, Vec::new(), body.to_string().into_bytes())
    }

    pub(crate) fn status(code: u16, message: &str) -> Self {
        Self::Reply(code, Vec::new(), json!({"error": message, "error_type": "x"}).to_string().into_bytes())
    }
}

/// A server; it lives as long as the test program.
pub(crate) struct Fake {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
}

type Script = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

impl Fake {
    pub(crate) fn new(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(None, script)
    }

    /// Over TLS, if there is a configuration.
    pub(crate) fn with(
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, scheme) = (listener.local_addr().unwrap().port(), if tls.is_some() { "https" } else { "http" });
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (reported, script): (_, Script) = (Arc::clone(&seen), Arc::new(script));
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let (reported, script, tls) = (Arc::clone(&reported), Arc::clone(&script), tls.clone());
                // A client that goes away ends its thread.
                std::thread::spawn(move || match tls {
                    None => serve(stream, &reported, &script),
                    Some(tls) => serve(StreamOwned::new(ServerConnection::new(tls)?, stream), &reported, &script),
                });
            }
        });
        Self { url: format!("{scheme}://127.0.0.1:{port}"), seen, connections }
    }

    /// A TEI whose vector of a text is its length and 1; `odd` answers otherwise where it likes.
    pub(crate) fn tei(odd: impl Fn(&[String]) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::new(move |seen| match seen.line.as_str() {
            "POST /embed" => {
                let texts = seen.inputs();
                odd(&texts)
                    .unwrap_or_else(|| Answer::json(&json!(texts.iter().map(|text| vector(text)).collect::<Vec<_>>())))
            }
            _ => Answer::status(404, "not here"),
        })
    }

    /// Requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The texts of all requests to `/embed` after the first, which asks whether the server is well.
    pub(crate) fn batches(&self) -> Vec<Vec<String>> {
        let embeds = self.seen().into_iter().filter(|seen| seen.line == "POST /embed");
        embeds.skip(1).map(|seen| seen.inputs()).collect()
    }

    /// Waits for that many requests.
    pub(crate) fn wait_for(&self, requests: usize) {
        let start = Instant::now();
        while self.seen.lock().unwrap().len() < requests {
            assert!(start.elapsed() < Duration::from_secs(60), "no request comes");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// `infa embed --engine tei=…` with these lines.
    pub(crate) fn embed<'a>(&self, args: impl IntoIterator<Item = &'a str>, lines: &str) -> Infa {
        infa(["embed", "--engine", &format!("tei={}", self.url)]).args(args).stdin(lines)
    }
}

/// The vector of a text: its length and 1.
pub(crate) fn vector(text: &str) -> [f32; 2] {
    [text.len() as f32, 1.0]
}

fn serve<S: Read + Write>(stream: S, seen: &Mutex<Vec<Seen>>, script: &Script) -> anyhow::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let line = line.rsplit_once(' ').map_or("", |(line, _)| line).to_owned();
        let mut request = Seen { line, headers, body: Json::Null };
        if let Some(length) = request.header("content-length") {
            let mut body = vec![0; length.parse()?];
            stream.read_exact(&mut body)?;
            request.body = serde_json::from_slice(&body)?;
        }
        seen.lock().unwrap().push(request.clone());
        let answer = script(&request);
        let out = stream.get_mut();
        match answer {
            Answer::Reply(code, headers, body) => {
                let mut head = format!("HTTP/1.1 {code} X\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                out.write_all(format!("{head}\r\n").as_bytes())?;
                out.write_all(&body)?;
                out.flush()?;
            }
            Answer::Raw(bytes) => {
                out.write_all(&bytes)?;
                out.flush()?;
                return Ok(());
            }
            Answer::Never => {
                stream.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
            Answer::Drip => {
                out.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n[")?;
                loop {
                    out.write_all(b" ")?;
                    out.flush()?;
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            Answer::Endless => {
                out.write_all(b"HTTP/1.1 200 OK\r\n\r\n[")?;
                loop {
                    out.write_all(&[b' '; 1 << 16])?;
                }
            }
        }
    }
}
