//! Exported graphs, below the command: weights beside the file, and metadata.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use infa::graph::export::{MOST_INSIDE, export};
use infa::graph::{self, Graph, Output, Request, Rows};
use infa::model::weights::Weights;
use infa::output::{BytesWriter, Destination};
use infa::runtime::SessionOptions;
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
        session.run(1, ids.len(), &[(graph::INPUT_IDS, &ids)], 0, |_, numbers| numbers.to_vec()).unwrap()
    };
    let numbers = run(&inside);
    assert_eq!(numbers.len(), 5 * graph.width);
    assert_eq!(numbers, run(&beside));
}
