//! Tokens of texts, as the model sees them.

use super::super::Error;
use crate::bench::report::Task as EngineTask;
use crate::bench::target::Request;
use crate::engine::{self, OutputKind};
use crate::graph;
use crate::model::task::Task;
use crate::model::tokenizer::{Prompted, Truncate};
use crate::model::{Model, ModelError};

/// More tokens of a text are not counted.
const MAX_COUNTED: usize = 1 << 24;

pub(crate) struct TokenCounter<'m> {
    model: &'m Model,
    prompt: String,
    /// Longest text, specials included.
    pub max_length: usize,
    /// True if query and document go through the model as one.
    pairs: bool,
}

impl<'m> TokenCounter<'m> {
    pub(crate) fn new(model: &'m Model, task: EngineTask) -> Result<Self, ModelError> {
        let pairs = task == EngineTask::Rerank && matches!(model.task, Task::CrossEncoder(_) | Task::Generative(_));
        let output = if pairs { OutputKind::Logits } else { OutputKind::Embedding };
        let max_length = engine::max_length(model, output, None, graph::positions_of(&model.config))?;
        let prompt = if pairs { None } else { model.prompt(None, None)? };
        Ok(Self { model, prompt: prompt.unwrap_or_default(), max_length, pairs })
    }

    /// Tokens of a text, which `flag` gave: specials included, nothing cut off.
    pub(crate) fn text(&self, flag: &'static str, text: &str) -> Result<usize, Error> {
        let tokenizer = &self.model.tokenizer;
        let tokens = tokenizer.encode(Prompted { prompt: &self.prompt, text }, MAX_COUNTED, Truncate::Right);
        Ok(tokens.map_err(|e| unreadable(flag, text, &e.to_string()))?.ids.len())
    }

    fn pair(&self, flag: &'static str, query: &str, document: &str) -> Result<usize, Error> {
        let tokens = self.model.tokenizer.encode_pair(query, document, MAX_COUNTED, Truncate::Right);
        Ok(tokens.map_err(|e| unreadable(flag, document, &e.to_string()))?.ids.len())
    }

    /// Lengths of what the model sees for a request, in tokens.
    pub(crate) fn request(&self, flag: &'static str, request: &Request) -> Result<Vec<usize>, Error> {
        match request {
            Request::Texts(texts) => texts.iter().map(|text| self.text(flag, text)).collect(),
            Request::Rerank { query, documents } if self.pairs => {
                documents.iter().map(|document| self.pair(flag, query, document)).collect()
            }
            Request::Rerank { query, documents } => {
                std::iter::once(query).chain(documents).map(|text| self.text(flag, text)).collect()
            }
        }
    }
}

fn unreadable(flag: &'static str, text: &str, reason: &str) -> Error {
    let text: String = text.chars().take(40).collect();
    Error::Flag { flag, reason: format!("{text:?} cannot be tokenised: {reason}") }
}
