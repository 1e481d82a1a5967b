//! `/similarity`: the similarity of one text to several others.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::inputs::characters;
use super::together::{Cost, Parts, Place, Responses, TeiTask, alone, failed, truncation};
use crate::engine::{Embedding, Input, OutputKind, RequestOptions};
use crate::server::http::{Body, known, nested, write};
use crate::server::models::Failure;
use crate::server::routes::fields::Direction;
use crate::server::routes::inputs::List;
use crate::server::routes::tags;
use crate::server::{ApiError, App, Limits};

/// Texts to compare.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "inputs": {"source_sentence": "What do cats eat?", "sentences": ["Cats eat fish.", "A bridge of stone."]}
}))]
pub(crate) struct SimilarityRequest {
    #[serde(deserialize_with = "known")]
    inputs: SimilarityInputs,
    #[serde(default, deserialize_with = "nested")]
    parameters: Option<SimilarityParameters>,
    /// The model's name; by default the first made for the route.
    model: Option<String>,
}

/// A text and those that it is compared with.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SimilarityInputs {
    #[schema(example = "What is Deep Learning?")]
    source_sentence: String,
    #[schema(example = json!(["What is Machine Learning?"]))]
    #[schema(value_type = Vec<String>)]
    sentences: List<String>,
}

/// Options of the texts.
#[derive(Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct SimilarityParameters {
    /// False makes a text that is too long an error. By default, the server's setting.
    truncate: Option<bool>,
    /// The end at which it is cut.
    truncation_direction: Option<Direction>,
    /// The name of one of the model's prompts, prepended to each text.
    prompt_name: Option<String>,
}

/// Similarity of a text to several others
#[utoipa::path(post, path = "/similarity", tag = tags::TEI, request_body = SimilarityRequest,
    responses((status = 200, description = "One number per sentence, in order", body = Vec<f32>)))]
pub(crate) async fn similarity(
    State(app): State<Arc<App>>,
    Body(request): Body<SimilarityRequest>,
) -> Result<Response, ApiError> {
    alone::<Similarity>(&app, request).await
}

/// `/similarity`. The source sentence is the first input.
pub(crate) struct Similarity;

impl TeiTask for Similarity {
    type Request = SimilarityRequest;
    type Options = (SimilarityParameters, Option<String>);
    type Input = Input;

    const UNCOUNTED: usize = 1;

    fn taken(request: SimilarityRequest, limits: &Limits) -> Result<(Self::Options, Vec<Input>, bool), ApiError> {
        let SimilarityRequest { inputs: SimilarityInputs { source_sentence, sentences }, parameters, model } = request;
        let sentences = sentences.checked("inputs.sentences", limits)?;
        let texts = std::iter::once(source_sentence).chain(sentences).map(Input::Text).collect();
        Ok(((parameters.unwrap_or_default(), model), texts, false))
    }

    fn field(place: &Place) -> String {
        match place.index.checked_sub(1) {
            Some(sentence) => format!("inputs.sentences[{sentence}]"),
            None => "inputs.source_sentence".into(),
        }
    }

    async fn compute(
        app: &App,
        (parameters, model): Self::Options,
        texts: Vec<Input>,
        parts: Parts,
    ) -> Result<Responses, ApiError> {
        let mut cost = Cost::begin(characters(&texts));
        let loaded = app.model_for(model.as_deref(), OutputKind::Embedding).await?;
        let similarity = loaded.model().similarity();
        let similarity = similarity.map_err(|e| failed::<Self>(Failure::Unsupported(e.to_string()), &parts))?;
        let SimilarityParameters { truncate, truncation_direction, prompt_name } = parameters;
        let truncate = truncation(&loaded, truncate, truncation_direction);
        let options = RequestOptions { truncate, prompt_name, ..RequestOptions::default() };
        let computed = loaded.embed(texts, options).await.map_err(|e| failed::<Self>(e, &parts))?;
        cost.count(&computed);
        let numbers = computed.results.iter().map(|e| e.vector.len()).sum();
        Responses::write(parts, computed.results, numbers, cost, move |_, vectors: &[Embedding], out| {
            let (source, sentences) = vectors.split_first().unzip();
            let alike = sentences.into_iter().flatten().zip(source.into_iter().cycle());
            // Vectors have no more digits.
            write::list(alike, out, |(sentence, source), out| {
                write::json(&(similarity.of(&source.vector, &sentence.vector) as f32), out);
            });
        })
        .await
    }
}
