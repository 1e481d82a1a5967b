//! The options of a spec: which of the engine's they are, and whether they go together.

use std::collections::BTreeMap;
use std::num::NonZero;

use clap::ValueEnum;

use super::{EngineSpec, SpecError};
use crate::engine::recipes::{Location, OptionGroup};
use crate::runtime::device::{DeviceKind, Dtype, GpuIds};
use crate::suggest::suggest;

/// An option of Python engines beside those of their groups.
const BATCH: &str = "bN (texts in a batch, as b64)";

impl EngineSpec {
    /// Checks that the engine has the options and the device, and that the options are compatible.
    ///
    /// # Errors
    /// [`SpecError`] for the first that fails.
    pub fn check(&self) -> Result<(), SpecError> {
        let engine = self.kind.name();
        if let (Some(_), Some(option)) = (&self.url, self.options.first()) {
            return Err(SpecError::OptionOfServer { engine, option: option.clone() });
        }
        if let (Some(device), Some(python)) = (self.device, self.kind.python()) {
            if device.kind == DeviceKind::Tensorrt || device.kind == DeviceKind::Cuda && !python.cuda {
                return Err(SpecError::NoDevice { engine, device });
            }
            if device.ids != GpuIds::First {
                return Err(SpecError::NoGpuNumber { engine });
            }
        }
        let mut chosen: BTreeMap<&str, &str> = BTreeMap::new();
        for option in &self.options {
            let (key, what) = match self.group_of(option) {
                Some(group) => (group.key, group.what),
                None if self.kind.python().is_some() && batch(option).is_some() => ("batch", "batch sizes"),
                None => return Err(self.unknown(option)),
            };
            if let Some(first) = chosen.insert(key, option).filter(|first| first != option) {
                return Err(SpecError::TwoOptions { engine, what, first: first.into(), second: option.clone() });
            }
        }
        for ignored in self.kind.launch().map_or(&[][..], |launch| launch.ignored) {
            let has = |option: &&&'static str| self.options.iter().any(|other| other == **option);
            let holds = ignored.with.is_empty() || ignored.with.iter().any(|with| has(&with));
            let excused = ignored.unless.is_some_and(|unless| has(&&unless));
            if let Some(option) = ignored.options.iter().find(has).filter(|_| holds && !excused) {
                return Err(SpecError::Ignored { engine, option, reason: ignored.reason });
            }
        }
        Ok(())
    }

    /// The number format of a model in this process, if the spec names one.
    pub fn dtype(&self) -> Option<Dtype> {
        match self.kind.location() {
            Location::Process => self.options.iter().find_map(|option| Dtype::from_str(option, true).ok()),
            _ => None,
        }
    }

    /// The option that is chosen of each group, by the group's key.
    pub(in crate::engine) fn settings(&self) -> BTreeMap<&'static str, &str> {
        let mut settings = BTreeMap::new();
        for option in &self.options {
            settings.extend(self.group_of(option).map(|group| (group.key, option.as_str())));
        }
        settings
    }

    /// Texts in a batch of a Python engine (`b64`).
    pub(in crate::engine) fn batch(&self) -> Option<NonZero<usize>> {
        self.options.iter().find_map(|option| batch(option))
    }

    /// The flags of a server that is started with the options.
    pub(in crate::engine) fn flags(&self) -> Vec<String> {
        let mut flags: Vec<String> = Vec::new();
        for option in &self.options {
            match self.group_of(option) {
                Some(OptionGroup { switches: true, .. }) if !flags.contains(&format!("--{option}")) => {
                    flags.push(format!("--{option}"));
                }
                Some(OptionGroup { switches: false, key, .. }) if !flags.contains(&format!("--{key}")) => {
                    flags.extend([format!("--{key}"), option.clone()]);
                }
                _ => {}
            }
        }
        flags
    }

    fn group_of(&self, option: &str) -> Option<&'static OptionGroup> {
        self.kind.recipe().options.iter().find(|group| group.options.contains(&option))
    }

    fn unknown(&self, option: &str) -> SpecError {
        let known = || self.kind.recipe().options.iter().flat_map(|group| group.options).copied();
        let like = suggest(option, known());
        let known: Vec<&str> = known().chain(self.kind.python().map(|_| BATCH)).collect();
        SpecError::Option { engine: self.kind.name(), option: option.to_owned(), like, known: known.join(", ") }
    }
}

/// `b64`: 64 texts in a batch.
fn batch(option: &str) -> Option<NonZero<usize>> {
    option.strip_prefix('b').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(spec: &str) -> EngineSpec {
        spec.parse().unwrap()
    }

    #[test]
    fn options_choose() {
        let torch = read("torch@cpu:bfloat16:compile:b64:eager");
        let chosen = [("attention", "eager"), ("compile", "compile"), ("dtype", "bfloat16")];
        assert_eq!(torch.settings().into_iter().collect::<Vec<_>>(), chosen);
        assert_eq!(torch.batch(), NonZero::new(64));
        assert_eq!(read("openvino:throughput").settings().get("dtype"), None);
        assert_eq!(read("onnx-export:int8:int8").settings()["dtype"], "int8");
        assert_eq!(read("openvino:int8-float32:latency").settings()["dtype"], "int8-float32");
        assert_eq!(read("onnx:int8").dtype(), Some(Dtype::Int8));
        assert_eq!((read("onnx").dtype(), read("torch:float16").dtype()), (None, None));
    }

    #[test]
    fn options_of_servers_are_flags() {
        let flags = |spec: &str| read(spec).flags().join(" ");
        assert_eq!(flags("infinity"), "");
        assert_eq!(flags("infinity:optimum"), "--engine optimum");
        assert_eq!(flags("infinity:bfloat16:torch"), "--dtype bfloat16 --engine torch");
        let compiled = "--engine torch --compile --no-bettertransformer";
        assert_eq!(flags("infinity:torch:compile:no-bettertransformer"), compiled);
        assert_eq!(flags("tei:float16:float16"), "--dtype float16");
        assert_eq!(flags("infa:int8"), "--dtype int8");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (spec, reason) in [
            ("torch:bfloat61", "torch has no option \"bfloat61\", did you mean \"bfloat16\"?; options: float32, "),
            ("torch:int8", "torch has no option \"int8\""),
            ("onnx:", "onnx has no option \"\"; options: "),
            ("onnx::int8", "onnx has no option \"\""),
            ("fastembed:xyz", "options: float32, bN"),
            ("onnx-export:b0", "has no option \"b0\""),
            ("ctranslate2:float32:int8", "ctranslate2: two number formats: float32 and int8"),
            ("openvino:int8:bfloat16", "openvino: two number formats: int8 and bfloat16"),
            ("openvino:int4", "options: float32, bfloat16, int8, int8-float32, latency"),
            ("torch:b8:b9", "two batch sizes: b8 and b9"),
            ("openvino@cuda", "openvino does not compute on \"cuda\""),
            ("torch@tensorrt", "torch does not compute on \"tensorrt\""),
            ("onnx:int8:float32", "onnx: two number formats: int8 and float32"),
            ("onnx:b8", "onnx has no option \"b8\""),
            ("infinity:optimun", "\"optimun\", did you mean \"optimum\"?; options: torch, optimum"),
            ("tei:float61", "did you mean \"float16\"?; options: float32, float16"),
            ("tei:int8", "options: float32, float16"),
            ("infa:xyzzy", "infa has no option \"xyzzy\"; options: float32"),
            ("infinity:torch:optimum", "two engines: torch and optimum"),
            ("tei:float16=http://a", "tei has no option \"float16\": what a server computes with is its own"),
        ] {
            let error = spec.parse::<EngineSpec>().unwrap_err().to_string();
            assert!(error.contains(reason), "{spec}: {error}");
        }
        let error = EngineSpec::launched("openai:float16").unwrap_err().to_string();
        assert!(error.ends_with("options: none"), "{error}");
    }

    #[test]
    fn options_that_infinity_would_ignore() {
        for options in ["optimum:int8", "ctranslate2:float32", "optimum:compile", "int8", "torch:compile"] {
            let error = format!("infinity:{options}").parse::<EngineSpec>().unwrap_err().to_string();
            assert!(error.contains("infinity ignores the option"), "{error}");
        }
        assert!("infinity:int8:no-bettertransformer".parse::<EngineSpec>().is_ok());
    }
}
