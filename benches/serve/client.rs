//! One client: a connection that is kept, one request at a time.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::request::Ask;

/// No reply takes this long unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client of the server at an address.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What came back.
pub(crate) struct Reply {
    pub status: u16,
    pub body: Bytes,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Connects, where it is not connected.
    pub(crate) async fn connect(&mut self) -> Result<&mut SendRequest<Full<Bytes>>> {
        let ready = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            let stream = TcpStream::connect(self.address).await.context("connect")?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            self.connection = Some(sender);
        }
        self.connection.as_mut().context("not connected")
    }

    /// The next request takes a new connection.
    pub(crate) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Sends a request and reads its reply.
    pub(crate) async fn post(&mut self, ask: &Ask) -> Result<Reply> {
        self.send(Method::POST, ask.path, ask.body.clone()).await
    }

    /// Sends any JSON and reads the reply.
    pub(crate) async fn post_body(&mut self, path: &str, body: Bytes) -> Result<Reply> {
        self.send(Method::POST, path, body).await
    }

    /// Reads what is at `path`.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Reply> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Reply> {
        let sent = tokio::time::timeout(PATIENCE, self.send_and_wait(method, path, body)).await;
        let sent = sent.context("no reply in two minutes").and_then(|sent| sent);
        if sent.is_err() {
            self.disconnect();
        }
        sent
    }

    async fn send_and_wait(&mut self, method: Method, path: &str, body: Bytes) -> Result<Reply> {
        let request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        let request = request.header(CONTENT_TYPE, "application/json").body(Full::new(body))?;
        let reply = self.connect().await?.send_request(request).await?;
        let status = reply.status().as_u16();
        Ok(Reply { status, body: reply.into_body().collect().await?.to_bytes() })
    }
}
