//! The words of a Python engine's spec (`torch:bfloat16:compile`): which there are, and what they choose.

use std::collections::BTreeMap;
use std::num::NonZero;

use clap::ValueEnum;

use super::PythonError;
use crate::engine::{EngineKind, EngineSpec};
use crate::runtime::device::Device;
use crate::suggest::suggest;

/// What a spec's words choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Words {
    /// Setting → word.
    pub settings: BTreeMap<&'static str, &'static str>,
    /// Texts in a batch (`b64`).
    pub batch: Option<NonZero<usize>>,
}

/// A setting and its words; the first is the default.
type Setting = (&'static str, &'static [&'static str]);

const DTYPE: &str = "dtype";
const TORCH: &[Setting] = &[
    (DTYPE, &["float32", "bfloat16", "float16"]),
    ("attention", &["sdpa", "eager", "flash_attention_2"]),
    ("compile", &["compile"]),
];
const ONNX_EXPORT: &[Setting] = &[(DTYPE, &["float32", "int8"])];
const OPENVINO: &[Setting] = &[(DTYPE, &["float32", "bfloat16"]), ("hint", &["latency", "throughput"])];
const CTRANSLATE2: &[Setting] = &[(DTYPE, &["float32", "int8", "bfloat16"])];
const FASTEMBED: &[Setting] = &[(DTYPE, &["float32"])];

pub(super) fn settings(kind: EngineKind) -> &'static [Setting] {
    match kind {
        EngineKind::Torch => TORCH,
        EngineKind::OnnxExport => ONNX_EXPORT,
        EngineKind::Openvino => OPENVINO,
        EngineKind::Ctranslate2 => CTRANSLATE2,
        EngineKind::Fastembed => FASTEMBED,
        _ => &[],
    }
}

/// The options of a Python engine, in groups of which a spec takes one.
pub fn choices(kind: EngineKind) -> Vec<Vec<&'static str>> {
    settings(kind).iter().map(|(_, words)| words.to_vec()).collect()
}

/// Whether a Python engine has the options and the device of a spec.
///
/// # Errors
/// [`PythonError::Option`] for what it has not.
pub fn check_options(spec: &EngineSpec) -> Result<(), PythonError> {
    Words::of(spec).map(|_| ())
}

impl Words {
    /// Reads the words and the device of `spec`.
    ///
    /// # Errors
    /// [`PythonError::Option`] for what the engine does not have.
    pub fn of(spec: &EngineSpec) -> Result<Self, PythonError> {
        let refuse = |reason: String| Err(PythonError::Option(reason));
        let name = spec.kind.name();
        if let Some(device) = spec.device.filter(|&device| !has_device(spec.kind, device)) {
            let device = device.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            return refuse(format!("{name} does not compute on {device:?}"));
        }
        let mut words = Self::default();
        for word in &spec.words {
            if let Some(batch) = batch(word) {
                if words.batch.is_some_and(|other| other != batch) {
                    return refuse(format!("{spec} says two batch sizes"));
                }
                words.batch = Some(batch);
                continue;
            }
            let known = settings(spec.kind)
                .iter()
                .find_map(|(setting, words)| Some((*setting, *words.iter().find(|known| **known == word.as_str())?)));
            let Some((setting, word)) = known else { return refuse(unknown(spec.kind, word)) };
            if let Some(other) = words.settings.insert(setting, word).filter(|other| *other != word) {
                return refuse(format!("{spec} says two things at once: {other} and {word}"));
            }
        }
        Ok(words)
    }

    /// The number format it computes with.
    pub fn dtype(&self) -> &'static str {
        self.settings.get(DTYPE).copied().unwrap_or("float32")
    }
}

/// Whether the engine can compute there.
fn has_device(kind: EngineKind, device: Device) -> bool {
    match device {
        Device::Auto | Device::Cpu => true,
        Device::Cuda => kind != EngineKind::Openvino,
        Device::Tensorrt => false,
    }
}

/// `b64`: 64 texts in a batch.
fn batch(word: &str) -> Option<NonZero<usize>> {
    word.strip_prefix('b').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

fn unknown(kind: EngineKind, word: &str) -> String {
    let known = || settings(kind).iter().flat_map(|(_, words)| words.iter().copied());
    let like = suggest(word, known()).map(|known| format!(", did you mean {known:?}?")).unwrap_or_default();
    let names: Vec<&str> = known().chain(["bN (texts in a batch, as b64)"]).collect();
    format!("{} has no option {word:?}{like}; options: {}", kind.name(), names.join(", "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(spec: &str) -> Result<Words, String> {
        Words::of(&spec.parse().unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn words_choose() {
        let words = read("torch@cpu:bfloat16:compile:b64:eager").unwrap();
        let chosen = [("attention", "eager"), ("compile", "compile"), ("dtype", "bfloat16")];
        assert_eq!(words.settings.into_iter().collect::<Vec<_>>(), chosen);
        assert_eq!(words.batch, NonZero::new(64));
        assert_eq!(read("openvino:throughput").unwrap().dtype(), "float32");
        assert_eq!(read("onnx-export:int8:int8").unwrap().dtype(), "int8");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (spec, reason) in [
            ("torch:bfloat61", "torch has no option \"bfloat61\", did you mean \"bfloat16\"?; options: float32, "),
            ("torch:int8", "torch has no option \"int8\""),
            ("fastembed:xyz", "options: float32, bN"),
            ("onnx-export:b0", "has no option \"b0\""),
            ("ctranslate2:float32:int8", "two things at once: float32 and int8"),
            ("torch:b8:b9", "two batch sizes"),
            ("openvino@cuda", "openvino does not compute on \"cuda\""),
            ("torch@tensorrt", "torch does not compute on \"tensorrt\""),
        ] {
            let error = read(spec).unwrap_err();
            assert!(error.contains(reason), "{spec}: {error}");
        }
    }
}
