//! Whether a server that was started is ready.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};

use crate::engine::EngineKind;

/// Asks one server.
pub(super) struct Readiness {
    client: Client,
    url: Url,
    /// Whether only success counts; elsewhere, any answer of a server that is not overloaded.
    success: bool,
}

/// What a server answered that is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nobody listens, or not for HTTP.
    Nobody,
    /// Somebody listens and does not answer.
    Silence,
    /// This status.
    Status(StatusCode),
}

/// An answer takes at most that long.
const PATIENCE: Duration = Duration::from_secs(5);

impl Readiness {
    /// Of a server of this kind at `base`. `None`: there is no client.
    pub fn of(kind: EngineKind, base: &Url) -> Result<Self, reqwest::Error> {
        // Fails when somebody installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            // It is on this machine, and speaks HTTP in the clear.
            .no_proxy()
            .tls_certs_only([])
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()?;
        let (path, success) = match kind {
            // 503 while models load.
            EngineKind::Infa | EngineKind::Infinity | EngineKind::Tei => ("/health", true),
            EngineKind::Triton => ("/v2/health/ready", true),
            // Not every server has the list.
            EngineKind::Openai => ("/v1/models", false),
            _ => ("/", false),
        };
        let mut url = base.clone();
        url.set_path(path);
        Ok(Self { client, url, success })
    }

    /// Asks once.
    pub async fn ask(&self) -> Result<(), Found> {
        match self.client.get(self.url.clone()).send().await {
            Ok(reply) if reply.status().is_success() => Ok(()),
            Ok(reply) if !self.success && !reply.status().is_server_error() => Ok(()),
            Ok(reply) => Err(Found::Status(reply.status())),
            Err(e) if e.is_timeout() => Err(Found::Silence),
            Err(_) => Err(Found::Nobody),
        }
    }

    /// What was found last, for people.
    pub fn tell(&self, found: &Found) -> String {
        let path = self.url.path();
        match found {
            Found::Nobody => format!("nothing answers at {}", self.url),
            Found::Silence => format!("no answer at {}", self.url),
            Found::Status(status) => format!("{path} answers {status}"),
        }
    }
}
