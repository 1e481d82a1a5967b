//! Routes that do what the model is for: `POST /`, SageMaker's `/invocations` and `/ping`.

use std::borrow::Cow;
use std::fmt::{self, Formatter};
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::health::{self, Well};
use super::super::rerank;
use super::embed::{embed_all_with, embed_sparse_with, embed_with, similarity_with};
use super::predict::predict_with;
use super::{TeiBody, TeiError};
use crate::engine::OutputKind;
use crate::server::extract;
use crate::server::openapi::tag;
use crate::server::service::Service;
use crate::server::{ApiError, App};

/// What the model is for
///
/// The same as `/embed`, `/embed_sparse`, `/embed_all` or `/predict`; with `texts` `/rerank`, with `source_sentence` and
/// `sentences` in `inputs` `/similarity`.
#[utoipa::path(post, path = "/", tag = tag::TEI, request_body(content = Object, example = json!({"inputs": "What do cats eat?"})),
    responses((status = 200, description = "As the model's own route answers", body = Value)))]
pub async fn root(State(app): State<Arc<App>>, TeiBody(request): TeiBody<Box<RawValue>>) -> Result<Response, TeiError> {
    answer(&app, request).await
}

/// What the model is for, under SageMaker's name
#[utoipa::path(post, path = "/invocations", tag = tag::TEI,
    request_body(content = Object, example = json!({"inputs": "What do cats eat?"})),
    responses((status = 200, description = "As the model's own route answers", body = Value)))]
pub async fn invocations(
    State(app): State<Arc<App>>,
    TeiBody(request): TeiBody<Box<RawValue>>,
) -> Result<Response, TeiError> {
    answer(&app, request).await
}

/// The same as `/health`, under SageMaker's name
#[utoipa::path(get, path = "/ping", tag = tag::SERVER, security(()),
    responses((status = 200, description = "It is ready", body = Well)))]
pub async fn ping(app: State<Arc<App>>) -> Result<axum::Json<Well>, crate::server::ApiError> {
    health::health(app).await
}

/// What decides who answers a request.
#[derive(Deserialize)]
pub(super) struct Peek {
    /// The name of a model.
    pub model: Option<String>,
    texts: Option<IgnoredAny>,
    inputs: Option<Sentences>,
}

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rerank,
    Similarity,
    Embed,
    EmbedSparse,
    EmbedAll,
    Predict,
}

impl Peek {
    /// What the body asks for by its shape, whatever the model.
    pub fn kind(&self) -> Option<Kind> {
        match self.inputs {
            // TEI's reranker, whose body says what is meant.
            _ if self.texts.is_some() => Some(Kind::Rerank),
            Some(Sentences(true)) => Some(Kind::Similarity),
            _ => None,
        }
    }
}

impl Kind {
    /// What a model is for.
    pub fn of(service: &Service) -> Self {
        match service.engine().info().output {
            OutputKind::Embedding => Self::Embed,
            OutputKind::Sparse => Self::EmbedSparse,
            OutputKind::TokenVectors | OutputKind::HiddenStates => Self::EmbedAll,
            OutputKind::Logits | OutputKind::Score | OutputKind::Labels => Self::Predict,
        }
    }
}

/// Whether a field is an object with a `source_sentence`.
struct Sentences(bool);

impl<'de> Deserialize<'de> for Sentences {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Sentences;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("inputs")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Sentences, A::Error> {
                let mut found = false;
                while let Some(field) = fields.next_key::<Cow<'de, str>>()? {
                    found |= field == "source_sentence";
                    fields.next_value::<IgnoredAny>()?;
                }
                Ok(Sentences(found))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sentences, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Sentences(false))
            }

            fn visit_str<E>(self, _: &str) -> Result<Sentences, E> {
                Ok(Sentences(false))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Sentences, E> {
                Ok(Sentences(false))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Sentences, E> {
                Ok(Sentences(false))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Sentences, E> {
                Ok(Sentences(false))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Sentences, E> {
                Ok(Sentences(false))
            }
        }
        json.deserialize_any(Any)
    }
}

/// What the model is for, or what the body asks for by its shape. The request is read as the model's own route reads it:
/// a tree of JSON would take many times its memory.
async fn answer(app: &Arc<App>, request: Box<RawValue>) -> Result<Response, TeiError> {
    let (request, peek) = read(request, extract::parse::<Peek>).await?;
    let kind = match peek.kind() {
        Some(kind) => kind,
        None => Kind::of(&*super::super::model(app, peek.model.as_deref()).await?),
    };
    Ok(match kind {
        Kind::Rerank => rerank::answer(app, parse(request).await?, false).await,
        Kind::Similarity => similarity_with(app, parse(request).await?).await?.into_response(),
        Kind::Embed => embed_with(app, parse(request).await?).await?.into_response(),
        Kind::EmbedSparse => embed_sparse_with(app, parse(request).await?).await?.into_response(),
        Kind::EmbedAll => embed_all_with(app, parse(request).await?).await?.into_response(),
        Kind::Predict => predict_with(app, parse(request).await?).await?.into_response(),
    })
}

/// The request that the model's own route takes, with the errors of that route.
async fn parse<T: DeserializeOwned + Send + 'static>(request: Box<RawValue>) -> Result<T, TeiError> {
    Ok(read(request, extract::parse).await?.1)
}

/// Reads a request, on a thread that may be busy for a while if it is large.
async fn read<T: Send + 'static>(
    request: Box<RawValue>,
    parse: impl FnOnce(&[u8]) -> Result<T, ApiError> + Send + 'static,
) -> Result<(Box<RawValue>, T), ApiError> {
    let size = request.get().len();
    let work = move || {
        let parsed = parse(request.get().as_bytes())?;
        Ok((request, parsed))
    };
    extract::off_thread(size, work).await
}
