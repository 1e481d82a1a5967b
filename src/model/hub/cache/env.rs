//! The environment variables that Hugging Face's tools agree on, read once.
//!
//! Source: huggingface_hub, `constants.py` and its page "Environment variables". What Python finds, infa finds.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::regular_file;

/// The Hub's address, its cache, and the access token.
#[derive(Clone, PartialEq, Eq)]
pub struct HubEnv {
    /// The cache's root, which holds `models--org--name`.
    pub cache: PathBuf,
    pub token: Option<String>,
    /// `HF_HUB_OFFLINE` forbids the network.
    pub offline: bool,
    /// The Hub's address, without a slash at its end.
    pub endpoint: String,
}

impl HubEnv {
    /// The Hub itself.
    pub const ENDPOINT: &str = "https://huggingface.co";

    pub fn from_env() -> Self {
        Self::from_lookup(&|name| std::env::var_os(name), std::env::home_dir())
    }

    /// Reads another environment. Empty variables count as unset.
    ///
    /// The token comes from `HF_TOKEN`, then `HUGGING_FACE_HUB_TOKEN`, then the file that `hf auth login` writes.
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN` leaves only the first two.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Self {
        // A user without a home directory (some containers): anything writable will do.
        let user = home.unwrap_or_else(std::env::temp_dir);
        let var = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let path = |name: &str| var(name).map(|value| expand(PathBuf::from(value), &user));
        let text = |name: &str| {
            let value = var(name)?.into_string().ok()?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let truth = |name: &str| {
            text(name).is_some_and(|value| matches!(value.to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE"))
        };

        let hf_home = path("HF_HOME")
            .unwrap_or_else(|| path("XDG_CACHE_HOME").unwrap_or_else(|| user.join(".cache")).join("huggingface"));
        let cache =
            path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE")).unwrap_or_else(|| hf_home.join("hub"));
        let token = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN")).or_else(|| {
            if truth("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
                return None;
            }
            read_token(&path("HF_TOKEN_PATH").unwrap_or_else(|| hf_home.join("token")))
        });
        let endpoint = text("HF_ENDPOINT").map(|url| url.trim_end_matches('/').to_owned());
        Self {
            cache,
            token,
            offline: truth("HF_HUB_OFFLINE") || truth("TRANSFORMERS_OFFLINE"),
            endpoint: endpoint.filter(|url| !url.is_empty()).unwrap_or_else(|| Self::ENDPOINT.to_owned()),
        }
    }
}

/// Tokens have no place in logs.
impl fmt::Debug for HubEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubEnv")
            .field("cache", &self.cache)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("offline", &self.offline)
            .field("endpoint", &self.endpoint)
            .finish()
    }
}

/// Tokens have some 40 characters.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

fn read_token(path: &Path) -> Option<String> {
    let token = regular_file::read_text(path, MAX_TOKEN_BYTES).ok()?;
    let token = token.trim();
    (!token.is_empty()).then(|| token.to_owned())
}

/// `~` and `~/…`, as shells leave them when the variable is set in a configuration file.
fn expand(path: PathBuf, home: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => path,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn env(vars: &[(&str, &str)]) -> HubEnv {
        let lookup = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        HubEnv::from_lookup(&lookup, Some("/home/me".into()))
    }

    #[test]
    fn the_cache_is_where_python_looks_for_it() {
        let cases: [(&[(&str, &str)], &str); 7] = [
            (&[], "/home/me/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")], "/h/hub"),
            (&[("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old"),
            (&[("HF_HUB_CACHE", "/new"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/new"),
            (&[("HF_HOME", "~/hf")], "/home/me/hf/hub"),
            (&[("HF_HOME", "")], "/home/me/.cache/huggingface/hub"),
        ];
        for (vars, expected) in cases {
            assert_eq!(env(vars).cache, Path::new(expected), "{vars:?}");
        }
    }

    #[test]
    fn tokens_come_from_variables_before_files_and_are_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), " hf_file\n").unwrap();
        let home = dir.path().to_str().unwrap();
        let token = |vars: &[(&str, &str)]| env(vars).token;
        assert_eq!(token(&[("HF_HOME", home)]).unwrap(), "hf_file");
        assert_eq!(token(&[("HF_HOME", home), ("HUGGING_FACE_HUB_TOKEN", "hf_old")]).unwrap(), "hf_old");
        assert_eq!(token(&[("HF_TOKEN", " hf_new "), ("HUGGING_FACE_HUB_TOKEN", "hf_old")]).unwrap(), "hf_new");
        assert_eq!(token(&[("HF_TOKEN_PATH", &format!("{home}/token"))]).unwrap(), "hf_file");
        assert_eq!(token(&[("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
        assert!(!format!("{:?}", env(&[("HF_TOKEN", "hf_new")])).contains("hf_new"));
    }

    #[test]
    fn switches_and_endpoint() {
        for (value, offline) in [("1", true), ("true", true), ("Yes", true), ("on", true), ("0", false), ("", false)] {
            assert_eq!(env(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value:?}");
        }
        assert_eq!(env(&[]).endpoint, "https://huggingface.co");
        assert_eq!(env(&[("HF_ENDPOINT", "http://mirror:8080/hf//")]).endpoint, "http://mirror:8080/hf");
    }
}
