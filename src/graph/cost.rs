//! The computation of a model for one token, counted in its graph.

use std::collections::{HashMap, HashSet};

use prost::Message;
use serde_json::Value as Json;

use super::build::assemble_quietly;
use super::builder::Products;
use super::proto::{GraphProto, ModelProto, NodeProto};
use super::{GraphError, INPUT_IDS, Output, Request, Rows, TOKEN_TYPE_IDS};
use crate::model::weights::Weights;

/// Floating-point operations of a model; a multiplication and the addition after it are two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// Floating-point operations a token in products with weights: twice the number of weights. Embedding tables are
    /// looked up, not multiplied; normalisations are negligible.
    pub per_token: f64,
    /// For each token, and each position it sees, in attention: the products of its query with a key, and of a weight
    /// with a value. `4 · layers · hidden size` in most models.
    pub per_token_and_position: f64,
}

/// The cost of the model that `config` (the parsed config.json) describes, if every token goes through all layers; what
/// happens once a text (poolers, classification heads) is left out. Of the masked-LM head of [`Output::Lexical`], which
/// every token goes through, too, it is the cost with it.
///
/// Of local attention, the positions that a token sees are fewer than the text has. What DeBERTa adds to its scores by
/// distance is left out.
///
/// # Errors
/// The model is not supported, or its config.json makes no sense.
pub(crate) fn of(config: &Json, weights: &Weights, output: Output) -> Result<Cost, GraphError> {
    let output = match output {
        Output::Lexical(_) => output,
        Output::Hidden(_) | Output::Mean | Output::Logits | Output::Answer(_) => Output::Hidden(Rows::All),
    };
    let (graph, finished) = assemble_quietly(config, weights, &Request::of(output), Products::Float32)?;
    let model = ModelProto::decode(graph.model.as_slice()).ok().and_then(|model| model.graph).unwrap_or_default();
    let numbers = |shape: &[i64]| shape.iter().map(|&n| n as f64).product::<f64>();
    let weights = graph.initializers.iter().map(|weight| (weight.name.as_str(), numbers(&weight.shape))).collect();
    Ok(Cost {
        per_token: 2.0 * multiplied(&model, &weights),
        per_token_and_position: 4.0 * finished.attention_width as f64,
    })
}

/// With how many of `weights` (numbers by name) the rows of a token are multiplied.
fn multiplied(graph: &GraphProto, weights: &HashMap<&str, f64>) -> f64 {
    // Values computed from tokens have a row for each of them; values computed from their number alone (positions,
    // distances) exist once for each text.
    let mut of_tokens: HashSet<&str> = HashSet::from([INPUT_IDS, TOKEN_TYPE_IDS]);
    let mut sum = 0.0;
    for node in &graph.node {
        if node.op_type == "Shape" || !uses(node, &of_tokens) {
            continue;
        }
        of_tokens.extend(node.output.iter().map(String::as_str));
        // Each weight of a convolution meets one number of a token or its neighbours.
        if let ("Gemm" | "MatMul" | "Conv", [x, weight, ..]) = (node.op_type.as_str(), node.input.as_slice())
            && of_tokens.contains(x.as_str())
        {
            sum += weights.get(weight.as_str()).copied().unwrap_or(0.0);
        }
    }
    sum
}

/// True if a node, or a node in its subgraphs, has one of `values` as an input.
fn uses(node: &NodeProto, values: &HashSet<&str>) -> bool {
    let inside = || node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()).flat_map(|graph| &graph.node);
    node.input.iter().any(|input| values.contains(input.as_str())) || inside().any(|node| uses(node, values))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use serde_json::json;

    use super::super::Lexical;
    use super::*;

    fn fixtures() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/architectures")
    }

    fn config_of(dir: &Path) -> Json {
        serde_json::from_slice(&std::fs::read(dir.join("config.json")).unwrap()).unwrap()
    }

    /// A file with a header and zeros that take no room on the disk.
    fn weights(dir: &Path, tensors: &[(String, Vec<usize>)]) -> Weights {
        let mut header = serde_json::Map::new();
        let mut end = 0;
        for (name, shape) in tensors {
            let begin = end;
            end += 4 * shape.iter().product::<usize>();
            header.insert(name.clone(), json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}));
        }
        let header = serde_json::to_string(&header).unwrap();
        let header = format!("{header:width$}", width = header.len().next_multiple_of(8));
        let path = dir.join("model.safetensors");
        std::fs::write(&path, [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len((8 + header.len() + end) as u64).unwrap();
        Weights::open(&path).unwrap()
    }

    #[test]
    fn bge_small() {
        let (layers, hidden, inner, vocab) = (12, 384, 1536, 30522);
        let config = json!({
            "model_type": "bert", "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": 12,
            "intermediate_size": inner, "vocab_size": vocab, "max_position_embeddings": 512, "type_vocab_size": 2,
            "hidden_act": "gelu", "layer_norm_eps": 1e-12,
        });
        let mut tensors: Vec<(String, Vec<usize>)> = Vec::new();
        let norm = |tensors: &mut Vec<_>, name: &str| {
            tensors.push((format!("{name}.weight"), vec![hidden]));
            tensors.push((format!("{name}.bias"), vec![hidden]));
        };
        for (name, rows) in [("word", vocab), ("position", 512), ("token_type", 2)] {
            tensors.push((format!("embeddings.{name}_embeddings.weight"), vec![rows, hidden]));
        }
        norm(&mut tensors, "embeddings.LayerNorm");
        for layer in 0..layers {
            let layer = format!("encoder.layer.{layer}");
            for (name, outputs, inputs) in [
                ("attention.self.query", hidden, hidden),
                ("attention.self.key", hidden, hidden),
                ("attention.self.value", hidden, hidden),
                ("attention.output.dense", hidden, hidden),
                ("intermediate.dense", inner, hidden),
                ("output.dense", hidden, inner),
            ] {
                tensors.push((format!("{layer}.{name}.weight"), vec![outputs, inputs]));
                tensors.push((format!("{layer}.{name}.bias"), vec![outputs]));
            }
            norm(&mut tensors, &format!("{layer}.attention.output.LayerNorm"));
            norm(&mut tensors, &format!("{layer}.output.LayerNorm"));
        }
        tensors.push(("pooler.dense.weight".into(), vec![hidden, hidden]));
        tensors.push(("pooler.dense.bias".into(), vec![hidden]));
        let dir = tempfile::tempdir().unwrap();
        let weights = weights(dir.path(), &tensors);
        let expected = Cost {
            per_token: 2.0 * 12.0 * (4.0 * 384.0 * 384.0 + 2.0 * 384.0 * 1536.0),
            per_token_and_position: 4.0 * 12.0 * 384.0,
        };
        assert!((expected.per_token / 1e6 - 42.5).abs() < 0.05);
        // For each row selection of the engine.
        for output in [Output::Hidden(Rows::First), Output::Hidden(Rows::All), Output::Logits] {
            assert_eq!(of(&config, &weights, output).unwrap(), expected);
        }
    }

    /// Compares the matrices of the layers with those that the graph multiplies.
    #[test]
    fn every_architecture_multiplies_with_the_matrices_of_its_layers() {
        let mut seen = 0;
        for dir in std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()) {
            let file = dir.join("model.safetensors");
            if !file.is_file() || !dir.join("config.json").is_file() {
                continue;
            }
            let (config, weights) = (config_of(&dir), Weights::open(&file).unwrap());
            let cost = of(&config, &weights, Output::Hidden(Rows::All)).unwrap();
            // ALBERT uses its layers again and again, of each group those of its share.
            let number = |key: &str| config[key].as_f64().unwrap();
            let is_albert = config["model_type"] == "albert";
            let times = if is_albert { number("num_hidden_layers") / number("num_hidden_groups") } else { 1.0 };
            let mut sum = 0.0;
            for (name, tensor) in weights.tensors().filter(|(_, tensor)| tensor.shape.len() > 1) {
                let numbers = tensor.shape.iter().product::<usize>() as f64;
                let once = ["embeddings_project", "embed_proj.", "embedding_hidden_mapping_in", "encoder.conv.conv"];
                if once.iter().any(|part| name.contains(part)) {
                    sum += numbers;
                } else if name.split('.').any(|part| part.parse::<usize>().is_ok())
                    // Added to other matrices; and multiplied with distances, not with tokens.
                    && !["lora", "pos_key_proj", "pos_query_proj"].iter().any(|part| name.contains(part))
                {
                    sum += numbers * times;
                }
            }
            assert_eq!(cost.per_token, 2.0 * sum, "{}", dir.display());
            assert!(cost.per_token_and_position >= 4.0 * 24.0, "{}", dir.display());
            seen += 1;
        }
        assert!(seen > 40);
    }

    #[test]
    fn a_masked_lm_head_is_multiplied_with_every_token() {
        let dir = fixtures().join("splade-max");
        let (config, weights) = (config_of(&dir), Weights::open(&dir.join("model.safetensors")).unwrap());
        let size = |key: &str| config[key].as_u64().unwrap() as f64;
        let (hidden, vocab) = (size("hidden_size"), size("vocab_size"));
        let layers = of(&config, &weights, Output::Hidden(Rows::All)).unwrap();
        let all = of(&config, &weights, Output::Lexical(Lexical { sum: false, twice: false })).unwrap();
        assert_eq!(all.per_token - layers.per_token, 2.0 * (hidden * hidden + hidden * vocab));
        assert_eq!(all.per_token_and_position, layers.per_token_and_position);
    }
}
