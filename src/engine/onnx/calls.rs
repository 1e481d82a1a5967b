//! Calls that are begun and waited for later, with options of their own.

use std::sync::Arc;

use super::texts::Judge;
use super::{Head, OnnxEngine, Texts, logits};
use crate::batch::scheduler::Stats;
use crate::engine::call::ids_as_they_are;
use crate::engine::finish::Finish;
use crate::engine::prompts::{Prompt, Prompts};
use crate::engine::runner::Inputs;
use crate::engine::tokenizers::Opened;
use crate::engine::{
    Call, Embedding, Job, Judged, Local, LocalInfo, Pending, Prediction, Refusal, SparseEmbedding, Text, TextError,
    TokenEmbeddings,
};
use crate::model::Model;
use crate::model::tokenizer::{TokenizeError, Tokens, Truncate};

impl OnnxEngine {
    /// The prompt of a call, and which end of its texts goes.
    fn settled(&self, call: &Call) -> Result<(Prompt, Truncate), Refusal> {
        let prompt = self.texts.prompts.of_call(&self.texts.model, call)?;
        Ok((prompt, call.truncate.unwrap_or(self.local.truncate)))
    }

    fn estimate(&self, texts: &[Text], prompt: &Prompt) -> usize {
        texts.iter().map(|text| text.estimate(prompt.bytes(), self.local.max_length)).sum()
    }

    fn unsupported<T>(&self, what: &str) -> Result<T, Refusal> {
        // Not by the name that it was loaded by: a path is nothing for a server to tell.
        Err(Refusal::Unsupported(format!("this model gives no {what}")))
    }
}

impl Texts {
    /// The prompt of a call, as far as the model can see it.
    fn cut(&self, prompt: Prompt, call: &Call, truncate: Truncate) -> Result<Prompt, Refusal> {
        let Some(field) = Prompts::field_of(call) else { return Ok(prompt) };
        let refuse = |e: TokenizeError| Refusal::Option { field, reason: e.to_string() };
        prompt.cut(&self.model, self.max_length, truncate).map_err(refuse)
    }

    /// The prompt of a call with its tokens counted, where pooling leaves them out.
    fn measured(&self, mut prompt: Prompt, call: &Call, finish: &Finish) -> Result<Prompt, Refusal> {
        let Some(field) = Prompts::field_of(call) else { return Ok(prompt) };
        let refuse = |reason: String| Refusal::Option { field, reason };
        prompt.measure(&self.model, self.max_length).map_err(|e| refuse(e.to_string()))?;
        if prompt.skip > 0 && !finish.sees_all_tokens() {
            let reason = "this model leaves prompts out of pooling, which was not prepared for when it was loaded; give \
                          the prompt when the server starts";
            return Err(refuse(reason.into()));
        }
        Ok(prompt)
    }
}

/// Inputs that `each` tokenises.
fn opened(
    count: usize,
    each: impl Fn(usize) -> Result<Tokens, TextError> + Send + Sync + 'static,
) -> Opened<Result<Tokens, TextError>> {
    Opened { count, each: Box::new(each) }
}

impl Local for OnnxEngine {
    fn model(&self) -> &Model {
        &self.texts.model
    }

    fn local(&self) -> &LocalInfo {
        &self.local
    }

    fn stats(&self) -> Stats {
        self.runner.stats()
    }

    fn changed(&self) -> Option<&str> {
        self.files.changed()
    }

    fn start_job(&self, estimate: usize, count: usize, at_once: usize, each: Job) -> Result<Pending<Vec<u8>>, Refusal> {
        self.runner.start_job(estimate, count, at_once, each)
    }

    fn start_embed(&self, inputs: Vec<Text>, call: &Call) -> Result<Pending<Embedding>, Refusal> {
        let Head::Vectors(finish) = &self.head else { return self.unsupported("vectors") };
        let (prompt, truncate) = self.settled(call)?;
        let (ending, finish, texts, call) =
            (finish.ending(call)?, Arc::clone(finish), Arc::clone(&self.texts), call.clone());
        self.runner.start(self.estimate(&inputs, &prompt), move || {
            let prompt = texts.cut(texts.measured(prompt, &call, &finish)?, &call, truncate)?;
            let reading = finish.reading(prompt.skip, ending);
            let tokens = opened(inputs.len(), move |i| texts.tokens(&inputs[i], &prompt, truncate));
            Ok(Inputs { tokens, reading, most_tokens: None })
        })
    }

    fn start_embed_sparse(&self, inputs: Vec<Text>, call: &Call) -> Result<Pending<SparseEmbedding>, Refusal> {
        let Head::Sparse(finish) = &self.head else { return self.unsupported("sparse vectors") };
        let (prompt, truncate) = self.settled(call)?;
        let (reading, texts, call) = (finish.reading(), Arc::clone(&self.texts), call.clone());
        self.runner.start(self.estimate(&inputs, &prompt), move || {
            let prompt = texts.cut(prompt, &call, truncate)?;
            let tokens = opened(inputs.len(), move |i| texts.tokens(&inputs[i], &prompt, truncate));
            Ok(Inputs { tokens, reading, most_tokens: None })
        })
    }

    fn start_embed_tokens(&self, inputs: Vec<Text>, call: &Call) -> Result<Pending<TokenEmbeddings>, Refusal> {
        let Head::Tokens(finish) = &self.head else { return self.unsupported("vectors of tokens") };
        let (prompt, truncate) = self.settled(call)?;
        let (finish, texts) = (Arc::clone(finish), Arc::clone(&self.texts));
        let most_tokens = call.most_numbers.map(|numbers| numbers / finish.dimensions.max(1));
        let (role, call) = (call.role, call.clone());
        self.runner.start(self.estimate(&inputs, &prompt), move || {
            let prompt = texts.cut(prompt, &call, truncate)?;
            let reading = finish.reading(role);
            let tokens = opened(inputs.len(), move |i| match &inputs[i] {
                Text::Text(text) => {
                    let tokens = finish.tokenize(&texts.model.tokenizer, prompt.before(text), role, truncate);
                    tokens.map_err(TextError::from)
                }
                Text::Ids(ids) => ids_as_they_are(ids, texts.max_length, truncate),
            });
            Ok(Inputs { tokens, reading, most_tokens })
        })
    }

    fn start_predict(&self, inputs: Vec<Judged>, call: &Call) -> Result<Pending<Prediction>, Refusal> {
        let Head::Logits = self.head else { return self.unsupported("scores") };
        let (prompt, truncate) = self.settled(call)?;
        let estimate = inputs.iter().map(|input| input.estimate(prompt.bytes(), self.local.max_length)).sum();
        let (texts, call) = (Arc::clone(&self.texts), call.clone());
        self.runner.start(estimate, move || {
            let prompt = texts.cut(prompt, &call, truncate)?;
            let (count, judge) = (inputs.len(), Judge::new(texts, inputs, prompt, truncate));
            Ok(Inputs { tokens: opened(count, move |i| judge.tokens(i)), reading: logits(), most_tokens: None })
        })
    }
}
