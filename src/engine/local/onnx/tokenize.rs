//! The inputs of a request to tokens: texts with their prompt, ids as they are, pairs as the model reads them.

use std::sync::{Arc, OnceLock};

use super::engine::Texts;
use crate::engine::local::prompts::Prompt;
use crate::engine::local::token_vectors::TokenPostProcess;
use crate::engine::{Input, Role, TextError};
use crate::model::generative::PairPrompt;
use crate::model::tokenizer::{FirstOfPair, Tokens, Truncate};

/// The inputs of a request. Pairs that follow one another and share their first text share its tokens.
pub(super) struct Tokenize {
    pub texts: Arc<Texts>,
    pub inputs: Vec<Input>,
    pub prompt: Prompt,
    pub truncate: Truncate,
    /// Late interaction tokenises by role.
    pub late: Option<(Arc<TokenPostProcess>, Role)>,
    pub pairs: Pairs,
}

/// The first texts of pairs, each tokenised once.
pub(super) struct Pairs {
    /// For each pair that shares its first text: the index of that text in `firsts`.
    shared: Vec<Option<usize>>,
    firsts: Vec<OnceLock<Result<First, TextError>>>,
}

/// The first text of a pair, prepared for any second.
enum First {
    Tokens(Box<FirstOfPair>),
    /// The part that the model can see of it in the template.
    Visible(String),
}

impl Pairs {
    pub(crate) fn of(inputs: &[Input]) -> Self {
        // Requests without pairs need no room for them.
        let pairs = inputs.iter().any(|input| matches!(input, Input::Pair(..)));
        let mut shared: Vec<Option<usize>> = vec![None; if pairs { inputs.len() } else { 0 }];
        let mut count = 0;
        for (i, pair) in inputs.windows(2).enumerate() {
            if let [Input::Pair(before, _), Input::Pair(first, _)] = pair
                && Arc::ptr_eq(before, first)
            {
                let number = *shared[i].get_or_insert_with(|| {
                    count += 1;
                    count - 1
                });
                shared[i + 1] = Some(number);
            }
        }
        Self { shared, firsts: (0..count).map(|_| OnceLock::new()).collect() }
    }
}

/// The tokens of a text given as token ids.
pub(in crate::engine) fn ids_as_they_are(
    ids: &[u32],
    max_length: usize,
    truncate: Truncate,
) -> Result<Tokens, TextError> {
    let kept = match truncate {
        _ if ids.len() <= max_length => ids,
        Truncate::Right => &ids[..max_length],
        Truncate::Left => &ids[ids.len() - max_length..],
        Truncate::None => {
            return Err(TextError::too_long(format!(
                "{} tokens are more than {max_length}, and nothing may go",
                ids.len()
            )));
        }
    };
    let truncated = kept.len() < ids.len();
    Ok(Tokens { ids: kept.iter().map(|&id| i64::from(id)).collect(), types: Vec::new(), unseen: 0, truncated })
}

impl Tokenize {
    /// The tokens of input number `i`.
    pub(crate) fn tokens(&self, i: usize) -> Result<Tokens, TextError> {
        let (first, second) = match &self.inputs[i] {
            Input::Text(text) => return self.text(text),
            Input::Ids(ids) => return ids_as_they_are(ids, self.texts.max_length, self.truncate),
            Input::Pair(first, second) => (first, second),
        };
        let Pairs { shared, firsts } = &self.pairs;
        match shared.get(i).copied().flatten().and_then(|number| firsts.get(number)) {
            Some(prepared) => {
                let prepared = prepared.get_or_init(|| self.first(first));
                self.second(prepared.as_ref().map_err(TextError::clone)?, second)
            }
            None => self.second(&self.first(first)?, second),
        }
    }

    fn text(&self, text: &str) -> Result<Tokens, TextError> {
        let (tokenizer, text) = (&self.texts.model.tokenizer, self.prompt.before(text));
        let tokens = match &self.late {
            Some((post_process, role)) => post_process.tokenize(tokenizer, text, *role, self.truncate),
            None => tokenizer.encode(text, self.texts.max_length, self.truncate),
        };
        tokens.map_err(TextError::from)
    }

    fn first(&self, first: &Arc<str>) -> Result<First, TextError> {
        let (tokenizer, most) = (&self.texts.model.tokenizer, self.texts.max_length);
        let first = match self.pair_prompt()? {
            Some(_) => tokenizer.visible(first, most, self.truncate).map(|text| First::Visible(text.into_owned())),
            None => {
                // As in sentence-transformers, a prompt goes before the first text alone.
                let prompt = self.prompt.text.clone().unwrap_or_default();
                let first = tokenizer.first_of_pair(prompt, Arc::clone(first), most, self.truncate);
                first.map(|first| First::Tokens(Box::new(first)))
            }
        };
        first.map_err(TextError::from)
    }

    fn second(&self, first: &First, second: &str) -> Result<Tokens, TextError> {
        let (tokenizer, most) = (&self.texts.model.tokenizer, self.texts.max_length);
        let tokens = match (first, self.pair_prompt()?) {
            (First::Visible(first), Some(pair_prompt)) => {
                let second = tokenizer.visible(second, most, self.truncate);
                second.and_then(|second| pair_prompt.encode(tokenizer, first, &second, most, self.truncate))
            }
            (First::Tokens(first), _) => tokenizer.encode_second(first, second),
            (First::Visible(first), None) => tokenizer.encode_pair(first, second, most, self.truncate),
        };
        tokens.map_err(TextError::from)
    }

    fn pair_prompt(&self) -> Result<Option<&PairPrompt>, TextError> {
        self.texts.pair_prompt.as_ref().map(Option::as_ref).map_err(TextError::clone)
    }
}
