//! The prompts before texts, by role, and the number of their tokens that pooling excludes.

use std::sync::Arc;

use crate::engine::{EngineError, RequestOptions, Role, SubmitError, TextOptions};
use crate::model::lora::Adapter;
use crate::model::tokenizer::{Prompted, TokenizeError, Truncate};
use crate::model::{Model, Setting, SettingError};

#[derive(Debug, Clone, Default)]
pub(super) struct Prompt {
    pub text: Option<Arc<str>>,
    /// Leading tokens (the prompt's) that pooling leaves out; 0 until they are counted.
    pub skip: usize,
}

impl Prompt {
    /// Counts the tokens that pooling leaves out.
    pub(crate) fn measure(&mut self, model: &Model, max_length: usize) -> Result<(), TokenizeError> {
        if let (false, Some(text)) = (model.sentence.include_prompt, &self.text) {
            self.skip = model.tokenizer.prompt_length(text, max_length)?;
        }
        Ok(())
    }

    /// The same without what no text after it can make visible, so that it is not read again for each.
    pub(crate) fn cut(mut self, model: &Model, max_length: usize, truncate: Truncate) -> Result<Self, TokenizeError> {
        if let Some(text) = &self.text {
            let visible = model.tokenizer.visible(text, max_length, truncate)?;
            if visible.len() < text.len() {
                self.text = Some(visible.into());
            }
        }
        Ok(self)
    }

    /// Bytes that go before each text.
    pub(crate) fn bytes(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.len())
    }

    pub(crate) fn before<'a>(&'a self, text: &'a str) -> Prompted<'a> {
        Prompted { prompt: self.text.as_deref().unwrap_or(""), text }
    }
}

pub(super) struct Prompts {
    text: Prompt,
    query: Prompt,
    document: Prompt,
}

impl Prompts {
    /// The prompts that `options` and the model's files say; one that the user gives holds for every role, or for
    /// queries alone.
    pub(crate) fn new(model: &Model, options: &TextOptions) -> Result<Self, EngineError> {
        let text = model.prompt(options.prompt.as_deref(), options.prompt_name.as_deref())?.map(Arc::from);
        let given = options.prompt.is_some() || options.prompt_name.is_some();
        let role = |given, role| Prompt {
            text: if given { text.clone() } else { model.role_prompt(role).map(Arc::from) },
            skip: 0,
        };
        let (query, document) = (role(given, "query"), role(given && !options.prompt_queries, "document"));
        Ok(Self { text: Prompt { text, skip: 0 }, query, document })
    }

    pub(crate) fn of(&self, role: Role) -> &Prompt {
        match role {
            Role::Text => &self.text,
            Role::Query => &self.query,
            Role::Document => &self.document,
        }
    }

    /// The setting of a request that names its prompt; `None` if its role does.
    pub(crate) fn setting_of(options: &RequestOptions) -> Option<Setting> {
        match (&options.prompt, &options.prompt_name) {
            (None, None) => None,
            (Some(_), _) => Some(Setting::Prompt),
            (None, Some(_)) => Some(Setting::PromptName),
        }
    }

    /// The prompt of a request: its own, which is not measured yet, or that of its role.
    pub(crate) fn of_request(&self, model: &Model, options: &RequestOptions) -> Result<Prompt, SubmitError> {
        let Some(setting) = Self::setting_of(options) else { return Ok(self.of(options.role).clone()) };
        let text = model.prompt(options.prompt.as_deref(), options.prompt_name.as_deref())?;
        if let Some(name) = &options.prompt_name {
            let refuse = |reason: String| SettingError::new(setting, reason);
            let adapter = Adapter::named(&model.config, name).map_err(refuse)?;
            if adapter.is_some() && adapter != model.adapter {
                let reason = format!("\"{name}\" goes with an adapter, which is chosen when the model is loaded");
                return Err(refuse(reason).into());
            }
        }
        Ok(Prompt { text: text.map(Arc::from), skip: 0 })
    }

    /// True if pooling leaves out a prompt, which moves the first token.
    pub(crate) fn skipped(&self, model: &Model) -> bool {
        !model.sentence.include_prompt
            && [&self.text, &self.query, &self.document].iter().any(|prompt| prompt.text.is_some())
    }

    /// Counts the tokens that pooling leaves out.
    pub(crate) fn measure(&mut self, model: &Model, max_length: usize) -> Result<(), EngineError> {
        for prompt in [&mut self.text, &mut self.query, &mut self.document] {
            prompt
                .measure(model, max_length)
                .map_err(|e| SettingError::new(Setting::Prompt, format!("the prompt cannot be tokenised: {e}")))?;
        }
        Ok(())
    }
}
