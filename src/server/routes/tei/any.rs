//! Routes that do what the model is for: `POST /`, SageMaker's `/invocations` and `/ping`, Vertex AI's `/vertex`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::super::health::{self, Well};
use super::super::inputs::List;
use super::super::reply::json;
use super::super::rerank::rerank;
use super::embed::{embed_all_with, embed_sparse_with, embed_with, similarity_with};
use super::predict::predict_with;
use super::{TeiBody, TeiError};
use crate::engine::Purpose;
use crate::server::App;
use crate::server::extract::{self, Body};
use crate::server::metrics::Work;
use crate::server::openapi::tag;

/// Several requests in one.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"instances": [{"inputs": "What do cats eat?"}]}))]
pub struct VertexRequest {
    /// Each as the model's own route takes it.
    #[schema(value_type = Vec<Object>, example = json!([{"inputs": "What is Deep Learning?"}]))]
    instances: List<Json>,
}

/// What came of each.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the schema of what is written without it")]
pub struct VertexResponse {
    /// Each as the model's own route answers it.
    #[schema(value_type = Vec<Value>)]
    predictions: Vec<Json>,
}

/// What the model is for
///
/// The same as `/embed`, `/embed_sparse`, `/embed_all` or `/predict`; with `texts` `/rerank`, with `source_sentence` and
/// `sentences` in `inputs` `/similarity`.
#[utoipa::path(post, path = "/", tag = tag::TEI, request_body(content = Object, example = json!({"inputs": "What do cats eat?"})),
    responses((status = 200, description = "As the model's own route answers", body = Value)))]
pub async fn root(State(app): State<Arc<App>>, TeiBody(request): TeiBody<Json>) -> Result<Response, TeiError> {
    answer(&app, request).await
}

/// What the model is for, under SageMaker's name
#[utoipa::path(post, path = "/invocations", tag = tag::TEI,
    request_body(content = Object, example = json!({"inputs": "What do cats eat?"})),
    responses((status = 200, description = "As the model's own route answers", body = Value)))]
pub async fn invocations(State(app): State<Arc<App>>, TeiBody(request): TeiBody<Json>) -> Result<Response, TeiError> {
    answer(&app, request).await
}

/// What the model is for, for several requests in one, as Vertex AI sends them
#[utoipa::path(post, path = "/vertex", tag = tag::TEI, request_body = VertexRequest,
    responses((status = 200, description = "What came of each", body = VertexResponse)))]
pub async fn vertex(
    State(app): State<Arc<App>>,
    TeiBody(request): TeiBody<VertexRequest>,
) -> Result<Response, TeiError> {
    let instances = request.instances.checked("instances", &app.limits)?;
    let mut body = b"{\"predictions\":[".to_vec();
    for (i, instance) in instances.into_iter().enumerate() {
        let reply = answer(&app, instance).await.map_err(|e| e.within(&format!("instances[{i}]")))?;
        if !reply.status().is_success() {
            return Ok(reply);
        }
        let one = axum::body::to_bytes(reply.into_body(), usize::MAX).await;
        let one = one.map_err(|e| TeiError::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
        if i > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&one);
    }
    body.extend_from_slice(b"]}");
    Ok(json(body))
}

/// The same as `/health`, under SageMaker's name
#[utoipa::path(get, path = "/ping", tag = tag::SERVER, security(()),
    responses((status = 200, description = "It is ready", body = Well)))]
pub async fn ping(app: State<Arc<App>>) -> Result<axum::Json<Well>, crate::server::ApiError> {
    health::health(app).await
}

/// What the model is for.
async fn answer(app: &Arc<App>, request: Json) -> Result<Response, TeiError> {
    match work(&request) {
        // TEI's reranker, whose body says what is meant.
        Some(Work::Rerank) => {
            return Ok(rerank(State(Arc::clone(app)), HeaderMap::new(), Body(parse(request)?)).await);
        }
        Some(_) => return Ok(similarity_with(app, parse(request)?).await?.into_response()),
        None => {}
    }
    let service = super::super::model(app, request.get("model").and_then(Json::as_str)).await?;
    Ok(match service.engine().info().purpose {
        Purpose::Embed => embed_with(app, parse(request)?).await?.into_response(),
        Purpose::EmbedSparse => embed_sparse_with(app, parse(request)?).await?.into_response(),
        Purpose::EmbedTokens | Purpose::HiddenStates => embed_all_with(app, parse(request)?).await?.into_response(),
        Purpose::Predict => predict_with(app, parse(request)?).await?.into_response(),
    })
}

/// The work that a body asks for by its shape; `None`: whatever the model is for.
fn work(request: &Json) -> Option<Work> {
    let sentences = request.get("inputs").and_then(|inputs| inputs.get("source_sentence"));
    match (request.get("texts"), sentences) {
        (Some(_), _) => Some(Work::Rerank),
        (None, Some(_)) => Some(Work::Embed),
        (None, None) => None,
    }
}

/// The request that the model's own route takes, with the errors of that route.
fn parse<T: DeserializeOwned>(request: Json) -> Result<T, TeiError> {
    Ok(extract::parse(request.to_string().as_bytes())?)
}
