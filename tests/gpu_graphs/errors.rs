//! What cannot be computed on GPUs is refused by name.

use infa::parts::graph::{self, Output, Precision, Rows};
use infa::parts::model::weights::Weights;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::model::on_gpus;
use crate::support::{copy, json};

/// A weight beyond the largest number of float16, with the name of the tensor and the way out; bfloat16 takes it.
#[test]
fn a_weight_beyond_float16_is_named() {
    for tensor in ["encoder.layer.1.output.dense.weight", "encoder.layer.0.attention.self.key.weight"] {
        let dir = copy("architectures/xlm-roberta-embed");
        let path = dir.path().join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let name = file.names().into_iter().find(|name| name.ends_with(tensor)).unwrap().to_owned();
        let mut changed = file.tensor(&name).unwrap().data().to_vec();
        changed[20..24].copy_from_slice(&70_000f32.to_le_bytes());
        let tensors = file.names().into_iter().map(|other| {
            let view = file.tensor(other).unwrap();
            assert_eq!(view.dtype(), Dtype::F32);
            let data = if other == name { &changed[..] } else { view.data() };
            (other.to_owned(), TensorView::new(Dtype::F32, view.shape().to_vec(), data).unwrap())
        });
        let written = safetensors::serialize(tensors.collect::<Vec<_>>(), None).unwrap();
        std::fs::write(&path, written).unwrap();

        let weights = Weights::open(&path).unwrap();
        let config = json(dir.path().join("config.json"));
        let build =
            |precision| graph::build(&config, &weights, &on_gpus(Output::Hidden(Rows::First), precision)).map(drop);
        let error = build(Precision::Float16).unwrap_err();
        let (message, hint) = (error.to_string(), error.hint().unwrap());
        let part = tensor.trim_end_matches(".weight").trim_end_matches("key").trim_end_matches('.');
        assert!(message.contains(part) && message.contains("65504"), "{message}");
        assert!(hint.contains("--dtype bfloat16"), "{hint}");
        build(Precision::Bfloat16).unwrap();
        build(Precision::Float32).unwrap();
    }
}

/// Half of the bytes of float32, but for the weights that the kernels want in it: none.
#[test]
fn weights_take_half_the_memory() {
    let dir = crate::model::directory("xlm-roberta-embed");
    let bytes = |precision| {
        let graph = crate::model::build(&dir, &on_gpus(Output::Hidden(Rows::First), precision)).unwrap();
        graph.weight_bytes()
    };
    let [wide, half, brain] = [Precision::Float32, Precision::Float16, Precision::Bfloat16].map(bytes);
    assert_eq!((wide, brain), (2 * half, half));
}
