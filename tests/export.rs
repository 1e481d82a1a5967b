//! Exported graphs, below the command: weights beside the file, metadata, padding.
#![allow(clippy::unwrap_used)]

mod support;

use infa::parts::graph::export::{MOST_INSIDE, export};
use infa::parts::graph::{self, Graph, Operators, Output, Request, Rows};
use infa::parts::model::weights::Weights;
use infa::parts::output::{BytesWriter, Destination};
use infa::parts::runtime::{Input, Numbers, SessionOptions};
use support::*;

fn graph(name: &str) -> Graph {
    let dir = fixture(name);
    let weights = Weights::open(&dir.join("model.safetensors")).unwrap();
    graph::build(&json(dir.join("config.json")), &weights, &Request::of(Output::Hidden(Rows::All))).unwrap()
}

#[test]
fn weights_beside_the_file() {
    let graph = graph("bert-tiny");
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, most_inside| {
        let path = dir.path().join(name);
        let data = dir.path().join(format!("{name}.data"));
        let exported = export(&graph, &[("model", "bert-tiny".into())], &format!("{name}.data"), most_inside).unwrap();
        if !exported.data.is_empty() {
            let mut writer = BytesWriter::open(&Destination::File(data)).unwrap();
            exported.data.iter().for_each(|(offset, numbers)| writer.write_at(*offset, numbers).unwrap());
            writer.finish().unwrap();
        }
        std::fs::write(&path, &exported.model).unwrap();
        (path, exported.model.len(), exported.data.len())
    };
    let (inside, large, none) = write("inside.onnx", MOST_INSIDE);
    let (beside, small, several) = write("beside.onnx", 1000);
    assert!(none == 0 && several == graph.initializers.len() && small < large / 4, "{small} {large} {several}");
    assert!(std::fs::read(&inside).unwrap().windows(9).any(|window| window == b"bert-tiny"));

    let run = |path| {
        let mut session = runtime().session_from_file(path, SessionOptions::default()).unwrap();
        let ids = [2, 10, 200, 31, 3];
        let input = Input { name: graph::INPUT_IDS, shape: &[1, ids.len()], numbers: Numbers::I64(&ids) };
        session.run(&[input], 0, |_, numbers| numbers.to_vec()).unwrap()
    };
    let numbers = run(&inside);
    assert_eq!(numbers.len(), 5 * graph.width);
    assert_eq!(numbers, run(&beside));
}

/// A padded text beside a longer one has the vectors that it has alone, in a graph with an attention mask.
#[test]
fn padding_is_masked() {
    for name in ["bert-tiny", "architectures/modernbert-embed", "architectures/nomic-v1.5", "architectures/mpnet-embed"]
    {
        let dir = fixture(name);
        let weights = Weights::open(&dir.join("model.safetensors")).unwrap();
        let config = json(dir.join("config.json"));
        for operators in [Operators::OnnxRuntime, Operators::Standard] {
            let session = |attention_mask| {
                let request = Request { attention_mask, operators, ..Request::of(Output::Hidden(Rows::All)) };
                let graph = graph::build(&config, &weights, &request).unwrap();
                let shared = runtime().share(graph.initializers.clone()).unwrap();
                (runtime().session(&graph, &shared, SessionOptions::default()).unwrap(), graph.width)
            };
            let (mut alone, width) = session(false);
            let (mut together, _) = session(true);
            let (long, short): (Vec<i64>, Vec<i64>) = ((2..26).map(|i| i * 7).collect(), vec![2, 90, 33, 61, 3]);
            let mut run = |ids: &[i64]| {
                let input = Input { name: graph::INPUT_IDS, shape: &[1, ids.len()], numbers: Numbers::I64(ids) };
                alone.run(&[input], 0, |_, numbers| numbers.to_vec()).unwrap()
            };
            let expected = [run(&long), run(&short)];
            let padding = long.len() - short.len();
            let ids = [&long[..], &short[..], &vec![1; padding]].concat();
            let mask = [vec![1; long.len() + short.len()], vec![0; padding]].concat();
            let shape = &[2, long.len()];
            let inputs = [(graph::INPUT_IDS, &ids[..]), (graph::ATTENTION_MASK, &mask[..])];
            let inputs = inputs.map(|(name, numbers)| Input { name, shape, numbers: Numbers::I64(numbers) });
            let found = together.run(&inputs, 0, |_, numbers| numbers.to_vec()).unwrap();
            let second = long.len() * width;
            for (found, expected) in [&found[..second], &found[second..]].into_iter().zip(&expected) {
                let largest = expected.iter().fold(1f32, |m, x| m.max(x.abs()));
                let difference = max_difference(&found[..expected.len()], expected);
                assert!(difference <= 1e-5 * largest, "{name} {operators:?}: {difference:e}");
            }
        }
    }
}
