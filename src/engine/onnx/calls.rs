//! Calls that are begun and waited for later, with options of their own.

use std::borrow::Cow;

use super::{Head, OnnxEngine, logits};
use crate::batch::scheduler::Stats;
use crate::engine::prompts::Prompt;
use crate::engine::{
    Call, Embedding, Judged, Local, LocalInfo, Pending, Prediction, Refusal, SparseEmbedding, Text, TextError,
    TokenEmbeddings,
};
use crate::model::Model;
use crate::model::tokenizer::{Tokens, Truncate};

impl OnnxEngine {
    /// The prompt of a call, and which end of its texts goes.
    fn settled(&self, call: &Call) -> Result<(Cow<'_, Prompt>, Truncate), Refusal> {
        let prompt = self.prompts.of_call(&self.model, call, self.local.max_length)?;
        if let (Head::Vectors(finish), true) = (&self.head, prompt.skip > 0)
            && !finish.sees_all_tokens()
        {
            let field = if call.prompt.is_some() { "prompt" } else { "prompt_name" };
            let reason = "this model leaves prompts out of pooling, which was not prepared for when it was loaded; give \
                          the prompt when the server starts";
            return Err(Refusal::Option { field, reason: reason.into() });
        }
        Ok((prompt, call.truncate.unwrap_or(self.local.truncate)))
    }

    fn estimate(&self, texts: &[Text]) -> usize {
        texts.iter().map(|text| text.estimate(self.local.max_length)).sum()
    }

    fn tokens_of(&self, text: &Text, prompt: &Prompt, truncate: Truncate) -> Result<Tokens, TextError> {
        match text {
            Text::Text(text) => self.tokenize(text, prompt, truncate),
            Text::Ids(ids) => ids_as_they_are(ids, self.local.max_length, truncate),
        }
    }

    fn unsupported<T>(&self, what: &str) -> Result<T, Refusal> {
        // Not by the name that it was loaded by: a path is nothing for a server to tell.
        Err(Refusal::Unsupported(format!("this model gives no {what}")))
    }
}

impl Local for OnnxEngine {
    fn model(&self) -> &Model {
        &self.model
    }

    fn local(&self) -> &LocalInfo {
        &self.local
    }

    fn stats(&self) -> Stats {
        self.runner.stats()
    }

    fn start_embed(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<Embedding>, Refusal> {
        let Head::Vectors(finish) = &self.head else { return self.unsupported("vectors") };
        let (prompt, truncate) = self.settled(call)?;
        let reading = finish.reading(prompt.skip, finish.ending(call)?);
        let tokenize = |i: usize| self.tokens_of(&texts[i], &prompt, truncate);
        self.runner.start(texts.len(), self.estimate(&texts), tokenize, &reading)
    }

    fn start_embed_sparse(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<SparseEmbedding>, Refusal> {
        let Head::Sparse(finish) = &self.head else { return self.unsupported("sparse vectors") };
        let (prompt, truncate) = self.settled(call)?;
        let tokenize = |i: usize| self.tokens_of(&texts[i], &prompt, truncate);
        self.runner.start(texts.len(), self.estimate(&texts), tokenize, &finish.reading())
    }

    fn start_embed_tokens(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<TokenEmbeddings>, Refusal> {
        let Head::Tokens(finish) = &self.head else { return self.unsupported("vectors of tokens") };
        let (prompt, truncate) = self.settled(call)?;
        let tokenize = |i: usize| match &texts[i] {
            Text::Text(text) => {
                let tokens = finish.tokenize(&self.model.tokenizer, &prompt.before(text), call.role, truncate);
                tokens.map_err(TextError::from)
            }
            Text::Ids(ids) => ids_as_they_are(ids, self.local.max_length, truncate),
        };
        self.runner.start(texts.len(), self.estimate(&texts), tokenize, &finish.reading(call.role))
    }

    fn start_predict(&self, inputs: Vec<Judged>, call: &Call) -> Result<Pending<Prediction>, Refusal> {
        let Head::Logits = self.head else { return self.unsupported("scores") };
        let (prompt, truncate) = self.settled(call)?;
        let estimate = inputs.iter().map(|input| input.estimate(self.local.max_length)).sum();
        let tokenize = |i: usize| self.tokenize_input(inputs[i].borrow(), &prompt, truncate);
        self.runner.start(inputs.len(), estimate, tokenize, &logits())
    }
}

/// Tokens that somebody else made.
fn ids_as_they_are(ids: &[u32], max_length: usize, truncate: Truncate) -> Result<Tokens, TextError> {
    let kept = match truncate {
        _ if ids.len() <= max_length => ids,
        Truncate::Right => &ids[..max_length],
        Truncate::Left => &ids[ids.len() - max_length..],
        Truncate::None => {
            let reason = format!("{} tokens are more than {max_length}, and nothing may go", ids.len());
            return Err(TextError::too_long(reason));
        }
    };
    let truncated = kept.len() < ids.len();
    Ok(Tokens { ids: kept.iter().map(|&id| i64::from(id)).collect(), types: Vec::new(), unseen: 0, truncated })
}
