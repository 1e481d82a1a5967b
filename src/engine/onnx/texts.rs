//! Inputs to tokens: with their prompt, or as the question that a model is asked about a pair.

use std::sync::{Arc, OnceLock};

use super::Texts;
use crate::engine::call::ids_as_they_are;
use crate::engine::prompts::Prompt;
use crate::engine::{Judged, Text, TextError};
use crate::model::generative::PairPrompt;
use crate::model::tokenizer::{FirstOfPair, Tokens, Truncate};

impl Texts {
    /// The tokens of a text.
    pub fn tokens(&self, text: &Text, prompt: &Prompt, truncate: Truncate) -> Result<Tokens, TextError> {
        match text {
            Text::Text(text) => self.of_text(text, prompt, truncate),
            Text::Ids(ids) => ids_as_they_are(ids, self.max_length, truncate),
        }
    }

    fn of_text(&self, text: &str, prompt: &Prompt, truncate: Truncate) -> Result<Tokens, TextError> {
        let tokens = self.model.tokenizer.encode(prompt.before(text), self.max_length, truncate);
        tokens.map_err(TextError::from)
    }
}

/// Inputs of a classification head. Pairs that follow one another and share their first text share its tokens.
pub(super) struct Judge {
    texts: Arc<Texts>,
    inputs: Vec<Judged>,
    prompt: Prompt,
    truncate: Truncate,
    /// For each pair that shares its first text: which of `firsts` that is.
    shared: Vec<Option<usize>>,
    firsts: Vec<OnceLock<Result<First, TextError>>>,
}

/// The first text of a pair, prepared for any second.
enum First {
    Tokens(Box<FirstOfPair>),
    /// What the model can see of it in a question.
    Visible(String),
}

impl Judge {
    pub fn new(texts: Arc<Texts>, inputs: Vec<Judged>, prompt: Prompt, truncate: Truncate) -> Self {
        let mut shared: Vec<Option<usize>> = vec![None; inputs.len()];
        let mut count = 0;
        for (i, pair) in inputs.windows(2).enumerate() {
            if let [Judged::Pair(before, _), Judged::Pair(first, _)] = pair
                && Arc::ptr_eq(before, first)
            {
                let number = *shared[i].get_or_insert_with(|| {
                    count += 1;
                    count - 1
                });
                shared[i + 1] = Some(number);
            }
        }
        let firsts = (0..count).map(|_| OnceLock::new()).collect();
        Self { texts, inputs, prompt, truncate, shared, firsts }
    }

    /// The tokens of input number `i`.
    pub fn tokens(&self, i: usize) -> Result<Tokens, TextError> {
        let (first, second) = match &self.inputs[i] {
            Judged::Text(text) => return self.texts.of_text(text, &self.prompt, self.truncate),
            Judged::Pair(first, second) => (first, second),
        };
        match self.shared[i].and_then(|number| self.firsts.get(number)) {
            Some(prepared) => {
                let prepared = prepared.get_or_init(|| self.first(first));
                self.second(prepared.as_ref().map_err(TextError::clone)?, second)
            }
            None => self.second(&self.first(first)?, second),
        }
    }

    fn first(&self, first: &Arc<str>) -> Result<First, TextError> {
        let (tokenizer, most) = (&self.texts.model.tokenizer, self.texts.max_length);
        let first = match self.question()? {
            Some(_) => tokenizer.visible(first, most, self.truncate).map(|text| First::Visible(text.into_owned())),
            None => {
                // As sentence-transformers has it, a prompt goes before the first text alone.
                let prompt = self.prompt.text.clone().unwrap_or_default();
                let first = tokenizer.first_of_pair(prompt, Arc::clone(first), most, self.truncate);
                first.map(|first| First::Tokens(Box::new(first)))
            }
        };
        first.map_err(TextError::from)
    }

    fn second(&self, first: &First, second: &str) -> Result<Tokens, TextError> {
        let (tokenizer, most) = (&self.texts.model.tokenizer, self.texts.max_length);
        let tokens = match (first, self.question()?) {
            (First::Visible(first), Some(question)) => {
                let second = tokenizer.visible(second, most, self.truncate);
                second.and_then(|second| question.encode(tokenizer, first, &second, most, self.truncate))
            }
            (First::Tokens(first), _) => tokenizer.encode_second(first, second),
            (First::Visible(first), None) => tokenizer.encode_pair(first, second, most, self.truncate),
        };
        tokens.map_err(TextError::from)
    }

    fn question(&self) -> Result<Option<&PairPrompt>, TextError> {
        self.texts.question.as_ref().map(Option::as_ref).map_err(TextError::clone)
    }
}
