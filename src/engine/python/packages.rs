//! What each Python engine needs to be installed.

use crate::engine::EngineKind;

/// A Python package: the module that is imported, and the distribution that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// As it is imported.
    pub module: &'static str,
    /// As it is installed.
    pub name: &'static str,
}

const fn package(module: &'static str, name: &'static str) -> Package {
    Package { module, name }
}

const TORCH: Package = package("torch", "torch");
const SENTENCE_TRANSFORMERS: Package = package("sentence_transformers", "sentence-transformers");
const TRANSFORMERS: Package = package("transformers", "transformers");
const ONNXRUNTIME: Package = package("onnxruntime", "onnxruntime");
const OPENVINO: Package = package("openvino", "openvino");
const CTRANSLATE2: Package = package("ctranslate2", "ctranslate2");
const FASTEMBED: Package = package("fastembed", "fastembed");
const INFINITY: Package = package("infinity_emb", "infinity-emb");

/// What every engine's environment has: what reads a model of PyTorch and writes it as ONNX.
const BASE: &[&str] = &[
    "torch>=2.6,<3",
    "transformers>=4.56,<6",
    "sentence-transformers>=5.1,<7",
    "onnx>=1.17,<2",
    "onnxruntime>=1.20,<2",
];

/// What `kind` cannot start without; none for engines that are no Python. What only some models need (torch, to export
/// one) is asked for when it is.
pub fn needed(kind: EngineKind) -> &'static [Package] {
    match kind {
        EngineKind::Torch => &[TORCH, SENTENCE_TRANSFORMERS],
        EngineKind::OnnxExport => &[ONNXRUNTIME, TRANSFORMERS],
        EngineKind::Openvino => &[OPENVINO, TRANSFORMERS],
        EngineKind::Ctranslate2 => &[CTRANSLATE2, TRANSFORMERS],
        EngineKind::Fastembed => &[FASTEMBED],
        EngineKind::Infinity => &[INFINITY],
        _ => &[],
    }
}

/// What is installed for `kind`, as pip has it.
pub(super) fn requirements(kind: EngineKind) -> Vec<&'static str> {
    let own: &[&str] = match kind {
        EngineKind::Openvino => &["openvino>=2025.0,<2027"],
        EngineKind::Ctranslate2 => &["ctranslate2>=4.6,<5"],
        EngineKind::Fastembed => &["fastembed>=0.7,<1"],
        // The last release of Infinity breaks with newer ones of what it is made of.
        EngineKind::Infinity => {
            return vec![
                "infinity-emb[server,torch,optimum,ct2]==0.0.77",
                // From there on it asks transformers for what those before 4.56 do not have.
                "ctranslate2<4.6.3",
                "transformers<4.50",
                "optimum<1.25",
                "sentence-transformers<4",
                "click<8.2",
                "typer<0.13",
                "pyarrow<17",
                "datasets<3.4",
            ];
        }
        _ => &[],
    };
    BASE.iter().chain(own).copied().collect()
}
