//! What is put before a text, by its role, and how much of it pooling leaves out.

use std::borrow::Cow;

use super::{Call, EngineError, Refusal, Role, TextOptions};
use crate::model::lora::Adapter;
use crate::model::tokenizer::TokenizeError;
use crate::model::{Model, ModelError};

/// What is put before a text.
#[derive(Debug, Clone, Default)]
pub(super) struct Prompt {
    pub text: Option<String>,
    /// Leading tokens (the prompt's) that pooling leaves out.
    pub skip: usize,
}

impl Prompt {
    /// Counts the tokens that pooling leaves out.
    fn measure(&mut self, model: &Model, max_length: usize) -> Result<(), TokenizeError> {
        if let (false, Some(text)) = (model.sentence.include_prompt, &self.text) {
            self.skip = model.tokenizer.prompt_length(text, max_length)?;
        }
        Ok(())
    }

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

    /// The prompt of a call: its own, or that of its role.
    pub fn of_call(&self, model: &Model, call: &Call, max_length: usize) -> Result<Cow<'_, Prompt>, Refusal> {
        let field = match (&call.prompt, &call.prompt_name) {
            (None, None) => return Ok(Cow::Borrowed(self.of(call.role))),
            (Some(_), _) => "prompt",
            (None, Some(_)) => "prompt_name",
        };
        let refuse = |reason: String| Refusal::Option { field, reason };
        let text = model.prompt(call.prompt.as_deref(), call.prompt_name.as_deref()).map_err(|e| match e {
            ModelError::Flag { reason, .. } => refuse(reason),
            other => refuse(other.to_string()),
        })?;
        if let Some(name) = &call.prompt_name {
            let adapter = Adapter::named(&model.config, name).map_err(refuse)?;
            if adapter.is_some() && adapter != model.adapter {
                return Err(refuse(format!(
                    "\"{name}\" goes with an adapter, which is chosen when the model is loaded"
                )));
            }
        }
        let mut prompt = Prompt { text, skip: 0 };
        prompt.measure(model, max_length).map_err(|e| refuse(e.to_string()))?;
        Ok(Cow::Owned(prompt))
    }

    /// Whether pooling leaves out a prompt, which moves the first token.
    pub fn skipped(&self, model: &Model) -> bool {
        !model.sentence.include_prompt
            && [&self.text, &self.query, &self.document].iter().any(|prompt| prompt.text.is_some())
    }

    /// Counts the tokens that pooling leaves out.
    pub fn measure(&mut self, model: &Model, max_length: usize) -> Result<(), EngineError> {
        for prompt in [&mut self.text, &mut self.query, &mut self.document] {
            prompt.measure(model, max_length).map_err(|e| ModelError::Flag {
                flag: "--prompt",
                reason: format!("the prompt cannot be tokenised: {e}"),
            })?;
        }
        Ok(())
    }
}
