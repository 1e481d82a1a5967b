//! The encoder of DeBERTa v2 and v3.

use super::relative::{Layer, Relative};
use super::settings::Settings;
use crate::graph::architectures::architecture::{Architecture, Sizes};
use crate::graph::architectures::bert::{self, WORDS};
use crate::graph::architectures::post_norm::{MaskedLm, Names, PostNorm, classifier};
use crate::graph::builder::{Attention, Attribute, Builder, Mask, Qkv, Scores, Value};
use crate::graph::{GraphError, Rows, config};
use serde_json::Value as Json;

struct DebertaV2 {
    settings: Settings,
    head_dim: usize,
    /// Attention by relative position; `None` where it is by content alone.
    relative: Option<Relative>,
}

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let settings: Settings = config::read(json)?;
    let head_dim = settings.check()?;
    let relative = if settings.relative_attention { Relative::of(&settings)? } else { None };
    Ok(Box::new(DebertaV2 { settings, head_dim, relative }))
}

const NAMES: Names = Names {
    query: "attention.self.query_proj",
    key: "attention.self.key_proj",
    value: "attention.self.value_proj",
    ..bert::NAMES
};

impl Architecture for DebertaV2 {
    fn name(&self) -> &'static str {
        "deberta-v2"
    }

    fn sizes(&self) -> Sizes {
        let s = &self.settings;
        let max_positions = if s.position_biased_input {
            Some(s.max_position_embeddings)
        } else {
            // Far distances are one: no text is too long.
            self.relative.as_ref().and_then(|relative| relative.longest)
        };
        Sizes { hidden: s.hidden_size, vocab: s.vocab_size, max_positions, token_types: s.type_vocab_size }
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn describes_layers(&self, _: &Builder<'_>) -> bool {
        false
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let embedded = self.embeddings(b)?;
        let relative = match &self.relative {
            Some(relative) => Some((relative, relative.embeddings(b, &self.settings)?)),
            None => None,
        };
        let mut x = embedded.clone();
        for layer in 0..self.settings.num_hidden_layers {
            let last = layer + 1 == self.settings.num_hidden_layers;
            let rows = if last { rows } else { Rows::All };
            x = self.layer(b, &x, layer, relative.as_ref(), rows)?;
            if layer == 0 && self.settings.conv_kernel_size > 0 {
                x = self.convolution(b, &embedded, &x, rows)?;
            }
        }
        Ok(x)
    }

    /// Pooler (dense, activation) over the first token, then the classifier.
    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        let activation = self.settings.activation("pooler_hidden_act")?;
        classifier(b, x, ["/pooler.dense", "/classifier"], activation, self.settings.hidden_size, labels)
    }

    /// The masked-LM head: the older one may be as narrow as the word embeddings, the newer one always takes their
    /// matrix.
    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let s = &self.settings;
        let older = MaskedLm {
            dense: "/cls.predictions.transform.dense",
            norm: "/cls.predictions.transform.LayerNorm",
            decoder: "/cls.predictions.decoder",
            bias: "/cls.predictions.bias",
            words: WORDS,
            tied: s.tie_word_embeddings,
            hidden: s.hidden_size,
            width: s.embedding_size(),
            vocab: s.vocab_size,
            activation: s.activation("hidden_act")?,
            eps: s.layer_norm_eps,
        };
        if s.legacy {
            return older.token_logits(b, x);
        }
        config::only("embedding_size", &s.embedding_size(), &s.hidden_size)?;
        let newer = MaskedLm {
            dense: "/lm_predictions.lm_head.dense",
            norm: "/lm_predictions.lm_head.LayerNorm",
            decoder: "/lm_predictions.lm_head.decoder",
            bias: "/lm_predictions.lm_head.bias",
            tied: true,
            ..older
        };
        newer.token_logits(b, x)
    }
}

impl DebertaV2 {
    /// The sum of the present embeddings, projected to the layers' width and normalised, flat.
    fn embeddings(&self, b: &mut Builder<'_>) -> Result<Value, GraphError> {
        let s = &self.settings;
        let width = s.embedding_size();
        let mut sum = b.words(WORDS, s.vocab_size, width)?;
        if s.position_biased_input {
            let table = "embeddings.position_embeddings.weight";
            let positions = b.learned_positions(table, s.max_position_embeddings, width)?;
            sum = b.op("Add", &[&sum, &positions], &[]);
        }
        if s.type_vocab_size > 0 {
            let types = b.type_embeddings("embeddings.token_type_embeddings.weight", s.type_vocab_size, width)?;
            sum = b.op("Add", &[&sum, &types], &[]);
        }
        let mut x = b.flatten(&sum, width);
        if width != s.hidden_size {
            x = b.linear_with(&x, "embeddings.embed_proj", width, s.hidden_size, false)?;
        }
        b.layer_norm(&x, "embeddings.LayerNorm", s.hidden_size, s.layer_norm_eps)
    }

    /// One layer over flat `x`: attention and feed-forward, each added to its input and normalised after. Keys and
    /// values always come from every token; queries, and so what comes out, only from `rows`. `relative` is how, and by
    /// which embeddings, tokens look at each other's position.
    fn layer(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        layer: usize,
        relative: Option<&(&Relative, Value)>,
        rows: Rows,
    ) -> Result<Value, GraphError> {
        let (s, head_dim) = (&self.settings, self.head_dim);
        let (hidden, heads) = (s.hidden_size, s.num_attention_heads);
        let post_norm = PostNorm {
            names: &NAMES,
            hidden,
            heads,
            intermediate: s.intermediate_size,
            activation: s.activation("hidden_act")?,
            eps: s.layer_norm_eps,
        };
        let layer = format!("encoder.layer.{layer}");
        let name = |part: &str| format!("{layer}.{part}");
        if b.is_cuda() {
            return self.cuda_layer(b, x, &layer, &post_norm, relative);
        }
        let wanted = b.pick(x, hidden, rows);
        let q = b.linear(&wanted, &name(NAMES.query), hidden, hidden)?;
        let k = b.linear(x, &name(NAMES.key), hidden, hidden)?;
        let v = b.linear(x, &name(NAMES.value), hidden, hidden)?;
        // All scores are scaled alike, those by position too: the queries are, before they meet anything.
        let scale = b.float(s.score_scale(head_dim));
        let q = b.op("Mul", &[&q, &scale], &[]);
        let bias = match relative {
            Some((relative, embeddings)) => {
                let layer = Layer { settings: s, head_dim, name: &name("attention.self"), embeddings };
                Some(relative.bias(b, &layer, &q, &k, rows)?)
            }
            None => None,
        };
        let attention = Attention {
            q: &q,
            k: &k,
            v: &v,
            heads,
            kv_heads: heads,
            head_dim,
            scale: Some(1.0),
            mask: Mask::default(),
            bias: None,
            rows,
        };
        // The bias has the selected rows already.
        let asking = b.sequences(&q, hidden, rows);
        let [k, v] = [&k, &v].map(|x| b.sequences(x, hidden, Rows::All));
        b.attention_width += hidden;
        let bias = b.with_masked_tokens(bias, rows);
        let context = b.attend(&attention, [&asking, &k, &v], bias.as_ref());
        let context = b.flatten(&context, hidden);
        let x = post_norm.attended(b, &context, &wanted, &layer)?;
        post_norm.feed_forward(b, &x, &layer)
    }

    /// As [`DebertaV2::layer`] for CUDA, where all rows come out.
    fn cuda_layer(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        name: &str,
        post_norm: &PostNorm,
        relative: Option<&(&Relative, Value)>,
    ) -> Result<Value, GraphError> {
        let (s, head_dim) = (&self.settings, self.head_dim);
        let (hidden, heads) = (s.hidden_size, s.num_attention_heads);
        let [q, k, v] = [NAMES.query, NAMES.key, NAMES.value].map(|part| format!("{name}.{part}"));
        let q = b.linear(x, &q, hidden, hidden)?;
        let k = b.linear(x, &k, hidden, hidden)?;
        let v = b.linear(x, &v, hidden, hidden)?;
        let bias = match relative {
            Some((relative, embeddings)) => {
                let layer = Layer { settings: s, head_dim, name: &format!("{name}.attention.self"), embeddings };
                Some(relative.cuda_bias(b, &layer, &q, &k)?)
            }
            None => None,
        };
        let scale = Some(s.score_scale(head_dim));
        let (mask, bias) = (Mask::default(), bias.as_ref());
        let scores = Scores { heads, kv_heads: heads, scale, mask, slopes: &[], bias };
        let context = b.scored(&Qkv::Apart([&q, &k, &v]), &scores);
        b.cuda_layer_after(x, &context, &post_norm.packed(name, None, Rows::All))
    }

    /// The contribution of a convolution over the embeddings to the rows `x` of the first layer.
    fn convolution(&self, b: &mut Builder<'_>, embedded: &Value, x: &Value, rows: Rows) -> Result<Value, GraphError> {
        let s = &self.settings;
        let (hidden, kernel, groups) = (s.hidden_size, s.conv_kernel_size, s.conv_groups);
        let shape = [hidden, hidden / groups, kernel];
        if b.is_cuda() {
            let out = b.cuda_convolution(embedded, "encoder.conv.conv", shape)?;
            return self.convolved(b, x, &out);
        }
        let weight = b.weight("encoder.conv.conv.weight", &shape)?;
        let bias = b.weight("encoder.conv.conv.bias", &[hidden])?;
        let swap = [Attribute::Ints("perm", &[0, 2, 1])];
        // Padding beside a text is no part of it.
        let embedded = b.without_masked_rows(embedded);
        let texts = b.sequences(&embedded, hidden, Rows::All);
        let channels = b.op("Transpose", &[&texts], &swap);
        let around = [(kernel as i64 - 1) / 2; 2];
        let attributes = [
            Attribute::Ints("kernel_shape", &[kernel as i64]),
            Attribute::Ints("pads", &around),
            Attribute::Int("group", groups as i64),
        ];
        let out = b.op("Conv", &[&channels, &weight, &bias], &attributes);
        let out = b.op("Transpose", &[&out], &swap);
        let out = b.flatten(&out, hidden);
        let out = b.pick(&out, hidden, rows);
        self.convolved(b, x, &out)
    }

    /// The rows `x` with those of the convolution, `out`, added.
    fn convolved(&self, b: &mut Builder<'_>, x: &Value, out: &Value) -> Result<Value, GraphError> {
        let s = &self.settings;
        let out = b.activation(out, s.activation("conv_act")?);
        let sum = b.op("Add", &[x, &out], &[]);
        b.layer_norm(&sum, "encoder.conv.LayerNorm", s.hidden_size, s.layer_norm_eps)
    }
}
