//! Readiness checks of a started server.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};

use crate::engine::recipes::Health;

pub(super) struct Readiness {
    client: Client,
    url: Url,
    /// True if only success counts; elsewhere, any answer of a server that is not overloaded.
    success: bool,
}

/// The state of a server that is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// No listener, or none for HTTP.
    NoConnection,
    /// A listener without a reply.
    NoAnswer,
    Status(StatusCode),
}

/// An answer takes at most that long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

impl Readiness {
    /// The way to a server at `base`, where `http://HOST:PORT` is all there is of it.
    pub(crate) fn of(health: &Health, base: &Url) -> Result<Self, reqwest::Error> {
        // Fails if a provider is installed already, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            // It is on this machine, and speaks HTTP in the clear.
            .no_proxy()
            .tls_certs_only([])
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_TIMEOUT)
            .build()?;
        let mut url = base.clone();
        url.set_path(health.path);
        Ok(Self { client, url, success: health.success })
    }

    pub(crate) async fn ask(&self) -> Result<(), Found> {
        match self.client.get(self.url.clone()).send().await {
            Ok(reply) if reply.status().is_success() => Ok(()),
            Ok(reply) if !self.success && !reply.status().is_server_error() => Ok(()),
            Ok(reply) => Err(Found::Status(reply.status())),
            Err(e) if e.is_timeout() => Err(Found::NoAnswer),
            Err(_) => Err(Found::NoConnection),
        }
    }

    pub(crate) fn describe(&self, found: &Found) -> String {
        let path = self.url.path();
        match found {
            Found::NoConnection => format!("nothing answers at {}", self.url),
            Found::NoAnswer => format!("no answer at {}", self.url),
            Found::Status(status) => format!("{path} answers {status}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::engine::EngineKind;

    /// The result of the check against a server of this kind that answers everything with `answer`, and the requested
    /// path.
    async fn ask(kind: EngineKind, answer: &'static str) -> (Result<(), String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let readiness = Readiness::of(&kind.server().unwrap().health, &url).unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..read]).split(' ').nth(1).unwrap().to_owned()
        };
        let (found, path) = tokio::join!(readiness.ask(), server);
        (found.map_err(|found| readiness.describe(&found)), path)
    }

    #[tokio::test]
    async fn each_kind_in_its_own_way() {
        let (ok, loading) =
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n");
        let missing = "HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n";
        for (kind, expected) in [
            (EngineKind::Infa, "/health"),
            (EngineKind::Infinity, "/health"),
            (EngineKind::Tei, "/health"),
            (EngineKind::Triton, "/v2/health/ready"),
        ] {
            assert_eq!(ask(kind, ok).await, (Ok(()), expected.into()));
            let refused = format!("{expected} answers 503 Service Unavailable");
            assert_eq!(ask(kind, loading).await.0, Err(refused));
            assert!(ask(kind, missing).await.0.is_err());
        }
        for (kind, expected) in [(EngineKind::Openai, "/v1/models"), (EngineKind::Cohere, "/"), (EngineKind::Jina, "/")]
        {
            assert_eq!(ask(kind, missing).await, (Ok(()), expected.into()));
            assert!(ask(kind, loading).await.0.is_err());
        }
        assert!(ask(EngineKind::Tei, "not HTTP\r\n\r\n").await.0.unwrap_err().starts_with("nothing answers at"));
    }

    #[tokio::test]
    async fn no_server_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        drop(listener);
        assert_eq!(
            Readiness::of(&EngineKind::Tei.server().unwrap().health, &url).unwrap().ask().await,
            Err(Found::NoConnection)
        );
    }
}
