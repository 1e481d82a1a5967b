//! HTTP by hand, for what no client library would send.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value as Json;

use crate::fake::PATIENCE;

pub(crate) struct Raw<S>(pub S);

/// A connection to `address`.
pub(crate) fn connect(address: &str) -> Raw<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    Raw(stream)
}

/// A reply over HTTP/1.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = |line: &'_ str| line.split_once(": ").filter(|(is, _)| is.eq_ignore_ascii_case(name)).is_some();
        self.head.lines().find(|line| value(line)).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }
}

impl<S: Read + Write> Raw<S> {
    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.0.write_all(text.as_ref()).unwrap();
        self
    }

    /// Requests the vector of `text`.
    pub(crate) fn embed(&mut self, text: &str) -> &mut Self {
        let body = serde_json::json!({"input": [text]}).to_string();
        self.send(post("/v1/embeddings", body.len()) + &body)
    }

    /// The next reply, which must have a content-length.
    pub(crate) fn reply(&mut self) -> Reply {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            let n = self.0.read(&mut byte).unwrap();
            assert_eq!(n, 1, "closed after {:?}", String::from_utf8_lossy(&head));
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut reply = Reply { status: head[9..12].parse().unwrap(), head, body: String::new() };
        let length = reply.header("content-length").unwrap_or("0").parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        reply.body = String::from_utf8(body).unwrap();
        reply
    }

    /// Checks that the server closes the connection without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0))
    }
}

/// The head of a POST with a body of this length.
pub(crate) fn post(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// A GET without a body.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}
