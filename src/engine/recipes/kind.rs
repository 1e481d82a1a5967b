//! The table of engines.

use clap::ValueEnum;

use super::recipe::{
    Health, IgnoredOption, LaunchRecipe, Location, OptionGroup, Package, Packages, PythonRecipe, Recipe, ServerRecipe,
    VersionRoute,
};
use crate::engine::remote::wire::{Cohere, Infa, Infinity, Jina, Openai, Tei, at, triton};

/// The engines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, ValueEnum)]
pub enum EngineKind {
    /// ONNX Runtime in this process
    #[default]
    Onnx,
    /// sentence-transformers on PyTorch
    Torch,
    /// Stock ONNX Runtime on an exported graph, padded batches
    OnnxExport,
    /// OpenVINO
    Openvino,
    /// CTranslate2
    Ctranslate2,
    /// fastembed
    Fastembed,
    /// A server that speaks OpenAI's API
    Openai,
    /// A server of huggingface/text-embeddings-inference
    Tei,
    /// A server of michaelfeil/infinity
    Infinity,
    /// A server that speaks Cohere's API
    Cohere,
    /// A server that speaks Jina's API
    Jina,
    /// A server that speaks KServe v2, such as Triton
    Triton,
    /// Another infa serve
    Infa,
}

impl EngineKind {
    /// The engines whose results are most likely right, best first.
    pub const REFERENCES: [Self; 2] = [Self::Torch, Self::Onnx];

    pub fn recipe(self) -> &'static Recipe {
        match self {
            Self::Onnx => &ONNX,
            Self::Torch => &TORCH,
            Self::OnnxExport => &ONNX_EXPORT,
            Self::Openvino => &OPENVINO,
            Self::Ctranslate2 => &CTRANSLATE2,
            Self::Fastembed => &FASTEMBED,
            Self::Openai => &OPENAI,
            Self::Tei => &TEI,
            Self::Infinity => &INFINITY,
            Self::Cohere => &COHERE,
            Self::Jina => &JINA,
            Self::Triton => &TRITON,
            Self::Infa => &INFA,
        }
    }

    pub fn name(self) -> &'static str {
        self.recipe().name
    }

    pub fn location(self) -> &'static Location {
        &self.recipe().location
    }

    /// The details of a Python engine; `None` for others.
    pub fn python(self) -> Option<&'static PythonRecipe> {
        if let Location::Python(python) = self.location() { Some(python) } else { None }
    }

    /// The details of a server; `None` for others.
    pub fn server(self) -> Option<&'static ServerRecipe> {
        if let Location::Server(server) = self.location() { Some(server) } else { None }
    }

    /// The start of an installed server by infa, for specs without a URL.
    pub fn launch(self) -> Option<&'static LaunchRecipe> {
        self.server()?.launch.as_ref()
    }
}

const DTYPE: &str = "dtype";
const FORMATS: &str = "number formats";

static ONNX: Recipe = Recipe {
    name: "onnx",
    location: Location::Process,
    options: &[OptionGroup::values(DTYPE, FORMATS, &["auto", "float32", "float16", "bfloat16", "int8"])],
    packages: None,
};

/// One environment for all Python engines, since PyTorch, which nearly all of them need, fills gigabytes.
const ENGINES: &str = "engines";
/// Packages that read a model of PyTorch and write it as ONNX.
const BASE: &[&str] = &[
    "torch>=2.6,<3",
    "transformers>=4.56,<6",
    "sentence-transformers>=5.1,<7",
    "onnx>=1.17,<2",
    "onnxruntime>=1.20,<2",
];
const TRANSFORMERS: Package = package("transformers", "transformers");

const fn package(module: &'static str, name: &'static str) -> Package {
    Package { module, name }
}

static TORCH: Recipe = Recipe {
    name: "torch",
    location: Location::Python(PythonRecipe {
        library: "sentence-transformers",
        cuda: true,
        reranks: true,
        cuts_left: true,
    }),
    options: &[
        OptionGroup::values(DTYPE, FORMATS, &["float32", "bfloat16", "float16"]),
        OptionGroup::values("attention", "attentions", &["sdpa", "eager", "flash_attention_2"]),
        OptionGroup::switches("compile", "ways to compile", &["compile"]),
    ],
    packages: Some(Packages {
        environment: ENGINES,
        needed: &[package("torch", "torch"), package("sentence_transformers", "sentence-transformers")],
        of_options: &[],
        requirements: &[BASE],
    }),
};

static ONNX_EXPORT: Recipe = Recipe {
    name: "onnx-export",
    location: Location::Python(PythonRecipe { library: "onnxruntime", cuda: true, reranks: false, cuts_left: true }),
    options: &[OptionGroup::values(DTYPE, FORMATS, &["float32", "int8"])],
    packages: Some(Packages {
        environment: ENGINES,
        needed: &[package("onnxruntime", "onnxruntime"), TRANSFORMERS],
        of_options: &[],
        requirements: &[BASE],
    }),
};

static OPENVINO: Recipe = Recipe {
    name: "openvino",
    location: Location::Python(PythonRecipe { library: "openvino", cuda: false, reranks: false, cuts_left: true }),
    options: &[
        OptionGroup::values(DTYPE, FORMATS, &["float32", "bfloat16", "int8", "int8-float32"]),
        OptionGroup::values("hint", "hints", &["latency", "throughput"]),
    ],
    packages: Some(Packages {
        environment: ENGINES,
        needed: &[package("openvino", "openvino"), TRANSFORMERS],
        of_options: &[(&["int8", "int8-float32"], package("nncf", "nncf"))],
        requirements: &[BASE, &["openvino>=2025.0,<2027", "nncf>=2.16,<4"]],
    }),
};

static CTRANSLATE2: Recipe = Recipe {
    name: "ctranslate2",
    location: Location::Python(PythonRecipe { library: "ctranslate2", cuda: true, reranks: false, cuts_left: true }),
    options: &[OptionGroup::values(DTYPE, FORMATS, &["float32", "int8", "bfloat16"])],
    packages: Some(Packages {
        environment: ENGINES,
        needed: &[package("ctranslate2", "ctranslate2"), TRANSFORMERS],
        of_options: &[],
        requirements: &[BASE, &["ctranslate2>=4.6,<5"]],
    }),
};

static FASTEMBED: Recipe = Recipe {
    name: "fastembed",
    location: Location::Python(PythonRecipe { library: "fastembed", cuda: true, reranks: false, cuts_left: false }),
    options: &[OptionGroup::values(DTYPE, FORMATS, &["float32"])],
    packages: Some(Packages {
        environment: ENGINES,
        needed: &[package("fastembed", "fastembed")],
        of_options: &[],
        requirements: &[BASE, &["fastembed>=0.7,<1"]],
    }),
};

static OPENAI: Recipe = Recipe {
    name: "openai",
    location: Location::Server(ServerRecipe {
        hosted: true,
        // Not every server has the list.
        health: Health { path: "/v1/models", success: false },
        ..ServerRecipe::new(|url| at(Openai::of(url), url), &["OPENAI_API_KEY"])
    }),
    options: &[],
    packages: None,
};

/// 503 while models load.
const HEALTH: Health = Health { path: "/health", success: true };
const OPENAPI: VersionRoute = VersionRoute { path: "openapi.json", pointer: "/info/version" };

/// text-embeddings-inference 1.9, which takes port 9000 for its metrics. Before 1.9 it refuses long texts, which all
/// others truncate, unless `AUTO_TRUNCATE` is set; the variable means the same to all of its versions, the flag does
/// not. By itself it refuses requests of more than 32 texts.
static TEI: Recipe = Recipe {
    name: "tei",
    location: Location::Server(ServerRecipe {
        version: Some(VersionRoute { path: "info", pointer: "/version" }),
        health: HEALTH,
        launch: Some(LaunchRecipe {
            program: Some("text-embeddings-router"),
            command: "AUTO_TRUNCATE=true MAX_CLIENT_BATCH_SIZE=4096 program --model-id {model} --served-model-name {name} \
                      --hostname {host} --port {port} --prometheus-port {metrics_port} {flags}",
            install: "see https://github.com/huggingface/text-embeddings-inference",
            ignored: &[],
        }),
        ..ServerRecipe::new(|url| at(Tei::default(), url), &["TEI_API_KEY"])
    }),
    options: &[OptionGroup::values(DTYPE, FORMATS, &["float32", "float16"])],
    packages: None,
};

/// Infinity 0.0.77. Its default engine is torch. Its options: `infinity_emb v2 --help`.
static INFINITY: Recipe = Recipe {
    name: "infinity",
    location: Location::Server(ServerRecipe {
        version: Some(OPENAPI),
        health: HEALTH,
        writes_into_model: true,
        launch: Some(LaunchRecipe {
            program: Some("infinity_emb"),
            command: "program v2 --model-id {model} --served-model-name {name} --host {host} --port {port} \
                      --device {device} {flags}",
            install: "infa engines install infinity",
            ignored: &[
                IgnoredOption {
                    options: &["float32", "float16", "bfloat16", "int8", "fp8"],
                    with: &["optimum", "ctranslate2"],
                    unless: None,
                    reason: "only its engine torch has number formats; optimum runs the .onnx file that is there",
                },
                IgnoredOption {
                    options: &["compile", "no-compile"],
                    with: &["optimum", "ctranslate2"],
                    unless: None,
                    reason: "only its engine torch compiles",
                },
                IgnoredOption {
                    options: &["int8", "fp8", "compile"],
                    with: &[],
                    unless: Some("no-bettertransformer"),
                    reason: "its BetterTransformer rules that out; add no-bettertransformer",
                },
            ],
        }),
        ..ServerRecipe::new(|url| at(Infinity::default(), url), &["INFINITY_API_KEY"])
    }),
    options: &[
        OptionGroup::values("engine", "engines", &["torch", "optimum", "ctranslate2"]),
        OptionGroup::values(DTYPE, FORMATS, &["float32", "float16", "bfloat16", "int8", "fp8"]),
        OptionGroup::switches("compile", "ways to compile", &["compile", "no-compile"]),
        OptionGroup::switches("bettertransformer", "attentions", &["bettertransformer", "no-bettertransformer"]),
    ],
    // An environment of its own: the last release breaks with newer versions of what it is made of.
    packages: Some(Packages {
        environment: "infinity",
        needed: &[package("infinity_emb", "infinity-emb")],
        of_options: &[],
        requirements: &[&[
            "infinity-emb[server,torch,optimum,ct2]==0.0.77",
            // From that version on it needs names of transformers 4.56 and later.
            "ctranslate2<4.6.3",
            "transformers<4.50",
            "optimum<1.25",
            "sentence-transformers<4",
            "click<8.2",
            "typer<0.13",
            "pyarrow<17",
            "datasets<3.4",
        ]],
    }),
};

static COHERE: Recipe = Recipe {
    name: "cohere",
    location: Location::Server(ServerRecipe {
        hosted: true,
        ..ServerRecipe::new(|url| at(Cohere, url), &["CO_API_KEY", "COHERE_API_KEY"])
    }),
    options: &[],
    packages: None,
};

static JINA: Recipe = Recipe {
    name: "jina",
    location: Location::Server(ServerRecipe {
        hosted: true,
        ..ServerRecipe::new(|url| at(Jina::of(url), url), &["JINA_API_KEY"])
    }),
    options: &[],
    packages: None,
};

static TRITON: Recipe = Recipe {
    name: "triton",
    location: Location::Server(ServerRecipe {
        version: Some(VersionRoute { path: "v2", pointer: "/version" }),
        health: Health { path: "/v2/health/ready", success: true },
        ..ServerRecipe::new(triton::at, &["TRITON_API_KEY"])
    }),
    options: &[],
    packages: None,
};

static INFA: Recipe = Recipe {
    name: "infa",
    location: Location::Server(ServerRecipe {
        version: Some(OPENAPI),
        health: HEALTH,
        // It needs nothing of the Hub for a directory, but may still have to install ONNX Runtime.
        offline: false,
        launch: Some(LaunchRecipe {
            program: None,
            // `--engine` because `INFA_ENGINE` may be set for the one that starts it, `--tei-env` because of a stray
            // `API_KEY`.
            command: "program serve --model-id {model} --served-model-name {name} --host {host} --port {port} \
                      --threads {threads} --device {device} --engine onnx --tei-env never {flags}",
            install: "put infa into PATH",
            ignored: &[],
        }),
        ..ServerRecipe::new(|url| at(Infa::default(), url), &["INFA_API_KEY"])
    }),
    options: &[OptionGroup::values(DTYPE, FORMATS, &["float32", "float16", "bfloat16", "int8"])],
    packages: None,
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::runtime::device::Dtype;

    #[test]
    fn the_table_agrees_with_clap_and_with_itself() {
        for kind in EngineKind::value_variants() {
            let Recipe { name, options, packages, .. } = kind.recipe();
            assert_eq!(kind.to_possible_value().unwrap().get_name(), *name);
            // An option is in one group, and those that are ignored are options.
            let all: Vec<&str> = options.iter().flat_map(|group| group.options).copied().collect();
            assert!(all.iter().enumerate().all(|(i, option)| !all[..i].contains(option)), "{name}");
            for ignored in kind.launch().map_or(&[][..], |launch| launch.ignored) {
                let mut named = ignored.options.iter().chain(ignored.with).chain(&ignored.unless);
                assert!(named.all(|option| all.contains(option)), "{name}");
            }
            assert_eq!(packages.is_some(), kind.python().is_some() || *kind == EngineKind::Infinity, "{name}");
        }
        // Each of onnx's options is a number format, and each number format one.
        let formats: Vec<&str> = Dtype::value_variants().iter().map(|dtype| dtype.name()).collect();
        assert_eq!(ONNX.options[0].options, formats);
    }
}
