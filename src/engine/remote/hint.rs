//! Remedies for a server that cannot be used.

use super::RemoteError;
use crate::engine::EngineKind;

impl RemoteError {
    /// The remedy if nothing worked; `named`: the user named a model.
    pub(super) fn hint(&self, engine: EngineKind, key: bool, named: bool) -> Option<String> {
        let variables = engine.server().map_or(&[][..], |server| server.keys).join(" or ");
        Some(match self {
            Self::Connect { .. } => "is the server running, and is that its URL?".into(),
            Self::Tls { .. } => {
                "the certificate must come from an authority that this machine trusts; SSL_CERT_FILE names a file of \
                 others"
                    .into()
            }
            Self::Timeout { .. } => {
                "--request-timeout waits longer, --request-batch makes requests smaller, --retries repeats them".into()
            }
            Self::Status { code: 401 | 403, .. } if key => format!("the server does not accept the key in {variables}"),
            Self::Status { code: 401 | 403, .. } => format!("put the server's key into {variables}"),
            Self::Status { code: 404 | 405, .. } if named => {
                format!("does the server speak {}'s API there, and does it have a model of that name?", engine.name())
            }
            Self::Status { code: 404 | 405, .. } => {
                format!("does the server speak {}'s API there? --model-id names one of its models", engine.name())
            }
            Self::Status { code: 400 | 422, .. } if !named => "--model-id names one of the server's models".into(),
            Self::Status { code: 429 | 503, .. } => {
                "--retries N waits for the time the server names and tries again; --concurrency 1 sends fewer requests at once".into()
            }
            Self::Redirect { .. } => "write the URL that the server is really at".into(),
            Self::Garbage { .. } | Self::Shape { .. } | Self::TooLarge { .. } => {
                format!("does the server speak {}'s API there?", engine.name())
            }
            Self::Broken { .. } => "--retries N tries again".into(),
            Self::Status { .. } | Self::Numbers(_) | Self::Cancelled => return None,
        })
    }
}
