//! The number format in the spec of a model of this process: `onnx:int8`.

use clap::ValueEnum;

use crate::engine::EngineSpec;
use crate::runtime::device::Dtype;
use crate::suggest::suggest;

/// The number format that `spec` names, its only option.
///
/// # Errors
/// A sentence about an option that is not a number format, or a second one.
pub fn dtype_of(spec: &EngineSpec) -> Result<Option<Dtype>, String> {
    let mut found = None;
    for word in &spec.words {
        let Ok(dtype) = Dtype::from_str(word, true) else { return Err(unknown(spec, word)) };
        if found.is_some_and(|other| other != dtype) {
            return Err(format!("{spec} says two number formats"));
        }
        found = Some(dtype);
    }
    Ok(found)
}

fn unknown(spec: &EngineSpec, word: &str) -> String {
    let names: Vec<String> = Dtype::value_variants().iter().map(ToString::to_string).collect();
    let similar = suggest(word, names.iter().map(String::as_str));
    let similar = similar.map(|name| format!(", did you mean {name:?}?")).unwrap_or_default();
    format!("{} has no option {word:?}{similar}; options: {}", spec.kind.name(), names.join(", "))
}
