//! A graph for GPUs of a fixture, ready to run on texts.

use std::path::{Path, PathBuf};

use infa::parts::graph::export::{MOST_INSIDE, export};
use infa::parts::graph::{self, Graph, Layout, Operators, Output, Precision, Request};
use infa::parts::model::weights::Weights;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::Tensor;
use prost::Message;

use crate::emulation::emulate;
use crate::feeds::{Numbers, Text, input};
use crate::kernels;
use crate::proto::{GraphProto, ModelProto};
use crate::support::{fixture, json, runtime};

/// A request for GPUs.
pub(crate) fn on_gpus(output: Output, precision: Precision) -> Request {
    Request { operators: Operators::Cuda, precision, ..Request::of(output) }
}

pub(crate) fn directory(name: &str) -> PathBuf {
    fixture(&format!("architectures/{name}"))
}

/// The names of all fixtures that are models with a graph.
pub(crate) fn fixtures() -> Vec<String> {
    let entries = std::fs::read_dir(fixture("architectures")).unwrap().map(|entry| entry.unwrap());
    let is_model = |dir: &Path| dir.join("expected.json").is_file() && dir.join("model.safetensors").is_file();
    let mut names: Vec<String> =
        entries.filter(|entry| is_model(&entry.path())).map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() > 60);
    names
}

pub(crate) fn build(dir: &Path, request: &Request) -> Result<Graph, String> {
    let weights = Weights::open(&dir.join("model.safetensors")).unwrap();
    graph::build(&json(dir.join("config.json")), &weights, request).map_err(|e| e.to_string())
}

/// The nodes of a graph, and its constants.
pub(crate) fn proto(graph: &Graph) -> GraphProto {
    ModelProto::decode(graph.model.as_slice()).unwrap().graph.unwrap()
}

/// Random texts of these lengths; where the model has fewer positions, as long as it allows.
pub(crate) fn texts(lengths: &[usize], graph: &Graph) -> Vec<Text> {
    let mut rng = fastrand::Rng::with_seed(7);
    let longest = graph.max_positions.unwrap_or(usize::MAX);
    let text = |&length: &usize| Text {
        ids: (0..length.min(longest)).map(|_| rng.i64(0..graph.vocab_size as i64)).collect(),
        types: Vec::new(),
    };
    lengths.iter().map(text).collect()
}

pub(crate) struct Model {
    pub(crate) graph: Graph,
    session: ort::session::Session,
}

impl Model {
    pub(crate) fn new(dir: &Path, request: &Request) -> Self {
        let graph = build(dir, request).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let bytes = export(&graph, &[], "unused", MOST_INSIDE).unwrap().model;
        let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
        emulate(&mut model, request.precision);
        let runtime = runtime();
        let builder = ort::session::Session::builder(runtime.environment()).unwrap();
        let builder = builder.with_intra_threads(1).unwrap();
        let builder = builder.with_optimization_level(GraphOptimizationLevel::Disable).unwrap();
        let mut builder = builder.with_operators(kernels::domain()).unwrap();
        let session = builder.commit_from_memory(&model.encode_to_vec());
        let session = session.unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        Self { graph, session }
    }

    /// The output rows of each text together; a row for each token if the graph has those.
    pub(crate) fn run(&mut self, texts: &[Text]) -> Vec<Vec<f32>> {
        let (layout, width) = (self.graph.layout, self.graph.width);
        let mut inputs = Vec::new();
        for (name, feed) in &self.graph.feeds {
            let (shape, numbers) = input(*feed, layout, texts);
            let value = match numbers {
                Numbers::I64(numbers) => Tensor::from_array((shape, numbers)).unwrap().into_dyn(),
                Numbers::F32(numbers) => Tensor::from_array((shape, numbers)).unwrap().into_dyn(),
            };
            inputs.push((name.clone(), value));
        }
        let outputs = self.session.run(inputs).unwrap();
        let (shape, numbers) = outputs[0].try_extract_tensor::<f32>().unwrap();
        assert_eq!(shape.last().map(|&n| n as usize), Some(width));
        if !self.graph.per_token {
            assert_eq!(numbers.len(), texts.len() * width);
            return numbers.chunks(width).map(<[f32]>::to_vec).collect();
        }
        let longest = texts.iter().map(|text| text.ids.len()).max().unwrap();
        let mut start = 0;
        let mut row = |text: &Text| {
            let length = text.ids.len();
            let rows = numbers[start * width..(start + length) * width].to_vec();
            start += if layout == Layout::Unpadded { length } else { longest };
            rows
        };
        let rows = texts.iter().map(&mut row).collect();
        assert_eq!(numbers.len(), start * width);
        rows
    }
}

pub(crate) fn ids(case: &serde_json::Value, key: &str) -> Vec<i64> {
    case[key].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}
