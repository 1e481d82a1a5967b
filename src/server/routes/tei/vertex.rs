//! `POST /vertex`: Vertex AI's, several requests in one.
//!
//! It is one request all the same: `--max-client-batch-size` bounds the inputs of all instances together, everything is
//! read before anything is computed, and instances of the same kind with the same options go to the model as one call.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::future::try_join_all;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::any::{Kind, Peek};
use super::embed::{
    EmbedRequest, EmbedTokensRequest, SimilarityOptions, SimilarityRequest, embed_all_together, embed_sparse_together,
    embed_together, similarity_together,
};
use super::parts::{Part, Parts, Replies};
use super::predict::{PredictRequest, predict_together};
use super::{TeiBody, TeiError};
use crate::engine::Input;
use crate::server::openapi::tag;
use crate::server::routes::inputs::{List, MOST};
use crate::server::routes::reply::json_pieces;
use crate::server::routes::rerank::{Question, RerankRequest, rank_together, taken};
use crate::server::{ApiError, App, Limits, extract};

/// Several requests in one.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"instances": [{"inputs": "What do cats eat?"}]}))]
pub struct VertexRequest {
    /// Each as the model's own route takes it. All together they have no more inputs than one request may have.
    #[schema(value_type = Vec<Object>, example = json!([{"inputs": "What is Deep Learning?"}]))]
    instances: List<Box<RawValue>>,
}

/// What came of each.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the schema of what is written without it")]
pub struct VertexResponse {
    /// Each as the model's own route answers it.
    #[schema(value_type = Vec<Value>)]
    predictions: Vec<serde_json::Value>,
}

/// What the model is for, for several requests in one, as Vertex AI sends them
///
/// They are one request: all of them together have no more inputs than --max-client-batch-size.
#[utoipa::path(post, path = "/vertex", tag = tag::TEI, request_body = VertexRequest,
    responses((status = 200, description = "What came of each", body = VertexResponse)))]
pub async fn vertex(
    State(app): State<Arc<App>>,
    TeiBody(request): TeiBody<VertexRequest>,
) -> Result<Response, TeiError> {
    let instances = request.instances.checked("instances", &app.limits)?;
    let count = instances.len();
    let groups = groups(&app, instances).await?;
    let members: Vec<Vec<usize>> = groups.iter().map(|group| group.parts().instances().collect()).collect();
    // All are asked before one is waited for.
    let replies = try_join_all(groups.into_iter().map(|group| ask(&app, group))).await?;
    let mut predictions: Vec<Vec<Bytes>> = vec![Vec::new(); count];
    let mut memory = Vec::new();
    for (members, replies) in members.into_iter().zip(replies) {
        memory.push(replies.memory);
        for (instance, json) in members.into_iter().zip(replies.json) {
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
        return Err(too_large(&app.limits).into());
    }
    Ok(json_pieces(pieces, memory))
}

/// Asks one group. An error that concerns all of it, as an option does, names its first instance.
async fn ask(app: &App, group: Group) -> Result<Replies, TeiError> {
    let first = group.parts().instances().next();
    group.ask(app).await.map_err(|error| error.of_instance(first))
}

fn too_large(limits: &Limits) -> ApiError {
    let message = format!("the reply has more than {} bytes (--reply-limit)", limits.reply);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("reply_too_large")
}

/// Requests of one kind with the same options, asked together.
enum Group {
    Embed(Merged<EmbedRequest, Input>),
    EmbedSparse(Merged<EmbedTokensRequest, Input>),
    EmbedAll(Merged<EmbedTokensRequest, Input>),
    Similarity(Merged<SimilarityOptions, Input>),
    Predict(Merged<PredictRequest, Input>),
    Rerank(Vec<(Question, Vec<String>)>, Parts),
}

/// The options that requests share, and the inputs of all of them.
struct Merged<O, I> {
    options: O,
    inputs: Vec<I>,
    parts: Parts,
}

impl<O: PartialEq, I> Merged<O, I> {
    fn new((options, inputs): (O, Vec<I>), single: bool, instance: usize) -> Self {
        let parts = Parts::one(Part { count: inputs.len(), single, instance: Some(instance) });
        Self { options, inputs, parts }
    }

    /// Takes the other in if its options are the same, or gives it back.
    fn join(&mut self, other: Self) -> Result<(), Self> {
        if self.options != other.options {
            return Err(other);
        }
        self.inputs.extend(other.inputs);
        self.parts.extend(other.parts);
        Ok(())
    }
}

impl Group {
    /// One request, as the model's own route reads it.
    fn read(kind: Kind, request: &RawValue, instance: usize, limits: &Limits) -> Result<Self, ApiError> {
        fn parse<T: DeserializeOwned>(request: &RawValue) -> Result<T, ApiError> {
            extract::parse(request.get().as_bytes())
        }
        Ok(match kind {
            Kind::Embed => Self::Embed(Merged::new(parse::<EmbedRequest>(request)?.taken(limits)?, false, instance)),
            Kind::EmbedSparse => {
                Self::EmbedSparse(Merged::new(parse::<EmbedTokensRequest>(request)?.taken(limits)?, false, instance))
            }
            Kind::EmbedAll => {
                Self::EmbedAll(Merged::new(parse::<EmbedTokensRequest>(request)?.taken(limits)?, false, instance))
            }
            Kind::Similarity => {
                Self::Similarity(Merged::new(parse::<SimilarityRequest>(request)?.taken(limits)?, false, instance))
            }
            Kind::Predict => {
                let (options, inputs, single) = parse::<PredictRequest>(request)?.taken(limits)?;
                Self::Predict(Merged::new((options, inputs), single, instance))
            }
            Kind::Rerank => {
                let (question, texts) = taken(parse::<RerankRequest>(request)?, limits)?;
                let part = Part { count: texts.len(), single: false, instance: Some(instance) };
                Self::Rerank(vec![(question, texts)], Parts::one(part))
            }
        })
    }

    /// Takes the other in if the two can be asked together, or gives it back.
    fn join(&mut self, other: Self) -> Result<(), Self> {
        match (self, other) {
            (Self::Embed(own), Self::Embed(other)) => own.join(other).map_err(Self::Embed),
            (Self::EmbedSparse(own), Self::EmbedSparse(other)) => own.join(other).map_err(Self::EmbedSparse),
            (Self::EmbedAll(own), Self::EmbedAll(other)) => own.join(other).map_err(Self::EmbedAll),
            (Self::Similarity(own), Self::Similarity(other)) => own.join(other).map_err(Self::Similarity),
            (Self::Predict(own), Self::Predict(other)) => own.join(other).map_err(Self::Predict),
            (Self::Rerank(own, parts), Self::Rerank(other, other_parts)) => match (own.first(), other.first()) {
                (Some((one, _)), Some((another, _))) if one.is_like(another) => {
                    own.extend(other);
                    parts.extend(other_parts);
                    Ok(())
                }
                _ => Err(Self::Rerank(other, other_parts)),
            },
            (_, other) => Err(other),
        }
    }

    /// The number of its inputs; a text that others are compared with is none.
    fn inputs(&self) -> usize {
        match self {
            Self::Similarity(Merged { parts, .. }) => parts.count() - parts.instances().count(),
            other => other.parts().count(),
        }
    }

    /// How many numbers its reply has, of a model whose vectors have the length `width`, where that is known before it is
    /// computed and bounded by nothing else.
    fn numbers(&self, width: usize) -> usize {
        match self {
            Self::Embed(Merged { options, parts, .. }) => parts.count().saturating_mul(options.width(width)),
            _ => 0,
        }
    }

    fn parts(&self) -> &Parts {
        match self {
            Self::Embed(Merged { parts, .. }) => parts,
            Self::EmbedSparse(Merged { parts, .. }) | Self::EmbedAll(Merged { parts, .. }) => parts,
            Self::Similarity(Merged { parts, .. }) => parts,
            Self::Predict(Merged { parts, .. }) => parts,
            Self::Rerank(_, parts) => parts,
        }
    }

    async fn ask(self, app: &App) -> Result<Replies, TeiError> {
        match self {
            Self::Embed(Merged { options, inputs, parts }) => embed_together(app, options, inputs, parts).await,
            Self::EmbedSparse(Merged { options, inputs, parts }) => {
                embed_sparse_together(app, options, inputs, parts).await
            }
            Self::EmbedAll(Merged { options, inputs, parts }) => embed_all_together(app, options, inputs, parts).await,
            Self::Similarity(Merged { options, inputs, parts }) => {
                similarity_together(app, options, inputs, parts).await
            }
            Self::Predict(Merged { options, inputs, parts }) => predict_together(app, options, inputs, parts).await,
            Self::Rerank(questions, parts) => rank_together(app, questions, parts).await,
        }
    }
}

/// Groups that an instance is compared with, the latest first: thousands of instances that differ in a long option must
/// not be compared with each other. Few groups are enough where many instances are alike.
const COMPARED: usize = 16;

/// The instances in groups of those that are asked together. All of them are read first.
///
/// # Errors
/// 413 if they have too many inputs together, or the reply would be too large; what is wrong with one, with its index.
async fn groups(app: &App, instances: Vec<Box<RawValue>>) -> Result<Vec<Group>, TeiError> {
    let size = instances.iter().map(|instance| instance.get().len()).sum();
    let look = move || {
        let peek = |(i, instance): (usize, Box<RawValue>)| match extract::parse::<Peek>(instance.get().as_bytes()) {
            Ok(peek) => Ok((instance, peek)),
            Err(e) => Err(within(e, i)),
        };
        instances.into_iter().enumerate().map(peek).collect::<Result<Vec<_>, _>>()
    };
    let looked = extract::off_thread(size, look).await?;
    // By the name of the model: what it does, and the length of its vectors.
    let mut kinds: HashMap<Option<String>, (Kind, usize)> = HashMap::new();
    let mut known = Vec::with_capacity(looked.len());
    for (i, (instance, peek)) in looked.into_iter().enumerate() {
        let kind = match (peek.kind(), kinds.get(&peek.model)) {
            (Some(kind), _) => (kind, 0),
            (None, Some(&kind)) => kind,
            (None, None) => {
                let service = super::super::model(app, peek.model.as_deref()).await.map_err(|e| within(e, i))?;
                let kind = (Kind::of(&service), service.engine().info().dimensions);
                kinds.insert(peek.model, kind);
                kind
            }
        };
        known.push((instance, kind));
    }
    let limits = app.limits.clone();
    let read = move || {
        let mut groups: Vec<Group> = Vec::new();
        let limit = limits.client_batch.min(MOST);
        let (mut inputs, mut numbers) = (0, 0_usize);
        for (i, (instance, (kind, width))) in known.into_iter().enumerate() {
            let group = Group::read(kind, &instance, i, &limits).map_err(|e| within(e, i))?;
            inputs += group.inputs();
            if inputs > limit {
                // What comes after is counted only: millions of short texts would take many times the body.
                groups.clear();
                continue;
            }
            numbers = numbers.saturating_add(group.numbers(width));
            let mut left = Some(group);
            for group in groups.iter_mut().rev().take(COMPARED) {
                left = left.and_then(|other| group.join(other).err());
            }
            groups.extend(left);
        }
        if inputs > limit {
            return Err(ApiError::too_many("instances", inputs, limit));
        }
        if numbers > limits.reply_numbers() { Err(too_large(&limits)) } else { Ok(groups) }
    };
    Ok(extract::off_thread(size, read).await?)
}

/// The error of the instance at that index.
fn within(error: ApiError, instance: usize) -> ApiError {
    // An instance is read as the body of its own route.
    let message = error.message.strip_prefix("the body ").unwrap_or(&error.message);
    ApiError { message: format!("instances[{instance}]: {message}"), ..error }
}
