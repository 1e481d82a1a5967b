//! What is put before a text, by its role, and how much of it pooling leaves out.

use std::borrow::Cow;

use super::{EngineError, Role, TextOptions};
use crate::model::{Model, ModelError};

/// What is put before a text.
#[derive(Debug, Clone, Default)]
pub(super) struct Prompt {
    pub text: Option<String>,
    /// Leading tokens (the prompt's) that pooling leaves out.
    pub skip: usize,
}

impl Prompt {
    /// `text` with the prompt before it.
    pub fn before<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.text {
            Some(prompt) => format!("{prompt}{text}").into(),
            None => text.into(),
        }
    }
}

/// The prompt of every role.
pub(super) struct Prompts {
    text: Prompt,
    query: Prompt,
    document: Prompt,
}

impl Prompts {
    /// The prompts that `options` and the model's files say; one that the user gives holds for every role, or for
    /// queries alone.
    pub fn new(model: &Model, options: &TextOptions) -> Result<Self, EngineError> {
        let text = model.prompt(options.prompt.as_deref(), options.prompt_name.as_deref())?;
        let given = options.prompt.is_some() || options.prompt_name.is_some();
        let role = |given, role| Prompt { text: if given { text.clone() } else { model.role_prompt(role) }, skip: 0 };
        let (query, document) = (role(given, "query"), role(given && !options.prompt_queries, "document"));
        Ok(Self { text: Prompt { text, skip: 0 }, query, document })
    }

    /// The prompt of `role`.
    pub fn of(&self, role: Role) -> &Prompt {
        match role {
            Role::Text => &self.text,
            Role::Query => &self.query,
            Role::Document => &self.document,
        }
    }

    /// Whether pooling leaves out a prompt, which moves the first token.
    pub fn skipped(&self, model: &Model) -> bool {
        !model.sentence.include_prompt
            && [&self.text, &self.query, &self.document].iter().any(|prompt| prompt.text.is_some())
    }

    /// Counts the tokens that pooling leaves out.
    pub fn measure(&mut self, model: &Model, max_length: usize) -> Result<(), EngineError> {
        if model.sentence.include_prompt {
            return Ok(());
        }
        for prompt in [&mut self.text, &mut self.query, &mut self.document] {
            if let Some(text) = &prompt.text {
                prompt.skip = model.tokenizer.prompt_length(text, max_length).map_err(|e| ModelError::Flag {
                    flag: "--prompt",
                    reason: format!("the prompt cannot be tokenised: {e}"),
                })?;
            }
        }
        Ok(())
    }
}
