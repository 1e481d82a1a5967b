//! `/info`: the model and the server's limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engine::{LocalInfo, OutputKind};
use crate::model::pooling::Pooling;
use crate::model::tokenizer::Truncate;
use crate::server::http::TeiErrorBody;
use crate::server::models::{Capability, LoadedModel};
use crate::server::routes::tags;
use crate::server::{ApiError, App};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InfoQuery {
    /// The model's name; the first by default.
    model: Option<String>,
}

/// A model and the server's limits.
#[derive(Serialize, ToSchema)]
pub(crate) struct Info {
    /// The repository or directory of the model.
    #[schema(example = "thenlper/gte-base")]
    model_id: String,
    /// The commit of its repository, if known.
    model_sha: Option<String>,
    /// The number type of its computation.
    #[schema(example = "float32")]
    model_dtype: String,
    /// The name for clients.
    served_model_name: String,
    model_type: ModelType,
    max_concurrent_requests: usize,
    /// Maximum tokens of a text, special tokens included.
    max_input_length: usize,
    /// Maximum tokens of a batch.
    max_batch_tokens: usize,
    max_batch_requests: Option<usize>,
    /// Maximum inputs of a request.
    max_client_batch_size: usize,
    /// True if texts that are too long are cut unless a request says otherwise.
    auto_truncate: bool,
    tokenization_workers: usize,
    #[schema(example = "0.1.0")]
    version: &'static str,
    sha: Option<String>,
    docker_label: Option<String>,
}

/// The model's own task.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ModelType {
    Embedding(EmbeddingModel),
    Classifier(ClassifierModel),
    Reranker(ClassifierModel),
}

/// A model with vectors.
#[derive(Serialize, ToSchema)]
struct EmbeddingModel {
    #[schema(example = "mean")]
    pooling: String,
}

/// A model with labels.
#[derive(Serialize, ToSchema)]
struct ClassifierModel {
    // The keys of an object are strings.
    #[schema(value_type = BTreeMap<String, String>, example = json!({"0": "LABEL"}))]
    id2label: BTreeMap<usize, String>,
    #[schema(example = json!({"LABEL": 0}))]
    label2id: BTreeMap<String, usize>,
}

/// Model and limits
#[utoipa::path(get, path = "/info", tag = tags::TEI, params(InfoQuery),
    responses(
        (status = 200, description = "The model and the server", body = Info),
        (status = 404, description = "The model does not exist", body = TeiErrorBody)))]
pub(crate) async fn info(State(app): State<Arc<App>>, Query(query): Query<InfoQuery>) -> Result<Json<Info>, ApiError> {
    let served = app.models.choose(query.model.as_deref(), None)?;
    let loaded = app.acquire(served).await?;
    // Clients compare it with the name that they sent.
    let name = query.model.filter(|name| served.spec.has_name(name)).unwrap_or_else(|| loaded.name().to_owned());
    let engine = loaded.local();
    Ok(Json(Info {
        model_id: loaded.model_id().to_owned(),
        model_sha: commit(engine),
        model_dtype: engine.dtype.to_string(),
        served_model_name: name,
        model_type: model_type(&loaded),
        max_concurrent_requests: app.limits.concurrent_requests,
        max_input_length: bounded(engine.max_length),
        max_batch_tokens: bounded(engine.batch_tokens),
        max_batch_requests: None,
        max_client_batch_size: app.limits.client_batch,
        auto_truncate: engine.truncate != Truncate::None,
        tokenization_workers: engine.threads,
        version: env!("CARGO_PKG_VERSION"),
        sha: None,
        docker_label: None,
    }))
}

/// A number that clients can read: no limit is the largest 32-bit integer.
fn bounded(number: usize) -> usize {
    number.min(i32::MAX as usize)
}

fn model_type(loaded: &LoadedModel) -> ModelType {
    let engine = loaded.engine();
    match engine.info().output {
        OutputKind::Embedding | OutputKind::TokenVectors | OutputKind::HiddenStates => {
            // TEI's names of its three kinds.
            let name = |pooling: &Pooling| match pooling {
                Pooling::LastToken => "last_token",
                other => other.name(),
            };
            let modes: Vec<&str> = loaded.local().pooling.iter().map(name).collect();
            ModelType::Embedding(EmbeddingModel { pooling: modes.join("+") })
        }
        OutputKind::Sparse => ModelType::Embedding(EmbeddingModel { pooling: "splade".into() }),
        OutputKind::Logits | OutputKind::Score | OutputKind::Labels => {
            let labels = loaded.labels();
            let labels = ClassifierModel {
                id2label: labels.iter().map(ToString::to_string).enumerate().collect(),
                label2id: labels.iter().map(ToString::to_string).zip(0..).collect(),
            };
            match loaded.capabilities().contains(&Capability::Rerank) {
                true => ModelType::Reranker(labels),
                false => ModelType::Classifier(labels),
            }
        }
    }
}

/// The commit, from the directory's name in the Hub cache.
fn commit(engine: &LocalInfo) -> Option<String> {
    let dir = engine.dir.as_ref()?;
    let snapshots = dir.parent()?.file_name()?;
    let name = dir.file_name()?.to_str()?;
    (snapshots == "snapshots").then(|| name.to_owned())
}
