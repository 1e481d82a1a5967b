//! Requests to a model of this process, each with options of its own.

use std::sync::Arc;

use super::engine::{Head, OnnxEngine, Texts};
use super::tokenize::{Pairs, Tokenize};
use crate::batch::scheduler::Stats;
use crate::engine::forms;
use crate::engine::local::collect::Decode;
use crate::engine::local::post_process::PostProcess;
use crate::engine::local::prompts::{Prompt, Prompts};
use crate::engine::local::runner::Inputs;
use crate::engine::local::tokenizers::Opened;
use crate::engine::{
    Completed, Engine, EngineInfo, Job, JobResults, Output, Pending, Request, RequestOptions, SubmitError, TextError,
};
use crate::model::tokenizer::{TokenizeError, Truncate};
use crate::model::{SettingError, pooling};

/// Requests that are computed or wait, so that workers never do.
pub(in crate::engine) const IN_FLIGHT: usize = 4;

impl Engine for OnnxEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn submit(&self, Request { inputs, outputs, options }: Request) -> Result<Pending<Completed>, SubmitError> {
        forms::check(&self.info, outputs, &inputs)?;
        let prompt = self.texts.prompts.of_request(&self.texts.model, &options)?;
        let truncate = options.truncate.unwrap_or(self.texts.truncate);
        let estimate = inputs.iter().map(|input| input.estimate(prompt.bytes(), self.texts.max_length)).sum();
        let most_tokens = match &self.head {
            Head::Tokens(post_process) => options.most_numbers.map(|numbers| numbers / post_process.dimensions.max(1)),
            _ => None,
        };
        let (head, texts) = (self.head.decoder(&options)?, Arc::clone(&self.texts));
        self.runner.start(estimate, move || {
            let (prompt, decode) = head(prompt, &texts, &options)?;
            let prompt = texts.cut(prompt, &options, truncate)?;
            let (count, pairs) = (inputs.len(), Pairs::of(&inputs));
            let late = texts.late.clone().map(|post_process| (post_process, options.role));
            let tokenize = Tokenize { texts, inputs, prompt, truncate, late, pairs };
            let tokens = Opened { count, each: Box::new(move |i| tokenize.tokens(i)) };
            Ok(Inputs { tokens, decode, most_tokens })
        })
    }

    fn submit_job(&self, job: Job) -> Result<Pending<JobResults>, SubmitError> {
        self.runner.start_job(job)
    }

    fn stats(&self) -> Stats {
        self.runner.stats()
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }

    fn changed(&self) -> Option<&str> {
        self.files.changed()
    }
}

/// Settles the prompt of a request and how its outputs are decoded; runs where inputs are tokenised.
type Decoder = Box<dyn FnOnce(Prompt, &Texts, &RequestOptions) -> Result<(Prompt, Decode), SubmitError> + Send>;

impl Head {
    /// # Errors
    /// [`SubmitError::Setting`] for a length of vectors that the model has not.
    fn decoder(&self, options: &RequestOptions) -> Result<Decoder, SubmitError> {
        Ok(match self {
            Self::Vectors(post_process) => {
                let (post_process, normalization) = (Arc::clone(post_process), post_process.normalization(options)?);
                Box::new(move |prompt, texts, options| {
                    let prompt = texts.measured(prompt, options, &post_process)?;
                    let decode = post_process.decode(prompt.skip, normalization);
                    Ok((prompt, decode))
                })
            }
            Self::Sparse(post_process) => {
                let decode = post_process.decode();
                Box::new(move |prompt, _, _| Ok((prompt, decode)))
            }
            Self::Tokens(post_process) => {
                let decode = post_process.decode(options.role);
                Box::new(move |prompt, _, _| Ok((prompt, decode)))
            }
            Self::Logits => Box::new(move |prompt, _, _| Ok((prompt, logits()))),
        })
    }
}

/// Makes the logits of one input from the model's output.
fn logits() -> Decode {
    Arc::new(|rows, tokens| match pooling::not_finite(rows.numbers) {
        Some(defect) => Err(TextError::unusable(defect)),
        None => Ok(Output { logits: Some(rows.numbers.to_vec()), ..Output::seen(tokens.ids.len(), tokens.truncated) }),
    })
}

impl Texts {
    /// The prompt of a request, as far as the model can see it.
    fn cut(&self, prompt: Prompt, options: &RequestOptions, truncate: Truncate) -> Result<Prompt, SubmitError> {
        let Some(setting) = Prompts::setting_of(options) else { return Ok(prompt) };
        let refuse = |e: TokenizeError| SettingError::new(setting, e.to_string()).into();
        prompt.cut(&self.model, self.max_length, truncate).map_err(refuse)
    }

    /// The prompt of a request with its tokens counted, where pooling leaves them out.
    fn measured(
        &self,
        mut prompt: Prompt,
        options: &RequestOptions,
        post_process: &PostProcess,
    ) -> Result<Prompt, SubmitError> {
        let Some(setting) = Prompts::setting_of(options) else { return Ok(prompt) };
        let refuse = |reason: String| SettingError::new(setting, reason);
        prompt.measure(&self.model, self.max_length).map_err(|e| refuse(e.to_string()))?;
        if prompt.skip > 0 && !post_process.sees_all_tokens() {
            let reason = "this model leaves prompts out of pooling, which was not prepared for when it was loaded; give \
                          the prompt when the server starts";
            return Err(refuse(reason.into()).into());
        }
        Ok(prompt)
    }
}
