//! Jina's XLM-RoBERTa (jina-embeddings-v3, jina-colbert-v2, jina-reranker-v2): post-norm layers, with rotary positions
//! or learned ones.
//!
//! Reference: `transformers`, `models/jina_embeddings_v3/modeling_jina_embeddings_v3.py`; Sturua et al. 2024,
//! <https://arxiv.org/abs/2409.10173>. `transformers` calls it "jina_embeddings_v3"; published checkpoints, with code of
//! their own, call it "xlm-roberta" and name their tensors otherwise (`emb_ln`, `mixer.Wqkv`, `norm1` …), as
//! `conversion_mapping.py` there knows. Both are read.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::architecture::{Architecture, Sizes};
use super::bert::WORDS;
use super::gated::{self, Biases, FeedForward, Layer, Names, Parts};
use super::post_norm::{self, MaskedLm};
use super::rotary::Rotation;
use crate::graph::builder::{Activation, Builder, Rotary, Value};
use crate::graph::{GraphError, Rows, config};

/// The settings of config.json that decide the graph; defaults are those of `transformers.JinaEmbeddingsV3Config`.
#[derive(Deserialize)]
#[serde(default)]
struct XlmRobertaFlash {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    head_dim: Option<usize>,
    intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f32,
    pad_token_id: usize,
    position_embedding_type: String,
    is_decoder: bool,
    use_reg_tokens: bool,
    tie_word_embeddings: bool,
    /// Base of the rotary angles.
    #[serde(skip)]
    theta: f64,
}

impl Default for XlmRobertaFlash {
    fn default() -> Self {
        Self {
            vocab_size: 250_002,
            hidden_size: 1024,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            head_dim: None,
            intermediate_size: 4096,
            hidden_act: "gelu".into(),
            max_position_embeddings: 8194,
            type_vocab_size: 1,
            layer_norm_eps: 1e-5,
            pad_token_id: 1,
            position_embedding_type: "rotary".into(),
            is_decoder: false,
            use_reg_tokens: false,
            tie_word_embeddings: true,
            theta: 20_000.0,
        }
    }
}

/// True if a config.json of `model_type` "xlm-roberta" means this architecture: by the class it names, or by rotary
/// positions, which no other XLM-RoBERTa has.
pub(crate) fn describes(json: &Json) -> bool {
    let auto_map = json.get("auto_map").and_then(Json::as_object);
    let named = |value: &Json| value.as_str().is_some_and(|name| name.contains("XLMRobertaFlash"));
    json.get("position_embedding_type").and_then(Json::as_str) == Some("rotary")
        || auto_map.is_some_and(|classes| classes.values().any(named))
}

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let native = json.get("model_type").and_then(Json::as_str) == Some("jina_embeddings_v3");
    // The published code's configuration has the defaults of BERT's.
    let published = json!({
        "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        "position_embedding_type": "absolute",
    });
    let mut flash: XlmRobertaFlash = if native { config::read(json)? } else { config::read_over(json, &[&published])? };
    config::only("is_decoder", &flash.is_decoder, &false)?;
    config::only("use_reg_tokens", &flash.use_reg_tokens, &false)?;
    config::positive("num_hidden_layers", flash.num_hidden_layers)?;
    config::positive("num_attention_heads", flash.num_attention_heads)?;
    match flash.head_dim {
        Some(dim) => config::positive("head_dim", dim)?,
        None => config::head_dim(flash.hidden_size, flash.num_attention_heads).map(drop)?,
    }
    let activation = flash.activation()?;
    if native {
        // config.json may contain "absolute", as XLM-RoBERTa's does; the reference ignores it.
        flash.position_embedding_type = "rotary".into();
    } else if !matches!(activation, Activation::Gelu | Activation::GeluTanh) {
        return Err(GraphError::NotImplemented { key: "hidden_act", value: format!("\"{}\"", flash.hidden_act) });
    }
    match flash.position_embedding_type.as_str() {
        "rotary" => flash.theta = theta(json)?,
        "absolute" if flash.max_position_embeddings > flash.first_position() => {}
        "absolute" => return Err(GraphError::Config("max_position_embeddings leaves no room for a token".into())),
        other => {
            let value = format!("\"{other}\"");
            return Err(GraphError::NotImplemented { key: "position_embedding_type", value });
        }
    }
    Ok(Box::new(flash))
}

/// Base of the rotary angles, by its names over time.
fn theta(json: &Json) -> Result<f64, GraphError> {
    let parameters = ["rope_parameters", "rope_scaling"].into_iter().find_map(|key| json.get(key)?.as_object());
    let setting = |key: &str| parameters.and_then(|p| p.get(key)).filter(|value| !value.is_null());
    for key in ["rope_type", "type"] {
        if let Some(kind) = setting(key).filter(|kind| kind.as_str() != Some("default")) {
            return Err(GraphError::NotImplemented { key: "rope_type", value: kind.to_string() });
        }
    }
    let theta = setting("rope_theta").or_else(|| json.get("rope_theta")).or_else(|| json.get("rotary_emb_base"));
    match theta.filter(|value| !value.is_null()).map(Json::as_f64) {
        None => Ok(XlmRobertaFlash::default().theta),
        Some(Some(theta)) if theta > 0.0 => Ok(theta),
        Some(_) => Err(GraphError::Config("rope_theta is not a positive number".into())),
    }
}

impl Architecture for XlmRobertaFlash {
    fn name(&self) -> &'static str {
        "jina_embeddings_v3"
    }

    fn sizes(&self) -> Sizes {
        let first = if self.rotary() { 0 } else { self.first_position() };
        Sizes {
            hidden: self.hidden_size,
            vocab: self.vocab_size,
            max_positions: Some(self.max_position_embeddings.saturating_sub(first)),
            token_types: self.type_vocab_size,
        }
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn packable(&self) -> bool {
        self.activation().is_ok_and(|activation| {
            let (heads, inner, rotation) = (self.num_attention_heads, self.intermediate_size, self.rotation());
            gated::packable(self.hidden_size, heads, self.head_dim(), inner, activation, rotation.as_ref())
        })
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let published = b.has("emb_ln.weight");
        let rope = self.rotation().map(|rotation| rotation.rope(b));
        let mut x = self.embeddings(b, published)?;
        let layer = self.layer(published)?;
        for number in 0..self.num_hidden_layers {
            let last = number + 1 == self.num_hidden_layers;
            x = layer.write(b, &x, number, rope.as_ref(), if last { rows } else { Rows::All })?;
        }
        Ok(x)
    }

    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        let names = ["/classifier.dense", "/classifier.out_proj"];
        post_norm::classifier(b, x, names, Activation::Tanh, self.hidden_size, labels)
    }

    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let head = MaskedLm {
            dense: "/lm_head.dense",
            norm: "/lm_head.layer_norm",
            decoder: "/lm_head.decoder",
            bias: "/lm_head.bias",
            words: WORDS,
            tied: self.tie_word_embeddings,
            hidden: self.hidden_size,
            width: self.hidden_size,
            vocab: self.vocab_size,
            activation: Activation::Gelu,
            eps: self.layer_norm_eps,
        };
        head.token_logits(b, x)
    }
}

impl XlmRobertaFlash {
    fn activation(&self) -> Result<Activation, GraphError> {
        Activation::parse("hidden_act", &self.hidden_act)
    }

    fn rotary(&self) -> bool {
        self.position_embedding_type == "rotary"
    }

    fn rotation(&self) -> Option<Rotation> {
        let rotary = || Rotary::plain(self.theta, self.head_dim(), self.max_position_embeddings);
        self.rotary().then(|| Rotation::Fixed(rotary()))
    }

    fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads)
    }

    /// The learned position of the first token: RoBERTa counts from the one after the padding's.
    fn first_position(&self) -> usize {
        self.pad_token_id + 1
    }

    /// The sum of the embeddings, normalised, flat.
    fn embeddings(&self, b: &mut Builder<'_>, published: bool) -> Result<Value, GraphError> {
        let hidden = self.hidden_size;
        let mut sum = b.words(WORDS, self.vocab_size, hidden)?;
        if self.type_vocab_size > 0 {
            let types = b.type_embeddings("embeddings.token_type_embeddings.weight", self.type_vocab_size, hidden)?;
            sum = b.op("Add", &[&sum, &types], &[]);
        }
        if !self.rotary() {
            let table = "embeddings.position_embeddings.weight";
            let shape = [self.max_position_embeddings, hidden];
            let table = b.weight_rows(table, &shape, self.first_position()..self.max_position_embeddings)?;
            let positions = b.position_rows(&table);
            sum = b.op("Add", &[&sum, &positions], &[]);
        }
        let sum = b.flatten(&sum, hidden);
        b.layer_norm(&sum, if published { "emb_ln" } else { "embeddings.LayerNorm" }, hidden, self.layer_norm_eps)
    }

    /// A layer, with the names of published checkpoints or of `transformers`.
    fn layer(&self, published: bool) -> Result<Layer, GraphError> {
        Ok(Layer {
            names: if published { PUBLISHED_NAMES } else { NATIVE_NAMES },
            hidden: self.hidden_size,
            heads: self.num_attention_heads,
            head_dim: self.head_dim(),
            inner: self.intermediate_size,
            activation: self.activation()?,
            biases: Biases { attention: true, up: true, down: true },
            rms: false,
            eps: self.layer_norm_eps,
        })
    }
}

const NATIVE_NAMES: Names =
    Names { feed_forward: FeedForward::Plain("mlp.fc1"), down: "mlp.fc2", ..gated::NATIVE_NAMES };

const PUBLISHED_NAMES: Names = Names {
    layers: "encoder.layers",
    qkv: Parts::Packed("mixer.Wqkv"),
    attended: "mixer.out_proj",
    attention_norm: "norm1",
    norm: "norm2",
    ..NATIVE_NAMES
};

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{describes, read, theta};

    fn error(json: &Json) -> String {
        read(json).err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn known_by_class_or_positions() {
        assert!(describes(&json!({"position_embedding_type": "rotary"})));
        assert!(describes(&json!({"auto_map": {"AutoConfig": "configuration_xlm_roberta.XLMRobertaFlashConfig"}})));
        assert!(!describes(&json!({"position_embedding_type": "absolute"})));
    }

    #[test]
    fn the_base_of_the_angles_by_its_names() {
        let of = |json: Json| theta(&json).ok();
        assert_eq!(of(json!({})), Some(20_000.0));
        assert_eq!(of(json!({"rope_theta": 5000})), Some(5000.0));
        assert_eq!(of(json!({"rotary_emb_base": 7000.0})), Some(7000.0));
        let parameters = json!({"rope_type": "default", "rope_theta": 300.0});
        assert_eq!(of(json!({"rope_parameters": parameters, "rope_theta": 1.0})), Some(300.0));
        assert_eq!(of(json!({"rope_theta": -1})), None);
    }

    #[test]
    fn what_is_not_implemented_is_named() {
        let linear = json!({"model_type": "jina_embeddings_v3", "rope_parameters": {"rope_type": "linear"}});
        assert_eq!(error(&linear), "config.json: rope_type = \"linear\" is not implemented");
        let relative = json!({"position_embedding_type": "relative_key"});
        assert_eq!(error(&relative), "config.json: position_embedding_type = \"relative_key\" is not implemented");
        let relu = json!({"position_embedding_type": "rotary", "hidden_act": "relu"});
        assert_eq!(error(&relu), "config.json: hidden_act = \"relu\" is not implemented");
        let short = json!({"max_position_embeddings": 2});
        assert_eq!(error(&short), "config.json: max_position_embeddings leaves no room for a token");
    }
}
