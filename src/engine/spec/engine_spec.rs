//! An engine with its device, options and URL.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use reqwest::Url;

use super::{SpecError, redacted_url};
use crate::engine::EngineKind;
use crate::runtime::device::{Device, GpuIds};
use crate::suggest::suggest;

/// An engine, local or remote.
///
/// Written `NAME[@DEVICE][:OPTION…][=URL]`: a device for engines of this machine, options of the engine (`int8`,
/// `compile`), a URL for servers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineSpec {
    pub kind: EngineKind,
    /// Its device; `None`: as it likes.
    pub device: Option<Device>,
    /// Its options, in the order in which they were written.
    pub options: Vec<String>,
    pub url: Option<Url>,
}

impl EngineSpec {
    /// The spec of an engine that is started by a command of its own: any server may be without a URL.
    ///
    /// # Errors
    /// As any other spec's, without [`SpecError::NoUrl`].
    pub fn launched(text: &str) -> Result<Self, SpecError> {
        Self::read(text, true)
    }

    fn read(text: &str, launched: bool) -> Result<Self, SpecError> {
        if let Some(url) = bare_url(text) {
            return Err(SpecError::NoApi { url, name: None });
        }
        let (head, url) = match text.split_once('=') {
            Some((head, url)) => (head, Some(url.trim())),
            None => (text, None),
        };
        let mut words = head.split(':').map(str::trim).peekable();
        let first = words.next().unwrap_or_default();
        let (name, device) = match first.split_once('@') {
            Some((name, device)) => {
                let mut device: Device = device.parse()?;
                // Words of digits after a GPU are its numbers.
                while device.kind.is_gpu()
                    && let Some(ids) = words.next_if(|word| is_gpu_ids(word))
                {
                    device.ids = device.ids.and(GpuIds::parse(ids)?);
                }
                (name.trim(), Some(device))
            }
            None => (first, None),
        };
        let kind = EngineKind::from_str(name, true).map_err(|_| match (unknown(name), url.and_then(bare_url)) {
            (SpecError::Unknown { like: None, .. }, Some(url)) => SpecError::NoApi { url, name: Some(name.to_owned()) },
            (error, _) => error,
        })?;
        let name = kind.name();
        let url = match url {
            // As in "onnx=onnx:int8": a name of the user's own that is already an engine's.
            Some(url) if is_engine(url) => return Err(SpecError::Taken { name }),
            Some(_) if kind.server().is_none() => return Err(SpecError::NoServer { name }),
            Some(url) => Some(parse_url(url)?),
            None => None,
        };
        match (kind.server().is_some(), &url, device) {
            (true, None, _) if !launched && kind.launch().is_none() => return Err(SpecError::NoUrl { name }),
            (true, _, Some(_)) => return Err(SpecError::DeviceOfServer { name }),
            _ => {}
        }
        let options = words.map(str::to_ascii_lowercase).collect();
        let spec = Self { kind, device, options, url };
        spec.check()?;
        Ok(spec)
    }
}

impl FromStr for EngineSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::read(text, false)
    }
}

impl fmt::Display for EngineSpec {
    /// Without user name, password and query of the URL, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let Some(device) = self.device {
            write!(f, "@{}", device.in_spec())?;
        }
        for option in &self.options {
            write!(f, ":{option}")?;
        }
        match &self.url {
            Some(url) => write!(f, "={}", redacted_url(url)),
            None => Ok(()),
        }
    }
}

/// True for `1`, `0,1` and `all`: no option looks like that.
fn is_gpu_ids(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit()) || word.eq_ignore_ascii_case("all")
}

/// The URL that the whole of `text` is, without what may be secret.
fn bare_url(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    Some(redacted_url(&url))
}

fn parse_url(text: &str) -> Result<Url, SpecError> {
    let hidden = || SpecError::Url { url: text.rsplit('@').next().unwrap_or_default().to_owned() };
    let url = Url::parse(text).map_err(|_| hidden())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(hidden());
    }
    Ok(url)
}

/// True if a text begins with the name of an engine, as a spec does: `onnx@cpu:int8`, `openai=https://…`.
pub(crate) fn is_engine(text: &str) -> bool {
    let name = text.split(['@', ':', '=']).next().unwrap_or_default().trim();
    EngineKind::from_str(name, true).is_ok()
}

fn unknown(name: &str) -> SpecError {
    let names = || EngineKind::value_variants().iter().map(|kind| kind.name());
    let like = suggest(name, names());
    SpecError::Unknown { name: name.to_owned(), like, known: names().collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<EngineSpec, SpecError> {
        text.parse()
    }

    #[test]
    fn every_part() {
        let onnx = read("onnx@cuda:float16").unwrap();
        assert_eq!(
            (onnx.kind, onnx.device, onnx.options),
            (EngineKind::Onnx, Some(Device::CUDA), vec!["float16".into()])
        );
        let tei = read("tei=http://127.0.0.1:8080/a?b=c").unwrap();
        assert_eq!((tei.kind, tei.url.unwrap().as_str()), (EngineKind::Tei, "http://127.0.0.1:8080/a?b=c"));
        for text in [
            "onnx",
            "torch:bfloat16:compile",
            "onnx-export",
            "onnx:int8",
            "onnx@cpu:int8",
            "onnx@cuda:1:float16",
            "onnx@cuda:0:1",
            "onnx@tensorrt:all:float16",
            "openai=https://example.org/v1",
            "infa=http://[::1]:7997",
        ] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn numbers_after_a_gpu_are_its_own() {
        let written = |text: &str| read(text).unwrap().to_string();
        assert_eq!(written("onnx@cuda:1:0:float16"), "onnx@cuda:0:1:float16");
        assert_eq!(written("onnx@cuda:0,2"), "onnx@cuda:0:2");
        assert_eq!(written("onnx@CUDA:ALL:float16"), "onnx@cuda:all:float16");
        for (text, reason) in [
            ("onnx@cpu:0", "onnx has no option \"0\""),
            ("onnx@cuda:float16:1", "onnx has no option \"1\""),
            ("onnx@cuda:1x", "\"1x\" is not the number of a GPU"),
            ("onnx@cuda:99", "there is no GPU 99"),
            ("torch@cuda:1", "CUDA_VISIBLE_DEVICES"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_url_needs_its_api() {
        let error = read("http://me:secret@127.0.0.1:8080/v1?key=secret").unwrap_err().to_string();
        assert!(error.contains("openai=http://127.0.0.1:8080/v1") && !error.contains("secret"), "{error}");
        let error = read("prod=https://example.org/v1").unwrap_err().to_string();
        assert!(error.contains("prod=openai=https://example.org/v1"), "{error}");
        let error = read("opnai=https://example.org").unwrap_err().to_string();
        assert!(error.contains("did you mean \"openai\""), "{error}");
    }

    #[test]
    fn no_secret_is_shown() {
        let spec = read("openai=https://me:secret@example.org/v1?key=secret").unwrap();
        assert_eq!(spec.to_string(), "openai=https://example.org/v1");
        let error = read("openai=ftp://me:secret@example.org").unwrap_err().to_string();
        assert!(!error.contains("secret") && error.contains("example.org"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| read(text).unwrap_err().to_string();
        assert!(error("infinty=http://a").contains("did you mean \"infinity\"?"));
        assert!(error("xyzzy").contains("engines: onnx, torch"));
        assert!(error("openai").contains("openai=http://127.0.0.1:8080"));
        assert_eq!(read("tei").unwrap().url, None);
        assert_eq!(EngineSpec::launched("openai").unwrap().to_string(), "openai");
        assert!(EngineSpec::launched("openai@cpu").is_err());
        assert!(error("tei@cuda=http://a").contains("device"));
        assert!(error("onnx=http://a").contains("takes no URL"));
        assert!(error("onnx=onnx:int8").contains("is the name of an engine"));
        assert!(error("openai=openai=http://a").contains("is the name of an engine"));
        assert!(error("onnx@gpu").contains("\"gpu\""));
        assert!(error("tei=host:80").contains("not an http or https URL"));
        assert!(error("").contains("there is no engine"));
    }
}
