//! The settings of `infa serve`, resolved from its flags, with values one_per_model over the models.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use bytesize::ByteSize;

use super::tei::Tei;
use crate::cli::{
    HardwareArgs, InfinityArgs, InputArgs, LifeArgs, LimitArgs, List, ListenArgs, ModelArgs, ModelIdArgs, ModelsArgs,
    ServeArgs, ServeEngine, TextArgs, VectorArgs, one_per_model,
};
use crate::commands::Error;
use crate::commands::settings::{Globals, device_of, local_options};
use crate::engine::open::LocalOptions;
use crate::model::DEFAULT_MODEL;
use crate::model::cache::HubEnv;
use crate::model::hub::short_names;
use crate::plural::counted;
use crate::runtime::ResolvedDevice;
use crate::runtime::device::{Device, Dtype, GpuIds};
use crate::server::trace::TraceOptions;
use crate::server::{ApiKeys, EmbeddingDtype, Limits, Listen, ServerOptions, TlsFiles};

pub(super) struct Settings {
    /// In the order of the command line; at least one.
    pub models: Vec<ModelSettings>,
    /// True if a server of one model accepts only the model's names.
    pub strict_names: bool,
    pub listen: Listen,
    pub options: ServerOptions,
    pub limits: Limits,
    pub preload_only: bool,
    pub unload_after: Option<Duration>,
    /// `None` without a trace collector.
    pub traces: Option<TraceOptions>,
    /// Warnings about flags, for the user.
    pub remarks: Vec<String>,
}

pub(super) struct ModelSettings {
    pub name: String,
    /// Other names of the model.
    pub aliases: Vec<String>,
    pub model_id: String,
    pub embedding_dtype: EmbeddingDtype,
    pub warm_up: bool,
    pub options: LocalOptions,
}

/// The default revision.
const MAIN: &str = "main";

/// Maximum wait of a request for an unloaded model, unless `--request-timeout` is set.
const MODEL_RETURN: Duration = Duration::from_secs(600);

impl Settings {
    pub(crate) fn resolve(args: ServeArgs, globals: &Globals) -> Result<Self, Error> {
        let ServeArgs { models, vectors, input, listen, limits, life, infinity, tei } = args;
        let LimitArgs {
            max_batch_tokens,
            queue_tokens,
            max_concurrent_requests,
            max_client_batch_size,
            body_limit,
            reply_limit,
            request_timeout,
        } = limits;
        // `log_level` was applied when logging began.
        let LifeArgs { preload_only, unload_after, shutdown_timeout, log_level: _, otlp_endpoint, otlp_service_name } =
            life;
        let InfinityArgs { mut ineffective, permissive_cors } = infinity;
        let Tei { truncate, hub, mut remarks } = Tei::resolve(tei)?;
        if !models.batch_size.is_empty() {
            ineffective.insert(0, "--batch-size".into());
        }
        if !ineffective.is_empty() {
            remarks.push(format!(
                "accepted for compatibility with Infinity, but without effect: {}",
                ineffective.join(", ")
            ));
        }
        let strict_names = models.strict_model_names;
        let input = InputArgs { truncate: input.truncate.or(truncate), ..input };
        let environment = hub.clone().unwrap_or_else(HubEnv::from_env);
        let models = resolve_models(models, vectors, input, max_batch_tokens, globals, &environment, &mut remarks)?;
        let shared = |mut model: ModelSettings| {
            model.options.onnx = model.options.onnx.clone().shared(queue_tokens);
            if let Some(hub) = &hub {
                model.options.hub = Some(hub.clone());
            }
            model
        };
        let models = models.into_iter().map(shared).collect();
        let request_timeout = request_timeout.filter(|timeout| !timeout.is_zero());
        let (listen, options) = resolve_listen(listen, permissive_cors, request_timeout, shutdown_timeout)?;
        for (flag, is_zero) in [
            ("--body-limit", body_limit.as_u64() == 0),
            ("--reply-limit", reply_limit.as_u64() == 0),
            ("--queue-tokens", queue_tokens == 0),
        ] {
            if is_zero {
                return Err(Error::Flag { flag, reason: "must be above 0: with 0, every such request fails".into() });
            }
        }
        let bytes = |size: ByteSize| usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
        let (body, reply) = (bytes(body_limit), bytes(reply_limit));
        let limits = Limits {
            client_batch: max_client_batch_size.get(),
            concurrent_requests: max_concurrent_requests.get(),
            body,
            reply,
            memory: Limits::default().memory.max(body.max(reply).saturating_mul(2)),
            model_return: request_timeout.unwrap_or(MODEL_RETURN),
        };
        let unload_after = unload_after.filter(|after| !after.is_zero());
        let traces = TraceOptions::resolve(otlp_endpoint, otlp_service_name);
        Ok(Self { models, strict_names, listen, options, limits, preload_only, unload_after, traces, remarks })
    }
}

fn resolve_models(
    args: ModelsArgs,
    vectors: VectorArgs,
    input: InputArgs,
    batch_tokens: Option<NonZero<usize>>,
    globals: &Globals,
    hub: &HubEnv,
    remarks: &mut Vec<String>,
) -> Result<Vec<ModelSettings>, Error> {
    let ModelsArgs {
        model_id,
        served_model_name,
        strict_model_names: _,
        revision,
        onnx_file,
        device,
        device_id,
        dtype,
        engine,
        pooling_method,
        embedding_dtype,
        model_warmup,
        no_model_warmup,
        batch_size,
        calibrate,
        gpu,
        cpu,
    } = args;
    // As with a shell variable that is not set.
    if model_id.iter().any(|list| list.0.iter().all(Option::is_none)) {
        return Err(Error::flag("--model-id", "is empty: name a model, or leave the flag out for the default one"));
    }
    let model_ids: Vec<String> =
        model_id.into_iter().flat_map(|list| list.0).map(|id| id.unwrap_or_else(|| DEFAULT_MODEL.to_owned())).collect();
    let models = model_ids.len();
    let names = values("--served-model-name", served_model_name, models)?;
    let mut revisions = values("--revision", revision, models)?.into_iter();
    let mut onnx_files = values("--onnx-file", onnx_file, models)?.into_iter();
    let mut devices = values("--device", device, models)?.into_iter();
    let mut device_ids = values("--device-id", device_id, models)?.into_iter();
    let dtypes = values("--dtype", dtype, models)?;
    let engines = values("--engine", engine, models)?;
    let mut poolings = values("--pooling-method", pooling_method, models)?.into_iter();
    let mut embedding_dtypes = values("--embedding-dtype", embedding_dtype, models)?.into_iter();
    let mut warm_ups = values("--model-warmup", model_warmup, models)?.into_iter();
    values("--batch-size", batch_size, models)?;

    if engines.iter().flatten().any(|&engine| engine != ServeEngine::Onnx) {
        remarks.push("--engine is ignored: models run on infa's own engine, through ONNX Runtime".into());
    }
    let is_int8 = |dtype: &Option<Dtype>| *dtype == Some(Dtype::Int8);
    if calibrate.is_some() && !dtypes.iter().any(is_int8) {
        return Err(Error::Flag { flag: "--calibrate", reason: "requires --dtype int8".into() });
    }
    let names = resolve_names(&model_ids, names, |id| Ok(short_names::full_id(id, hub, &globals.cache)?))?;

    let mut served = Vec::with_capacity(models);
    for ((model_id, Names { name, aliases }), dtype) in model_ids.into_iter().zip(names).zip(dtypes) {
        let device = numbered(devices.next().flatten(), device_ids.next().flatten(), remarks)?;
        let hardware = HardwareArgs { device, gpu, cpu };
        let device = device_of(&hardware, dtype, globals)?;
        let dtype = dtype.map(|dtype| exact(dtype, &device, remarks));
        let revision = revision_of(&model_id, revisions.next().flatten(), remarks);
        let id = ModelIdArgs { model_id: Some(model_id.clone()), revision };
        let mut model = ModelArgs::new(id, hardware);
        model.onnx_file = onnx_files.next().flatten();
        model.calibrate = calibrate.clone().filter(|_| is_int8(&dtype));
        model.dtype = dtype;
        model.batch_tokens = batch_tokens;
        let pooling = poolings.next().flatten().flatten();
        served.push(ModelSettings {
            name,
            aliases,
            model_id,
            embedding_dtype: embedding_dtypes.next().flatten().unwrap_or_default(),
            warm_up: warm_ups.next().flatten().unwrap_or(!no_model_warmup),
            options: local_options(
                model,
                TextArgs { pooling, vectors: vectors.clone(), input: input.clone() },
                globals,
            )?,
        });
    }
    Ok(served)
}

/// The device with the numbers of its GPUs.
fn numbered(device: Option<Device>, ids: Option<GpuIds>, remarks: &mut Vec<String>) -> Result<Option<Device>, Error> {
    let Some(ids) = ids else { return Ok(device) };
    Ok(match device {
        Some(device) if device.kind.is_gpu() && device.ids != GpuIds::First && device.ids != ids => {
            return Err(Error::flag(
                "--device-id",
                format!("contradicts --device {device}: give the numbers in one of them"),
            ));
        }
        Some(device) if device.kind.is_gpu() => Some(Device { ids, ..device }),
        device => {
            let remark = "--device-id is ignored: it is for --device cuda and tensorrt";
            if !remarks.iter().any(|known| known == remark) {
                remarks.push(remark.into());
            }
            device
        }
    })
}

/// The number type of a model's computation. Infinity's and TEI's 16-bit types are for GPUs: what the processor cannot
/// compute is computed in float32, which is more exact.
fn exact(dtype: Dtype, device: &ResolvedDevice, remarks: &mut Vec<String>) -> Dtype {
    if !matches!(dtype, Dtype::Float16 | Dtype::Bfloat16) || dtype.resolve(device).is_ok() {
        return dtype;
    }
    let remark = format!(
        "--dtype {dtype}: computed in float32, which is more exact; the format is for GPUs, or not in this processor"
    );
    if !remarks.contains(&remark) {
        remarks.push(remark);
    }
    Dtype::Float32
}

/// The revision of a repository. Local directories have none, but deployments often pass the default one.
fn revision_of(model_id: &str, revision: Option<String>, remarks: &mut Vec<String>) -> Option<String> {
    let revision = revision?;
    if !Path::new(model_id).exists() {
        return Some(revision);
    }
    if revision != MAIN {
        remarks.push(format!("--revision {revision} is ignored: {model_id} is local and has no revisions"));
    }
    None
}

/// One value per model.
fn values<T: Clone>(flag: &'static str, lists: Vec<List<T>>, models: usize) -> Result<Vec<Option<T>>, Error> {
    one_per_model(lists, models).map_err(|values| {
        let (values, models) = (counted(values, "value"), counted(models, "model"));
        let reason = format!("{values} for {models}: give one for each, or one for all");
        Error::Flag { flag, reason }
    })
}

/// The names of a model.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    name: String,
    aliases: Vec<String>,
}

impl Names {
    /// Parses names separated by commas; `None` without any name.
    fn parse(text: &str) -> Option<Self> {
        let mut names: Vec<String> = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        let mut names = names.into_iter();
        Some(Self { name: names.next()?, aliases: names.collect() })
    }
}

/// The names for clients: those of the flag, and otherwise Infinity's default for the model's `full_id`, so that they
/// do not depend on how `--model-id` abbreviates it.
fn resolve_names(
    model_ids: &[String],
    given: Vec<Option<String>>,
    full_id: impl Fn(&str) -> Result<String, Error>,
) -> Result<Vec<Names>, Error> {
    const FLAG: &str = "--served-model-name";
    let mut users: HashMap<String, &str> = HashMap::new();
    let mut all = Vec::with_capacity(given.len());
    for (model_id, names) in model_ids.iter().zip(given) {
        let names = match names {
            Some(text) => Names::parse(&text)
                .ok_or_else(|| Error::Flag { flag: FLAG, reason: format!("\"{text}\" contains no name") })?,
            None => Names { name: default_name(&full_id(model_id)?), aliases: Vec::new() },
        };
        for name in std::iter::once(&names.name).chain(&names.aliases) {
            if let Some(other) = users.insert(name.clone(), model_id) {
                let reason = format!("{other} and {model_id} would both have the name \"{name}\": give each its own");
                return Err(Error::Flag { flag: FLAG, reason });
            }
        }
        all.push(names);
    }
    Ok(all)
}

/// The last two parts of a path; the whole name of a repository.
fn default_name(model_id: &str) -> String {
    let parts: Vec<&str> = model_id.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    match parts[..] {
        [] => model_id.to_owned(),
        _ => parts[parts.len().saturating_sub(2)..].join("/"),
    }
}

fn resolve_listen(
    args: ListenArgs,
    permissive_cors: bool,
    request_timeout: Option<Duration>,
    shutdown_timeout: Duration,
) -> Result<(Listen, ServerOptions), Error> {
    let ListenArgs { host, port, unix_socket, tls_cert, tls_key, url_prefix, api_key, cors_allow_origin, allow_host } =
        args;
    let listen = match unix_socket {
        Some(unix_socket) => Listen::Unix { unix_socket },
        None => {
            let tls = tls_cert.zip(tls_key).map(|(tls_cert, tls_key)| TlsFiles { tls_cert, tls_key });
            Listen::Tcp { host, port, tls }
        }
    };
    let api_keys = ApiKeys::new(api_key.iter().map(|key| key.0.as_str()))
        .map_err(|e| Error::Flag { flag: "--api-key", reason: e.to_string() })?;
    let anyone = permissive_cors.then(|| "*".to_owned());
    let options = ServerOptions {
        api_keys,
        cors_allow_origin: cors_allow_origin.into_iter().filter(|origin| !origin.is_empty()).chain(anyone).collect(),
        allow_host: allow_host.into_iter().filter(|name| !name.is_empty()).collect(),
        url_prefix,
        request_timeout,
        shutdown_timeout,
        ..ServerOptions::default()
    };
    Ok((listen, options))
}

#[cfg(test)]
mod tests {
    use super::{Names, default_name};

    #[test]
    fn names_of_one_model_are_separated_by_commas() {
        let names = |text: &str| Names::parse(text).map(|names| [vec![names.name], names.aliases].concat());
        assert_eq!(names("a").unwrap(), ["a"]);
        assert_eq!(names("a, b,,a,org/c").unwrap(), ["a", "b", "org/c"]);
        assert_eq!(names(" , "), None);
    }

    #[test]
    fn names_are_those_that_infinity_would_give() {
        for (id, name) in [
            ("BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5"),
            ("bert-base-uncased", "bert-base-uncased"),
            ("/mnt/models/bge", "models/bge"),
            ("/mnt/models/bge/", "models/bge"),
            ("./bge", "bge"),
            ("a/b/model.onnx", "b/model.onnx"),
            ("/", "/"),
        ] {
            assert_eq!(default_name(id), name, "{id}");
        }
    }
}
