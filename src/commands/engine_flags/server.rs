//! From flags to the options of a server.

use super::refuse::{flag, no_python, refuse};
use crate::cli::{EngineArgs, ModelArgs, RequestArgs, TextArgs};
use crate::commands::Error;
use crate::commands::settings::{Globals, text_options};
use crate::engine::open::ServerOptions;
use crate::engine::recipes::ServerRecipe;
use crate::engine::remote::ApiKey;
use crate::engine::{EngineSpec, RemoteOptions};
use crate::fetch::http::is_loopback;

pub(super) fn resolve(
    spec: EngineSpec,
    server: &ServerRecipe,
    engine: EngineArgs,
    model: ModelArgs,
    text: TextArgs,
    globals: &Globals,
) -> Result<ServerOptions, Error> {
    no_python(&engine, &spec)?;
    refuse(model.given(), &["--model-id"], &format!("it is for models in this process, not for {spec}"))?;
    let EngineArgs { requests: RequestArgs { retries, request_timeout }, request_batch, concurrency, .. } = engine;
    let here = spec.url.as_ref().is_some_and(is_loopback);
    if globals.offline && !here {
        return Err(flag("--offline", format!("{spec} is somewhere on the network")));
    }
    if request_timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err(flag("--request-timeout", "must be longer than 0".into()));
    }
    let key = ApiKey::from_env(server.keys);
    let open = spec.url.as_ref().is_some_and(|url| url.scheme() == "http");
    if key.is_some() && open && !here {
        tracing::warn!("{spec}: the API key goes there without encryption; https would hide it");
    }
    let usual = RemoteOptions::within(request_timeout.unwrap_or(RemoteOptions::REQUEST_TIMEOUT));
    let remote = RemoteOptions {
        model: model.id.model_id,
        key,
        retries: retries.unwrap_or(usual.retries),
        request_batch: request_batch.or(usual.request_batch),
        concurrency: concurrency.unwrap_or(usual.concurrency),
        ..usual
    };
    Ok(ServerOptions { spec, text: text_options(text), remote, measured: false, role_prompts: Vec::new() })
}
