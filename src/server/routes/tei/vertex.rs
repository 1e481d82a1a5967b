//! `POST /vertex` of Vertex AI: several requests in one.
//!
//! It counts as one request: `--max-client-batch-size` limits the inputs of all instances together, everything is read
//! before anything is computed, and instances of the same task with the same options become one request to the model.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::future::{BoxFuture, FutureExt, try_join_all};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::any::{Kind, Peek};
use super::embed::{Embed, EmbedAll, EmbedSparse};
use super::predict::Predict;
use super::similarity::Similarity;
use super::together::{Part, Parts, Responses, TeiTask};
use crate::server::http::{Body, json_pieces, off_thread, parse};
use crate::server::routes::inputs::{List, MAX_KEPT};
use crate::server::routes::rerank::route::RerankTexts;
use crate::server::routes::tags;
use crate::server::{ApiError, App, Limits};

/// Several requests in one.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"instances": [{"inputs": "What do cats eat?"}]}))]
pub(crate) struct VertexRequest {
    /// Each as for the model's own route. All of them together have at most as many inputs as one request.
    #[schema(value_type = Vec<Object>, example = json!([{"inputs": "What is Deep Learning?"}]))]
    instances: List<Box<RawValue>>,
}

/// The results of the instances.
#[derive(ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
pub(crate) struct VertexResponse {
    /// Each as from the model's own route.
    #[schema(value_type = Vec<Value>)]
    predictions: Vec<serde_json::Value>,
}

/// The model's own task for several requests (Vertex AI)
///
/// They count as one request: all instances together have at most --max-client-batch-size inputs.
#[utoipa::path(post, path = "/vertex", tag = tags::TEI, request_body = VertexRequest,
    responses((status = 200, description = "One result per instance, in order", body = VertexResponse)))]
pub(crate) async fn vertex(
    State(app): State<Arc<App>>,
    Body(request): Body<VertexRequest>,
) -> Result<Response, ApiError> {
    let instances = request.instances.checked("instances", &app.limits)?;
    let count = instances.len();
    let groups = groups(&app, instances).await?;
    let members: Vec<Vec<usize>> = groups.iter().map(|group| group.parts().instances().collect()).collect();
    // All groups are submitted before one is awaited.
    let responses = try_join_all(groups.into_iter().map(|group| compute(&app, group))).await?;
    let mut predictions: Vec<Vec<Bytes>> = vec![Vec::new(); count];
    let mut permits = Vec::new();
    for (members, responses) in members.into_iter().zip(responses) {
        permits.push(responses.permit);
        for (instance, json) in members.into_iter().zip(responses.json) {
            if let Some(prediction) = predictions.get_mut(instance) {
                *prediction = json;
            }
        }
    }
    let mut pieces = Vec::new();
    for (i, prediction) in predictions.into_iter().enumerate() {
        pieces.push(Bytes::from_static(if i == 0 { b"{\"predictions\":[" } else { b"," }));
        pieces.extend(prediction);
    }
    pieces.push(Bytes::from_static(b"]}"));
    if pieces.iter().map(Bytes::len).sum::<usize>() > app.limits.reply {
        return Err(too_large(&app.limits));
    }
    Ok(json_pieces(pieces, permits))
}

/// Computes one group. A client error about the whole group, such as one about an option, names its first instance
/// unless it names one already.
async fn compute(app: &App, group: Box<dyn Group>) -> Result<Responses, ApiError> {
    let first = group.parts().instances().next();
    group.compute(app).await.map_err(|error| {
        let is_the_requests = error.status.is_client_error() && error.status != StatusCode::TOO_MANY_REQUESTS;
        match first {
            Some(i) if is_the_requests && !error.message.starts_with("instances") => {
                ApiError { message: format!("instances[{i}]: {}", error.message), ..error }
            }
            _ => error,
        }
    })
}

fn too_large(limits: &Limits) -> ApiError {
    let message = format!("the response has more than {} bytes (--reply-limit)", limits.reply);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("reply_too_large")
}

/// Requests of one task that are computed together.
trait Group: Any + Send {
    fn parts(&self) -> &Parts;

    /// Merges the other if the two can be computed together, or returns it.
    fn join(&mut self, other: Box<dyn Group>) -> Option<Box<dyn Group>>;

    /// The number of counted inputs.
    fn inputs(&self) -> usize;

    /// The number of numbers in the responses, as [`TeiTask::numbers`].
    fn numbers(&self, width: usize) -> usize;

    fn compute<'a>(self: Box<Self>, app: &'a App) -> BoxFuture<'a, Result<Responses, ApiError>>;
}

/// The common options and the inputs of several requests.
struct Merged<T: TeiTask> {
    options: T::Options,
    inputs: Vec<T::Input>,
    parts: Parts,
}

impl<T: TeiTask> Merged<T> {
    /// Parses a request, like the task's own route.
    fn read(request: &RawValue, instance: usize, limits: &Limits) -> Result<Box<dyn Group>, ApiError> {
        let (options, inputs, single) = T::taken(parse(request.get().as_bytes())?, limits)?;
        let parts = Parts::one(Part { count: inputs.len(), single, instance: Some(instance) });
        Ok(Box::new(Self { options, inputs, parts }))
    }
}

impl<T: TeiTask> Group for Merged<T> {
    fn parts(&self) -> &Parts {
        &self.parts
    }

    fn join(&mut self, other: Box<dyn Group>) -> Option<Box<dyn Group>> {
        if !(&*other as &dyn Any).is::<Self>() {
            return Some(other);
        }
        let Self { options, inputs, parts } = *(other as Box<dyn Any>).downcast::<Self>().ok()?;
        match T::join(&mut self.options, options) {
            Ok(()) => {
                self.inputs.extend(inputs);
                self.parts.extend(parts);
                None
            }
            Err(options) => Some(Box::new(Self { options, inputs, parts })),
        }
    }

    fn inputs(&self) -> usize {
        self.inputs.len() - T::UNCOUNTED * self.parts.counts().count()
    }

    fn numbers(&self, width: usize) -> usize {
        T::numbers(&self.options, self.inputs.len(), width)
    }

    fn compute<'a>(self: Box<Self>, app: &'a App) -> BoxFuture<'a, Result<Responses, ApiError>> {
        T::compute(app, self.options, self.inputs, self.parts).boxed()
    }
}

/// Parses a request, like the task's own route.
fn read(kind: Kind, request: &RawValue, instance: usize, limits: &Limits) -> Result<Box<dyn Group>, ApiError> {
    match kind {
        Kind::Embed => Merged::<Embed>::read(request, instance, limits),
        Kind::EmbedSparse => Merged::<EmbedSparse>::read(request, instance, limits),
        Kind::EmbedAll => Merged::<EmbedAll>::read(request, instance, limits),
        Kind::Similarity => Merged::<Similarity>::read(request, instance, limits),
        Kind::Predict => Merged::<Predict>::read(request, instance, limits),
        Kind::Rerank => Merged::<RerankTexts>::read(request, instance, limits),
    }
}

/// Number of groups that an instance is compared with, the latest first: comparing thousands of instances with
/// different long options with each other would take too long.
const COMPARED: usize = 16;

/// The instances, grouped for computation. All of them are read first.
///
/// # Errors
/// 413 for too many inputs or a response that would be too large; errors of one instance, with its index.
async fn groups(app: &App, instances: Vec<Box<RawValue>>) -> Result<Vec<Box<dyn Group>>, ApiError> {
    let size = instances.iter().map(|instance| instance.get().len()).sum();
    let look = move || {
        let peek = |(i, instance): (usize, Box<RawValue>)| match parse::<Peek>(instance.get().as_bytes()) {
            Ok(peek) => Ok((instance, peek)),
            Err(e) => Err(within(e, i)),
        };
        instances.into_iter().enumerate().map(peek).collect::<Result<Vec<_>, _>>()
    };
    let looked = off_thread(size, look).await?;
    // By model name: the task, and the length of the vectors.
    let mut kinds: HashMap<Option<String>, (Kind, usize)> = HashMap::new();
    let mut known = Vec::with_capacity(looked.len());
    for (i, (instance, peek)) in looked.into_iter().enumerate() {
        let kind = match (peek.kind(), kinds.get(&peek.model)) {
            (Some(kind), _) => (kind, 0),
            (None, Some(&kind)) => kind,
            (None, None) => {
                let loaded = app.model(peek.model.as_deref()).await.map_err(|e| within(e, i))?;
                let kind = (Kind::of(&loaded), loaded.dimensions());
                kinds.insert(peek.model, kind);
                kind
            }
        };
        known.push((instance, kind));
    }
    let limits = app.limits.clone();
    let work = move || {
        let mut groups: Vec<Box<dyn Group>> = Vec::new();
        let limit = limits.client_batch.min(MAX_KEPT);
        let (mut inputs, mut numbers) = (0, 0_usize);
        for (i, (instance, (kind, width))) in known.into_iter().enumerate() {
            let group = read(kind, &instance, i, &limits).map_err(|e| within(e, i))?;
            inputs += group.inputs();
            if inputs > limit {
                // The rest is only counted: millions of short texts would take many times the memory of the body.
                groups.clear();
                continue;
            }
            numbers = numbers.saturating_add(group.numbers(width));
            let mut left = Some(group);
            for group in groups.iter_mut().rev().take(COMPARED) {
                left = left.and_then(|other| group.join(other));
            }
            groups.extend(left);
        }
        if inputs > limit {
            return Err(ApiError::too_many("instances", inputs, limit));
        }
        if numbers > limits.reply_numbers() { Err(too_large(&limits)) } else { Ok(groups) }
    };
    off_thread(size, work).await
}

/// An error of the instance at that index.
fn within(error: ApiError, instance: usize) -> ApiError {
    // An instance is parsed as the body of its own route.
    let message = error.message.strip_prefix("the body ").unwrap_or(&error.message);
    ApiError { message: format!("instances[{instance}]: {message}"), ..error }
}
