//! The meaning of flags and variables of text-embeddings-inference (TEI).

use crate::cli::{ApiKey, TeiArgs};
use crate::commands::Error;
use crate::model::cache::HubEnv;
use crate::model::tokenizer::Truncate;

/// The default of `--dense-path`.
const USUAL_DENSE: &str = "2_Dense";

/// TEI's flags, resolved.
pub(super) struct Tei {
    /// The truncation unless `--truncate` is given.
    pub truncate: Option<Truncate>,
    /// The Hub, if it differs from the environment's.
    pub hub: Option<HubEnv>,
    /// Warnings for the user.
    pub remarks: Vec<String>,
}

impl Tei {
    /// # Errors
    /// A `--dense-path` other than the default.
    pub(crate) fn resolve(args: TeiArgs) -> Result<Self, Error> {
        let TeiArgs {
            // These were applied when variables were read and logging began.
            tei_env: _,
            json_output: _,
            auto_truncate,
            hf_token,
            hf_api_token,
            huggingface_hub_cache,
            dense_path,
            uds_path,
            prometheus_port,
            tokenization_workers,
            max_batch_requests,
            disable_spans,
        } = args;
        if let Some(path) = dense_path.filter(|path| path.trim_end_matches('/') != USUAL_DENSE) {
            let reason = format!("the model's modules.json selects the Dense module: name {path} there");
            return Err(Error::flag("--dense-path", reason));
        }
        let ineffective = [
            (
                "--uds-path",
                uds_path.is_some(),
                "a socket inside text-embeddings-inference; infa's flag is --unix-socket",
            ),
            ("--prometheus-port", prometheus_port.is_some(), "/metrics is on the server's own port"),
            ("--tokenization-workers", tokenization_workers.is_some(), "--threads limits threads"),
            ("--max-batch-requests", max_batch_requests.is_some(), "--max-batch-tokens limits batches"),
            ("--disable-spans", disable_spans == Some(true), "spans exist only with --otlp-endpoint"),
        ];
        let ineffective: Vec<String> = ineffective
            .into_iter()
            .filter(|(_, given, _)| *given)
            .map(|(flag, _, why)| format!("{flag} ({why})"))
            .collect();
        let mut remarks = Vec::new();
        if !ineffective.is_empty() {
            let ineffective = ineffective.join(", ");
            remarks.push(format!(
                "accepted for compatibility with text-embeddings-inference, but without effect: {ineffective}"
            ));
        }
        let token =
            hf_token.or(hf_api_token).map(|ApiKey(token)| token.trim().to_owned()).filter(|token| !token.is_empty());
        let hub = (token.is_some() || huggingface_hub_cache.is_some()).then(|| {
            let hub = HubEnv::from_env();
            HubEnv { token: token.or(hub.token), cache: huggingface_hub_cache.unwrap_or(hub.cache), ..hub }
        });
        // True is the models' default.
        let truncate = (auto_truncate == Some(false)).then_some(Truncate::None);
        Ok(Self { truncate, hub, remarks })
    }
}
