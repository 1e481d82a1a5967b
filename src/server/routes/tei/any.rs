//! Routes for the model's own task: `POST /`, SageMaker's `/invocations` and `/ping`.

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
use crate::server::http::{Body, ErrorShape, deserialize_shapes, off_thread, parse, visit_numbers};
use crate::server::models::LoadedModel;
use crate::server::routes::health::{self, Well};
use crate::server::routes::{rerank, tags};
use crate::server::{ApiError, App};

/// The model's own task
///
/// As `/embed`, `/embed_sparse`, `/embed_all` or `/predict`, by the model; `/rerank` with `texts`, `/similarity` with
/// `source_sentence` and `sentences` in `inputs`.
#[utoipa::path(post, path = "/", tag = tags::TEI, request_body(content = Object, example = json!({"inputs": "What do cats eat?"})),
    responses((status = 200, description = "As the model's own route", body = Value)))]
pub(crate) async fn root(
    State(app): State<Arc<App>>,
    request: Result<Body<Box<RawValue>>, ApiError>,
) -> Result<Response, ApiError> {
    // The path is also that of the page, whose errors have OpenAI's shape.
    let response = async { respond(&app, request?.0).await };
    response.await.map_err(|error| ApiError { shape: error.shape.or(Some(ErrorShape::Tei)), ..error })
}

/// The model's own task (SageMaker)
#[utoipa::path(post, path = "/invocations", tag = tags::TEI,
    request_body(content = Object, example = json!({"inputs": "What do cats eat?"})),
    responses((status = 200, description = "As the model's own route", body = Value)))]
pub(crate) async fn invocations(
    State(app): State<Arc<App>>,
    Body(request): Body<Box<RawValue>>,
) -> Result<Response, ApiError> {
    respond(&app, request).await
}

/// Readiness, as `/health` (SageMaker)
#[utoipa::path(get, path = "/ping", tag = tags::SERVER, security(()),
    responses((status = 200, description = "Ready", body = Well)))]
pub(crate) async fn ping(app: State<Arc<App>>) -> Result<Json<Well>, ApiError> {
    health::health(app).await
}

/// The fields that select the task.
#[derive(Deserialize)]
pub(super) struct Peek {
    pub model: Option<String>,
    texts: Option<IgnoredAny>,
    inputs: Option<Sentences>,
}

/// The task of a request.
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
    /// The task by the shape of the body, independent of the model.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match self.inputs {
            // TEI's rerank request.
            _ if self.texts.is_some() => Some(Kind::Rerank),
            Some(Sentences(true)) => Some(Kind::Similarity),
            _ => None,
        }
    }
}

impl Kind {
    /// The model's own task.
    pub(crate) fn of(loaded: &LoadedModel) -> Self {
        match loaded.engine().info().output {
            OutputKind::Embedding => Self::Embed,
            OutputKind::Sparse => Self::EmbedSparse,
            OutputKind::TokenVectors | OutputKind::HiddenStates => Self::EmbedAll,
            OutputKind::Logits | OutputKind::Score | OutputKind::Labels => Self::Predict,
        }
    }
}

/// True for an object with a `source_sentence`.
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

    visit_numbers!(Sentences, Ok(Sentences(false)));
});

/// Runs the task of the body's shape, or else the model's own. The request is read by the task's own route: a JSON tree
/// would take many times its memory.
async fn respond(app: &App, request: Box<RawValue>) -> Result<Response, ApiError> {
    let (request, peek) = read(request, parse::<Peek>).await?;
    let kind = match peek.kind() {
        Some(kind) => kind,
        None => Kind::of(&*app.model(peek.model.as_deref()).await?),
    };
    match kind {
        Kind::Rerank => rerank::route::respond(app, read(request, parse).await?.1, false).await,
        Kind::Similarity => own_route::<Similarity>(app, request).await,
        Kind::Embed => own_route::<Embed>(app, request).await,
        Kind::EmbedSparse => own_route::<EmbedSparse>(app, request).await,
        Kind::EmbedAll => own_route::<EmbedAll>(app, request).await,
        Kind::Predict => own_route::<Predict>(app, request).await,
    }
}

/// The response of the task's own route.
async fn own_route<T: TeiTask>(app: &App, request: Box<RawValue>) -> Result<Response, ApiError> {
    alone::<T>(app, read(request, parse).await?.1).await
}

/// Parses a request, on a blocking thread if it is large.
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
