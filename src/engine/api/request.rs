//! Requests to an engine: inputs, the outputs to compute, and options of this request alone.

use std::sync::Arc;

use super::{OutputKind, Outputs, SubmitError};
use crate::model::Setting;
use crate::model::pooling::Pooling;
use crate::model::tokenizer::Truncate;

#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The inputs, in the order of the results.
    pub inputs: Vec<Input>,
    pub outputs: Outputs,
    pub options: RequestOptions,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Text(String),
    /// The token ids of a text, special tokens included: they go to the model as they are, without a prompt.
    Ids(Vec<u32>),
    /// Two texts that are judged together: a query and a document, a premise and a hypothesis. Pairs that share the
    /// first text share its memory, and it is tokenised once.
    Pair(Arc<str>, String),
}

/// The role of a text. Some models prepend different prompts to queries and to documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Neither query nor document.
    #[default]
    Text,
    Query,
    Document,
}

/// Options of one request, where they differ from those that the engine was loaded with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestOptions {
    pub role: Role,
    /// Text put before each input.
    pub prompt: Option<String>,
    /// Name of one of the model's prompts, put before each input.
    pub prompt_name: Option<String>,
    /// The end at which a text that is too long is cut.
    pub truncate: Option<Truncate>,
    /// True if vectors are scaled to length 1.
    pub normalize: Option<bool>,
    /// Vectors are cut to this length, then scaled to length 1 (unless `normalize` is `Some(false)`).
    pub dimensions: Option<usize>,
    /// Most numbers of all token vectors together; more are refused before the model runs
    /// ([`super::SubmitError::TooLarge`]).
    pub most_numbers: Option<usize>,
}

/// Options of texts that an engine is loaded with.
#[derive(Debug, Clone, Default)]
pub struct TextOptions {
    /// Longest text in tokens; `None`: the model's own limit.
    pub max_length: Option<usize>,
    /// The end at which a text that is too long is cut; `None`: the tokenizer's own.
    pub truncate: Option<Truncate>,
    pub pooling: Option<Pooling>,
    /// True if vectors are scaled to length 1; `None`: the model's own decision.
    pub normalize: Option<bool>,
    /// Vectors are cut to this length (then normalised, unless `normalize` is `Some(false)`).
    pub dimensions: Option<usize>,
    /// Text put before each input.
    pub prompt: Option<String>,
    /// Name of one of the model's prompts, put before each input.
    pub prompt_name: Option<String>,
    /// True if these two are for queries alone, and documents keep the model's own prompt.
    pub prompt_queries: bool,
}

/// Fewest bytes of text per token, on average, in most languages.
pub(crate) const BYTES_PER_TOKEN: usize = 3;

impl Request {
    pub fn new(output: OutputKind, inputs: Vec<Input>, options: RequestOptions) -> Self {
        Self { inputs, outputs: output.into(), options }
    }
}

impl RequestOptions {
    /// Checks that no field is set but the role; for engines whose other options are fixed at opening.
    ///
    /// # Errors
    /// [`SubmitError::Setting`] for the first other field that is set.
    pub(in crate::engine) fn role_alone(&self) -> Result<(), SubmitError> {
        let Self { role: _, prompt, prompt_name, truncate, normalize, dimensions, most_numbers: _ } = self;
        let settings = [
            (Setting::Prompt, prompt.is_some()),
            (Setting::PromptName, prompt_name.is_some()),
            (Setting::Truncate, truncate.is_some()),
            (Setting::Normalize, normalize.is_some()),
            (Setting::Dimensions, dimensions.is_some()),
        ];
        match settings.into_iter().find(|&(_, set)| set) {
            Some((setting, _)) => Err(SubmitError::settled(setting)),
            None => Ok(()),
        }
    }
}

impl Input {
    /// Bytes of text, or number of ids.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Ids(ids) => ids.len(),
            Self::Pair(first, second) => first.len() + second.len(),
        }
    }

    /// An estimate of the number of tokens with a prompt of `prompt` bytes before the input, at most `most`.
    pub fn estimate(&self, prompt: usize, most: usize) -> usize {
        let of_text = |specials| self.bytes().saturating_add(prompt) / BYTES_PER_TOKEN + specials;
        let tokens = match self {
            Self::Text(_) => of_text(2),
            Self::Pair(..) => of_text(3),
            Self::Ids(ids) => ids.len(),
        };
        tokens.min(most)
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_stay_below_the_limit() {
        let estimate = |input: Input| input.estimate(6, 10);
        assert_eq!(estimate("123".into()), 5);
        assert_eq!(estimate("x".repeat(100).into()), 10);
        assert_eq!(estimate(Input::Pair("123".into(), "456".into())), 7);
        assert_eq!(estimate(Input::Ids(vec![1, 2])), 2);
    }
}
