//! The variables of text-embeddings-inference (TEI), for deployments that change their image.
//!
//! Source: huggingface/text-embeddings-inference 1.9, `router/src/main.rs`, where each flag's variable is the flag's name
//! in capitals, without a prefix. Names like `PORT` and `HOSTNAME` are set in many shells for other reasons, so they are
//! read only beside a variable or a flag that is TEI's alone. `API_KEY` is always read: a server must never stand open
//! because of the program that reads its key. docs/serve.md has the table of all variables; a test compares them.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::net::IpAddr;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, ValueEnum};

use crate::cli::serve::{LogLevel, TeiEnv};

/// The condition for reading a variable, if `--tei-env` is auto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// The name is TEI's alone.
    Own,
    /// The name is common: read only together with a variable or flag that is TEI's alone.
    Beside,
    Always,
}

/// A variable of TEI's, the flag of `infa serve` that it sets (its id), and when it is read. Where several set one flag,
/// the first counts.
const VARIABLES: &[(&str, &str, When)] = &[
    ("MODEL_ID", "model_id", When::Own),
    ("REVISION", "revision", When::Beside),
    ("SERVED_MODEL_NAME", "served_model_name", When::Own),
    ("DTYPE", "dtype", When::Beside),
    ("POOLING", "pooling_method", When::Beside),
    ("MAX_CONCURRENT_REQUESTS", "max_concurrent_requests", When::Own),
    ("MAX_BATCH_TOKENS", "max_batch_tokens", When::Own),
    ("MAX_BATCH_REQUESTS", "max_batch_requests", When::Own),
    ("MAX_CLIENT_BATCH_SIZE", "max_client_batch_size", When::Own),
    ("AUTO_TRUNCATE", "auto_truncate", When::Own),
    ("DEFAULT_PROMPT_NAME", "prompt_name", When::Own),
    ("DEFAULT_PROMPT", "prompt", When::Beside),
    ("DENSE_PATH", "dense_path", When::Own),
    ("HF_API_TOKEN", "hf_api_token", When::Always),
    ("HOSTNAME", "host", When::Beside),
    // Vertex AI's.
    ("AIP_HTTP_PORT", "port", When::Own),
    ("PORT", "port", When::Beside),
    ("UDS_PATH", "uds_path", When::Own),
    ("PAYLOAD_LIMIT", "body_limit", When::Own),
    ("API_KEY", "api_key", When::Always),
    ("JSON_OUTPUT", "json_output", When::Beside),
    ("LOG_LEVEL", "log_level", When::Beside),
    ("DISABLE_SPANS", "disable_spans", When::Beside),
    ("OTLP_ENDPOINT", "otlp_endpoint", When::Beside),
    ("OTLP_SERVICE_NAME", "otlp_service_name", When::Beside),
    ("PROMETHEUS_PORT", "prometheus_port", When::Beside),
    ("CORS_ALLOW_ORIGIN", "cors_allow_origin", When::Beside),
    ("TOKENIZATION_WORKERS", "tokenization_workers", When::Own),
];

/// Flags that only TEI has: on the command line they show that it was written for TEI.
const FLAGS: &[&str] = &[
    "--auto-truncate",
    "--default-prompt",
    "--default-prompt-name",
    "--dense-path",
    "--disable-spans",
    "--hf-api-token",
    "--hf-token",
    "--hostname",
    "--huggingface-hub-cache",
    "--json-output",
    "--max-batch-requests",
    "--payload-limit",
    "--prometheus-port",
    "--tokenization-workers",
    "--uds-path",
];

/// Common names that get a note if they are set and not read, as they may be meant for infa. `HOSTNAME` is set by every
/// container and many shells, so it gets none.
const WORTH_A_WORD: &[&str] = &["PORT", "REVISION", "DTYPE", "POOLING", "DEFAULT_PROMPT", "CORS_ALLOW_ORIGIN"];

/// The variables of the Hub's access token that infa reads for every command.
const HUB_TOKENS: &[&str] = &["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];

/// The reading of TEI's variables in one start of `infa serve`.
pub(super) struct TeiVariables {
    mode: TeiEnv,
    /// True if common names are read.
    beside: bool,
    /// The variables that set a flag, with the flag's id.
    taken: RefCell<Vec<(&'static str, &'static str)>>,
    warnings: RefCell<Vec<String>>,
}

impl TeiVariables {
    /// Decides by `mode`, and by TEI's flags and variables in `arguments` and the environment.
    pub(crate) fn new(mode: TeiEnv, arguments: &[OsString]) -> Self {
        let is_flag = |argument: &OsString| {
            let argument = argument.to_string_lossy();
            FLAGS.contains(&argument.split('=').next().unwrap_or_default())
        };
        let own = || VARIABLES.iter().any(|&(name, _, when)| when == When::Own && set(name).is_some());
        let beside = match mode {
            TeiEnv::Always => true,
            TeiEnv::Never => false,
            TeiEnv::Auto => own() || arguments.iter().any(is_flag),
        };
        Self { mode, beside, taken: RefCell::default(), warnings: RefCell::default() }
    }

    fn is_read(&self, when: When) -> bool {
        self.mode != TeiEnv::Never && (self.beside || when != When::Beside)
    }

    /// `arg`, which listens to TEI's variable if one is set that it understands.
    pub(crate) fn listen(&self, arg: Arg) -> Arg {
        let of_arg = VARIABLES.iter().filter(|(_, id, when)| *id == arg.get_id().as_str() && self.is_read(*when));
        for &(name, id, _) in of_arg {
            let Some(value) = set(name) else { continue };
            match id {
                "hf_api_token" if HUB_TOKENS.iter().any(|token| set(token).is_some()) => continue,
                // Set by Kubernetes for a service of that name.
                "port" if value.as_encoded_bytes().starts_with(b"tcp://") => continue,
                "log_level" if value.to_str().is_none_or(|level| LogLevel::from_str(level, true).is_err()) => {
                    self.warn(format!("{name} is ignored: only a level such as info or debug is understood here"));
                    continue;
                }
                "host" if !is_address(&value) => {
                    self.taken.borrow_mut().push((name, id));
                    return arg.default_value("0.0.0.0");
                }
                _ => {}
            }
            self.taken.borrow_mut().push((name, id));
            return arg.env(name);
        }
        arg
    }

    fn warn(&self, warning: String) {
        self.warnings.borrow_mut().push(warning);
    }

    /// Notes and warnings about the variables, from the values that `matches` of `infa serve` took.
    pub(crate) fn remarks(self, matches: &ArgMatches) -> (Vec<String>, Vec<String>) {
        let source = |id: &str| matches.value_source(id);
        let counted = |(name, id): &(&'static str, &'static str)| {
            let expected = if *name == "HOSTNAME" {
                [ValueSource::EnvVariable, ValueSource::DefaultValue]
            } else {
                [ValueSource::EnvVariable; 2]
            };
            source(id).is_some_and(|source| expected.contains(&source))
        };
        let counted: Vec<&str> =
            self.taken.borrow().iter().filter(|taken| counted(taken)).map(|(name, _)| *name).collect();
        let (mut notes, mut warnings) = (Vec::new(), self.warnings.take());
        if counted == ["API_KEY"] {
            notes.push("API_KEY is set: requests need this key (--tei-env never ignores it)".into());
        } else if !counted.is_empty() {
            notes.push(format!("Read from text-embeddings-inference's variables: {}", counted.join(", ")));
        }
        if counted.contains(&"HOSTNAME") && source("host") == Some(ValueSource::DefaultValue) {
            warnings.push(
                "HOSTNAME is not an address: listening on 0.0.0.0, as text-embeddings-inference does (--host, INFA_HOST win)".into(),
            );
        }
        let open = !matches!(source("api_key"), Some(ValueSource::CommandLine | ValueSource::EnvVariable));
        if self.mode == TeiEnv::Never && open && set("API_KEY").is_some() {
            warnings.push("API_KEY is not read (--tei-env never), and no other key is set: requests need none".into());
        }
        let unread = |name: &&&str| {
            let id = VARIABLES.iter().find(|(variable, ..)| variable == *name).map_or("", |(_, id, _)| id);
            let given = matches!(source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable));
            set(name).is_some() && !given
        };
        if self.mode == TeiEnv::Auto && !self.beside {
            let unread: Vec<&str> = WORTH_A_WORD.iter().filter(unread).copied().collect();
            if !unread.is_empty() {
                let unread = unread.join(", ");
                notes
                    .push(format!("Not read: {unread} (--tei-env always reads text-embeddings-inference's variables)"));
            }
        }
        if set("AIP_PREDICT_ROUTE").is_some_and(|route| route != "/vertex") && self.mode != TeiEnv::Never {
            warnings.push("AIP_PREDICT_ROUTE is not followed: let Vertex AI send predictions to /vertex".into());
        }
        if set("AIP_HEALTH_ROUTE").is_some_and(|route| route != "/health") && self.mode != TeiEnv::Never {
            warnings.push("AIP_HEALTH_ROUTE is not followed: let Vertex AI ask /health".into());
        }
        (notes, warnings)
    }

    /// True if `JSON_OUTPUT` is read and true.
    pub(crate) fn json_output(&self) -> bool {
        let says_yes =
            |value: OsString| ["1", "true", "t", "yes", "y", "on"].contains(&&*value.to_string_lossy().to_lowercase());
        self.taken().contains(&"JSON_OUTPUT") && set("JSON_OUTPUT").is_some_and(says_yes)
    }

    /// The variables that set flags; an error about a value that is not on the command line names them.
    pub(crate) fn taken(&self) -> Vec<&'static str> {
        self.taken.borrow().iter().map(|(name, _)| *name).collect()
    }
}

/// The value of a variable. An empty one counts as unset.
fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// True if TEI could listen on `host`.
fn is_address(host: &OsStr) -> bool {
    host.to_str().is_some_and(|host| host == "localhost" || host.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_variable_sets_a_flag_that_there_is() {
        let command = Cli::command();
        let serve = command.find_subcommand("serve").map(|serve| serve.get_arguments().collect::<Vec<_>>());
        for (name, id, _) in VARIABLES {
            let known = serve.iter().flatten().any(|arg| arg.get_id().as_str() == *id);
            assert!(known, "{name}: there is no flag {id}");
        }
        for flag in FLAGS {
            let name = flag.trim_start_matches('-');
            let known = serve.iter().flatten().any(|arg| {
                let aliases = arg.get_all_aliases().unwrap_or_default();
                arg.get_long() == Some(name) || aliases.contains(&name)
            });
            assert!(known, "there is no flag {flag}");
        }
    }

    #[test]
    fn hostname_is_an_address_or_a_name() {
        for (host, is) in [("127.0.0.1", true), ("::", true), ("localhost", true), ("my-pod-7d5f", false), ("", false)]
        {
            assert_eq!(is_address(OsStr::new(host)), is, "{host}");
        }
    }
}
