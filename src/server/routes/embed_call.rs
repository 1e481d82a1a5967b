//! A request for vectors in any dialect: every embedding route translates its request into an [`EmbedCall`].

use std::sync::Arc;

use axum::response::Response;

use super::foreign_ids;
use super::inputs::Truncation;
use super::text_use::TextUse;
use crate::engine::{Embedding, Input, OutputKind, RequestOptions, Role, TokenEmbeddings};
use crate::model::pooling::{ROUNDING, to_unit};
use crate::server::http::{json_pieces, shorten, write};
use crate::server::memory::BodyPermit;
use crate::server::models::{Failure, LoadedModel, ModelOutput, NoModel, ServedModel, of_inputs};
use crate::server::{ApiError, App, Limits};

#[derive(Debug, Default)]
pub(crate) struct EmbedCall {
    /// At least one, and at most as many as a request may have.
    pub texts: Vec<Input>,
    /// The use of the texts, which chooses a prompt.
    pub text_use: Option<TextUse>,
    /// Text prepended to each input.
    pub prompt: Option<String>,
    /// Name of one of the model's prompts, prepended to each input.
    pub prompt_name: Option<String>,
    /// The end at which a text that is too long is cut; `None`: the server's setting.
    pub truncate: Option<Truncation>,
    /// The client's maximum tokens of a text.
    pub max_tokens: Option<MaxTokens>,
    /// True for vectors of length 1; `None`: the model's own.
    pub normalize: Option<bool>,
    /// Length to which vectors are truncated.
    pub dimensions: Option<usize>,
    pub wanted: VectorKind,
    /// Number of times that the response has each vector, in different types; 0 means 1.
    pub copies: usize,
    /// Names of the request's fields, for error messages.
    pub fields: Fields,
}

/// Names of a dialect's fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    pub input: &'static str,
    /// True if the inputs are a list, so that errors have an index.
    pub indexed: bool,
    pub dimensions: &'static str,
}

impl Default for Fields {
    fn default() -> Self {
        Self { input: "input", indexed: true, dimensions: "dimensions" }
    }
}

/// A client's maximum tokens of a text. The model and the server set the length at which texts are cut, so a text
/// between the two lengths is refused instead of being cut elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaxTokens {
    /// The field of the request.
    pub field: &'static str,
    pub tokens: usize,
}

/// The kind of vectors that a client wants, with the field that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum VectorKind {
    /// The model's own kind.
    #[default]
    Any,
    /// One vector per text.
    OneVector(&'static str),
    /// One vector per token, from a model made for it.
    TokenVectors(&'static str),
    /// One vector per token, from any encoder, scaled to length 1 unless `normalize` is false.
    HiddenStates,
}

/// The result of a call.
#[derive(Debug)]
pub(crate) enum Vectors {
    /// One vector per text.
    Texts(ModelOutput<Embedding>),
    /// One vector per token, and the memory for them and the response.
    Tokens(ModelOutput<TokenEmbeddings>, BodyPermit),
}

impl Vectors {
    /// The sum over all inputs.
    pub(crate) fn tokens(&self) -> usize {
        match self {
            Self::Texts(computed) => computed.tokens,
            Self::Tokens(computed, _) => computed.tokens,
        }
    }

    /// The number count of each input, over all its vectors.
    pub(crate) fn numbers(&self) -> Vec<usize> {
        match self {
            Self::Texts(computed) => computed.results.iter().map(|e| e.vector.len()).collect(),
            Self::Tokens(computed, _) => computed.results.iter().map(|e| e.vectors.len()).collect(),
        }
    }

    /// Calls `visit` with the index and the numbers of each input, and for token vectors the length of each vector.
    pub(crate) fn each(&self, mut visit: impl FnMut(usize, &[f32], Option<usize>)) {
        match self {
            Self::Texts(computed) => {
                computed.results.iter().enumerate().for_each(|(i, embedding)| visit(i, &embedding.vector, None));
            }
            Self::Tokens(computed, _) => {
                let results = computed.results.iter().enumerate();
                results.for_each(|(i, text)| visit(i, &text.vectors, Some(text.dimensions)));
            }
        }
    }

    /// The token count of each input.
    fn lengths(&self) -> Vec<usize> {
        match self {
            Self::Texts(computed) => computed.results.iter().map(|e| e.tokens.unwrap_or_default()).collect(),
            Self::Tokens(computed, _) => computed.results.iter().map(|e| e.tokens).collect(),
        }
    }
}

/// The response that `write_body` makes of `vectors` and about `more` other bytes, written on a blocking thread if
/// these are many.
pub(crate) async fn respond(
    vectors: Vectors,
    more: usize,
    write_body: impl FnOnce(&Vectors) -> Vec<u8> + Send + 'static,
) -> Result<Response, ApiError> {
    let numbers = vectors.numbers().into_iter().sum::<usize>() + more / write::NUMBER_BYTES;
    write::off_thread_if_many(numbers, move || {
        let body = write_body(&vectors).into();
        let permit = match vectors {
            Vectors::Texts(_) => None,
            Vectors::Tokens(_, permit) => Some(permit),
        };
        json_pieces(vec![body], permit)
    })
    .await
}

/// Writes an object: `head`, which ends in the bracket of a list, a value for each input, and `tail`.
pub(crate) fn write_object(
    vectors: &Vectors,
    size: usize,
    head: &str,
    tail: &serde_json::Value,
    mut value: impl FnMut(usize, &[f32], Option<usize>, &mut Vec<u8>),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + size);
    out.extend_from_slice(head.as_bytes());
    vectors.each(|index, numbers, width| {
        if index > 0 {
            out.push(b',');
        }
        value(index, numbers, width, &mut out);
    });
    out.push(b']');
    write::last_fields(tail, &mut out);
    out
}

/// The model for a request for vectors: the one that it names, or the first that gives vectors of texts. Models with
/// token vectors (ColBERT) are accepted as well.
pub(crate) fn embedder<'a>(app: &'a App, name: Option<&str>) -> Result<&'a Arc<ServedModel>, ApiError> {
    match app.models.choose(name, Some(OutputKind::Embedding)) {
        Err(NoModel::Unable(message)) => {
            let of_tokens =
                |served: &&Arc<ServedModel>| served.profile().is_some_and(|p| p.output == OutputKind::TokenVectors);
            let found = app.models.choose(name, Some(OutputKind::TokenVectors)).ok().filter(of_tokens);
            Ok(found.ok_or(NoModel::Unable(message))?)
        }
        found => Ok(found?),
    }
}

impl EmbedCall {
    /// Calls the model.
    ///
    /// # Errors
    /// 400 for options that the model does not support; errors of the engine.
    pub(crate) async fn run(self, app: &App, loaded: &LoadedModel) -> Result<Vectors, ApiError> {
        let (model, local, fields) = (loaded.model(), loaded.local(), self.fields);
        let output = loaded.engine().info().output;
        let refuse = |field, gives| Err(ApiError::bad_value(field, format!("{} gives {gives}", loaded.name())));
        match (self.wanted, output) {
            (VectorKind::OneVector(field), OutputKind::TokenVectors) => return refuse(field, "one vector per token"),
            (VectorKind::TokenVectors(field), OutputKind::Embedding) => return refuse(field, "one vector per text"),
            _ => {}
        }
        let options = self.options(loaded)?;
        foreign_ids::warn(loaded.name(), &model.tokenizer, &self.texts);
        let computed = match output {
            OutputKind::TokenVectors => {
                let width = loaded.dimensions();
                if self.dimensions.is_some_and(|dimensions| dimensions != width) {
                    let reason = format!("token vectors cannot be truncated; this model's have {width} numbers");
                    return Err(ApiError::bad_value(fields.dimensions, reason));
                }
                if self.normalize.is_some_and(|normalize| normalize != local.normalize) {
                    let usual = if local.normalize { "always have length 1" } else { "are never scaled" };
                    return Err(ApiError::bad_value("normalize", format!("token vectors of this model {usual}")));
                }
                let (options, permit) = self.bounded(app, loaded, options)?;
                let computed = loaded.compute(output, self.texts, options).await;
                computed.map(|computed| Vectors::Tokens(computed, permit))
            }
            _ if self.wanted == VectorKind::HiddenStates => {
                if self.dimensions.is_some() {
                    return Err(ApiError::bad_value(fields.dimensions, "token vectors cannot be truncated"));
                }
                let scaled = self.normalize != Some(false);
                let (options, permit) = self.bounded(app, loaded, RequestOptions { normalize: None, ..options })?;
                let computed = loaded.compute(OutputKind::HiddenStates, self.texts, options).await;
                computed
                    .map(|computed| Vectors::Tokens(if scaled { to_length_one(computed) } else { computed }, permit))
            }
            OutputKind::Sparse => {
                let message = format!("{} gives sparse vectors: use /embed_sparse", loaded.name());
                Err(Failure::Unsupported(message))
            }
            _ => loaded.embed(self.texts, options).await.map(Vectors::Texts),
        };
        let mut vectors = computed.map_err(|failure| fields.error(failure, self.text_use.as_ref()))?;
        if let Vectors::Tokens(computed, permit) = &mut vectors {
            let numbers = computed.results.iter().map(|text| text.vectors.len()).sum::<usize>();
            permit.grow(Limits::bytes_of(numbers.saturating_mul(self.copies.max(1))))?;
        }
        if let Some(MaxTokens { field, tokens: most }) = self.max_tokens
            && let Some((index, tokens)) = vectors.lengths().into_iter().enumerate().find(|(_, tokens)| *tokens > most)
        {
            let reason = format!(
                "{} has {tokens} tokens (cut at {}, the server's --max-length), which exceeds {most}; a request cannot cut texts \
                 shorter",
                fields.at(index),
                local.max_length
            );
            return Err(ApiError::bad_value(field, reason));
        }
        Ok(vectors)
    }

    /// The options for token vectors, which are many: limited by the size of a response, with memory for them.
    ///
    /// # Errors
    /// 429 while other requests hold too much memory.
    fn bounded(
        &self,
        app: &App,
        loaded: &LoadedModel,
        options: RequestOptions,
    ) -> Result<(RequestOptions, BodyPermit), ApiError> {
        let mut permit = app.memory.permit();
        let numbers = loaded.estimated_tokens(&self.texts).saturating_mul(loaded.dimensions());
        permit.add(numbers.saturating_mul(size_of::<f32>()))?;
        let most = app.limits.reply_numbers() / self.copies.max(1);
        Ok((RequestOptions { most_numbers: Some(most), ..options }, permit))
    }

    fn options(&self, loaded: &LoadedModel) -> Result<RequestOptions, ApiError> {
        let (role, prompt_name) = match &self.text_use {
            None => (Role::Text, self.prompt_name.clone()),
            Some(text_use) => {
                let given = [("prompt", &self.prompt), ("prompt_name", &self.prompt_name)];
                if let Some((field, _)) = given.into_iter().find(|(_, value)| value.is_some()) {
                    let reason = format!("both it and {} choose a prompt: send one of them", text_use.field);
                    return Err(ApiError::bad_value(field, reason));
                }
                text_use.choose(loaded.model())?
            }
        };
        if let Some(name) = &self.prompt_name
            && shorten(name) != *name
        {
            return Err(ApiError::bad_value("prompt_name", format!("there is no prompt \"{}\"", shorten(name))));
        }
        let prompted = RequestOptions { role, prompt: self.prompt.clone(), prompt_name, ..RequestOptions::default() };
        Ok(RequestOptions {
            truncate: self.truncate.map(|truncate| truncate.end(loaded)),
            normalize: self.normalize,
            dimensions: self.dimensions,
            ..prompted
        })
    }
}

/// Scales the vectors of all tokens to length 1.
fn to_length_one(mut computed: ModelOutput<TokenEmbeddings>) -> ModelOutput<TokenEmbeddings> {
    for text in &mut computed.results {
        for vector in text.vectors.chunks_exact_mut(text.dimensions.max(1)) {
            to_unit(vector, ROUNDING);
        }
    }
    computed
}

impl Fields {
    /// The input at `index`.
    fn at(&self, index: usize) -> String {
        if self.indexed { format!("{}[{index}]", self.input) } else { self.input.to_owned() }
    }

    /// A model's failure as an error with the request's field names.
    fn error(&self, failure: Failure, text_use: Option<&TextUse>) -> ApiError {
        match failure {
            Failure::Input { index, reason, .. } => ApiError::bad_value(self.at(index), reason),
            Failure::Option { field: "dimensions", reason } => {
                ApiError::bad_value(self.dimensions, format!("{reason}; or 0 for all"))
            }
            Failure::Option { field: field @ "prompt_name", reason } => {
                ApiError::bad_value(text_use.map_or(field, |text_use| text_use.field), reason)
            }
            other => of_inputs(other, self.input),
        }
    }
}
