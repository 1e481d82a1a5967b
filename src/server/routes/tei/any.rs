//! Routes that do what the model is for: `POST /`, SageMaker's `/invocations` and `/ping`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::embed::{Embed, EmbedAll, EmbedSparse};
use super::predict::Predict;
use super::similarity::Similarity;
use super::together::{TeiTask, alone};
use crate::engine::OutputKind;
use crate::server::http::{Body, ErrorShape, deserialize_shapes, off_thread, parse};
use crate::server::models::Service;
use crate::server::routes::health::{self, Well};
use crate::server::routes::{rerank, tags};
use crate::server::{ApiError, App};

/// What the model is for
///
/// The same as `/embed`, `/embed_sparse`, `/embed_all` or `/predict`; with `texts` `/rerank`, with `source_sentence` and
/// `sentences` in `inputs` `/similarity`.
#[utoipa::path(post, path = "/", tag = tags::TEI, request_body(content = Object, example = json!({"inputs": "What do cats eat?"})),
    responses((status = 200, description = "As the model's own route answers", body = Value)))]
pub async fn root(
    State(app): State<Arc<App>>,
    request: Result<Body<Box<RawValue>>, ApiError>,
) -> Result<Response, ApiError> {
    let answer = async { answer(&app, request?.0).await };
    answer.await.map_err(|error| ApiError { shape: error.shape.or(Some(ErrorShape::Tei)), ..error })
}

/// What the model is for, under SageMaker's name
#[utoipa::path(post, path = "/invocations", tag = tags::TEI,
    request_body(content = Object, example = json!({"inputs": "What do cats eat?"})),
    responses((status = 200, description = "As the model's own route answers", body = Value)))]
pub async fn invocations(
    State(app): State<Arc<App>>,
    Body(request): Body<Box<RawValue>>,
) -> Result<Response, ApiError> {
    answer(&app, request).await
}

/// The same as `/health`, under SageMaker's name
#[utoipa::path(get, path = "/ping", tag = tags::SERVER, security(()),
    responses((status = 200, description = "It is ready", body = Well)))]
pub async fn ping(app: State<Arc<App>>) -> Result<Json<Well>, ApiError> {
    health::health(app).await.map_err(|error| error.shaped(ErrorShape::Openai))
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

deserialize_shapes!(Sentences, "inputs", {
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
});

/// What the model is for, or what the body asks for by its shape. The request is read as the model's own route reads it:
/// a tree of JSON would take many times its memory.
async fn answer(app: &App, request: Box<RawValue>) -> Result<Response, ApiError> {
    let (request, peek) = read(request, parse::<Peek>).await?;
    let kind = match peek.kind() {
        Some(kind) => kind,
        None => Kind::of(&*app.model(peek.model.as_deref()).await?),
    };
    match kind {
        Kind::Rerank => rerank::route::answer(app, read(request, parse).await?.1, false).await,
        Kind::Similarity => own_route::<Similarity>(app, request).await,
        Kind::Embed => own_route::<Embed>(app, request).await,
        Kind::EmbedSparse => own_route::<EmbedSparse>(app, request).await,
        Kind::EmbedAll => own_route::<EmbedAll>(app, request).await,
        Kind::Predict => own_route::<Predict>(app, request).await,
    }
}

/// The answer of the model's own route.
async fn own_route<T: TeiTask>(app: &App, request: Box<RawValue>) -> Result<Response, ApiError> {
    alone::<T>(app, read(request, parse).await?.1).await
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
    off_thread(size, work).await
}
