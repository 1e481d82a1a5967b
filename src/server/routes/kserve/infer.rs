//! `POST /v2/models/{model}/infer`: tensors in, tensors out.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::interface::Interface;
use super::parameters::{few, scalars};
use super::tensors::{Output, Tensor};
use crate::engine::rerank::Pairs;
use crate::engine::{Input, RequestOptions};
use crate::server::http::{meant, off_thread, parse, shorten, write};
use crate::server::models::{Failure, LoadedModel};
use crate::server::routes::inputs::{List, Truncation};
use crate::server::routes::tags;
use crate::server::{ApiError, App, Limits};

/// The number of bytes of JSON in a body with binary tensors.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// The supported parameters of a request.
const PARAMETERS: &[&str] = &["binary_data_output", "normalize", "dimensions", "prompt_name", "truncate", "raw_scores"];

/// Maximum tensors of a request and of its response; models have fewer.
const MAX_TENSORS: usize = 64;

/// Tensors for a model.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["What do cats eat?"]}]
}))]
pub(crate) struct InferRequest {
    /// Returned in the response.
    id: Option<String>,
    /// `binary_data_output`: true for tensors as bytes. infa's own: `normalize`, `dimensions`, `prompt_name`,
    /// `truncate` ("right", "left", "none"), `raw_scores`.
    #[serde(default, deserialize_with = "scalars")]
    #[schema(value_type = Object)]
    parameters: Map<String, Json>,
    #[serde(deserialize_with = "few::<_, _, MAX_TENSORS>")]
    inputs: Vec<Tensor>,
    /// The requested output tensors; all by default.
    #[serde(default, deserialize_with = "few::<_, _, MAX_TENSORS>")]
    outputs: Vec<RequestedOutput>,
}

/// A requested output tensor.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RequestedOutput {
    #[schema(example = "embedding")]
    name: String,
    /// `binary_data`: true for a tensor as bytes.
    #[serde(default, deserialize_with = "scalars")]
    #[schema(value_type = Object)]
    parameters: Map<String, Json>,
}

/// Tensors of a model.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
pub(crate) struct InferResponse {
    model_name: String,
    #[schema(example = "1")]
    model_version: String,
    id: Option<String>,
    outputs: Vec<OutputTensor>,
}

/// A tensor of a response.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
pub(crate) struct OutputTensor {
    #[schema(example = "embedding")]
    name: String,
    #[schema(example = "FP32")]
    datatype: String,
    #[schema(example = json!([1, 384]))]
    shape: Vec<usize>,
    /// The numbers, row by row; missing if they follow as bytes.
    data: Option<Vec<f32>>,
}

/// Infer tensors
///
/// Embedders take `text`, under any name, and give `embedding`; cross-encoders take `query` and `documents` and give
/// `scores`; classifiers take `text` and give `scores`, one column per label. Texts are BYTES. Tensors may follow the
/// JSON as bytes, with the header `Inference-Header-Content-Length`. Also under `/v2/models/{model}/versions/1/infer`.
#[utoipa::path(post, path = "/v2/models/{model}/infer", operation_id = "model_infer", tag = tags::KSERVE, request_body = InferRequest,
    params(
        ("model" = String, Path, description = "The model's name"),
        ("Inference-Header-Content-Length" = Option<usize>, Header,
            description = "The number of bytes of JSON in the body, if tensors follow as bytes")),
    responses((status = 200, description = "The requested tensor", content(
        (InferResponse = "application/json"),
        (Vec<u8> = "application/octet-stream")))))]
pub(crate) async fn infer(app: Arc<App>, loaded: &LoadedModel, request: Request) -> Result<Response, ApiError> {
    let interface = Interface::of(loaded)?;
    let headers = request.headers().clone();
    // A layer has read it within its limits.
    let body = Bytes::from_request(request, &()).await;
    let body = body.map_err(|e| ApiError::new(e.status(), format!("the body cannot be read: {e}")))?;
    let size = body.len();
    let limits = app.limits.clone();
    let reading = move || InferCall::read(interface, &headers, &body, &limits);
    let InferCall { id, parameters, binary_output, first, second } = off_thread(size, reading).await?;
    let output = compute(interface, loaded, first, second, &Parameters(&parameters)).await?;
    let model = loaded.name().to_owned();
    let written = write::off_thread_if_many(if binary_output { 0 } else { output.numbers.len() }, move || {
        output.response(&model, id.as_deref(), binary_output)
    });
    Ok(match written.await? {
        (body, None) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
        (body, Some(json)) => {
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            ([kind, (JSON_LENGTH, HeaderValue::from(json))], body).into_response()
        }
    })
}

/// A parsed request.
struct InferCall {
    id: Option<String>,
    parameters: Map<String, Json>,
    binary_output: bool,
    /// The texts of the first input.
    first: Vec<String>,
    /// The texts of the second, if the model takes two.
    second: Option<Vec<String>>,
}

impl InferCall {
    fn read(interface: Interface, headers: &HeaderMap, body: &[u8], limits: &Limits) -> Result<Self, ApiError> {
        let (json, mut binary) = split(headers, body)?;
        let malformed = |e: ApiError| ApiError::bad_request(e.message);
        let InferRequest { id, parameters, inputs, outputs } = parse(json).map_err(malformed)?;
        Parameters(&parameters).check_names()?;
        let binary_output = wants_binary(interface, &parameters, &outputs)?;
        let mut given = texts(interface, inputs, &mut binary, limits)?;
        let (first, second) = (given.pop().unwrap_or_default(), given.pop());
        Ok(Self { id, parameters, binary_output, first, second })
    }
}

/// The JSON and the bytes after it.
fn split<'b>(headers: &HeaderMap, body: &'b [u8]) -> Result<(&'b [u8], &'b [u8]), ApiError> {
    let Some(length) = headers.get(&JSON_LENGTH) else { return Ok((body, &[])) };
    let number = length.to_str().ok().and_then(|text| text.trim().parse::<usize>().ok());
    number.and_then(|length| body.split_at_checked(length)).ok_or_else(|| {
        let (length, all) = (String::from_utf8_lossy(length.as_bytes()), body.len());
        let length = shorten(&length);
        ApiError::bad_request(format!(
            "Inference-Header-Content-Length: {length} is not a number from 0 to the body's {all} bytes"
        ))
    })
}

/// The texts of each input in reverse order of [`Interface::names`].
fn texts(
    interface: Interface,
    inputs: Vec<Tensor>,
    binary: &mut &[u8],
    limits: &Limits,
) -> Result<Vec<Vec<String>>, ApiError> {
    let names = interface.names();
    let mut given: Vec<Option<List<String>>> = names.iter().map(|_| None).collect();
    let single = names.len() == 1 && inputs.len() == 1;
    for tensor in inputs {
        let name = shorten(&tensor.name);
        // Clients of other servers use other names (input_text, input-0); a single input is unambiguous.
        let slot = if single { Some(0) } else { interface.position(&tensor.name) };
        let Some(slot) = slot else {
            let known = names.join("\" and \"");
            return Err(ApiError::bad_request(format!("input \"{name}\": the model takes \"{known}\"")));
        };
        if given[slot].is_some() {
            return Err(ApiError::bad_request(format!("input \"{name}\": duplicate")));
        }
        given[slot] = Some(tensor.texts(binary)?);
    }
    if !binary.is_empty() {
        return Err(ApiError::bad_request(format!("{} bytes follow the last tensor", binary.len())));
    }
    let present = |(name, texts): (&&str, Option<List<String>>)| {
        let texts = texts.ok_or_else(|| ApiError::bad_request(format!("input \"{name}\": missing")))?;
        let texts = texts.checked(&format!("input \"{name}\""), limits)?;
        if *name == "query" && texts.len() != 1 {
            return Err(ApiError::bad_request(format!("input \"query\": must have one element, not {}", texts.len())));
        }
        Ok(texts)
    };
    names.iter().zip(given).map(present).rev().collect()
}

/// The output of the model.
async fn compute(
    interface: Interface,
    loaded: &LoadedModel,
    first: Vec<String>,
    second: Option<Vec<String>>,
    parameters: &Parameters<'_>,
) -> Result<Output, ApiError> {
    let name = interface.output_name();
    let options = parameters.options(loaded)?;
    let raw = parameters.flag("raw_scores")?.unwrap_or(false);
    let rows = first.len();
    match interface {
        Interface::Embed => {
            let texts = first.into_iter().map(Input::Text).collect();
            let computed = loaded.embed(texts, options).await.map_err(|e| of_input(e, "text"))?;
            let columns = computed.results.first().map_or(0, |e| e.vector.len());
            let numbers = computed.results.into_iter().flat_map(|e| e.vector).collect();
            Ok(Output { name, shape: vec![rows, columns], numbers })
        }
        Interface::Classify => {
            let columns = loaded.labels().len();
            let inputs = first.into_iter().map(Input::Text).collect();
            let computed = loaded.classify(inputs, raw, options).await.map_err(|e| of_input(e, "text"))?;
            let mut numbers = vec![0.0; rows * columns];
            for (row, labelled) in numbers.chunks_exact_mut(columns.max(1)).zip(computed.results) {
                for label in labelled.labels {
                    row[label.index] = label.score as f32;
                }
            }
            Ok(Output { name, shape: vec![rows, columns], numbers })
        }
        Interface::Rerank => {
            let (documents, query) = (second.unwrap_or_default(), first.into_iter().next().unwrap_or_default());
            let rows = documents.len();
            let computed = loaded.score(Pairs::of_one(query, documents), raw, options).await;
            let computed = computed.map_err(|e| of_input(e, "documents"))?;
            let numbers = computed.results.iter().map(|relevance| relevance.score as f32).collect();
            Ok(Output { name, shape: vec![rows], numbers })
        }
    }
}

/// A failure about the input tensor `name`.
fn of_input(failure: Failure, name: &str) -> ApiError {
    match failure {
        Failure::Input { index, reason, .. } => {
            ApiError::bad_request(format!("input \"{name}\": element {index}: {reason}"))
        }
        other => other.into(),
    }
}

/// True if the tensor is returned as bytes.
fn wants_binary(
    interface: Interface,
    parameters: &Map<String, Json>,
    outputs: &[RequestedOutput],
) -> Result<bool, ApiError> {
    let mut binary = Parameters(parameters).flag("binary_data_output")?.unwrap_or(false);
    for output in outputs {
        let (name, known) = (shorten(&output.name), interface.output_name());
        if output.name != known {
            return Err(ApiError::bad_request(format!("output \"{name}\": the model gives \"{known}\"")));
        }
        // Triton's extensions that change the output or its destination.
        for parameter in ["classification", "shared_memory_region"] {
            let is_off = |value: &Json| value.is_null() || value.as_u64() == Some(0);
            if output.parameters.get(parameter).is_some_and(|value| !is_off(value)) {
                let message = format!("output \"{name}\": parameters.{parameter}: this extension is not supported");
                return Err(ApiError::bad_request(message));
            }
        }
        let wish = Parameters(&output.parameters).flag("binary_data");
        binary =
            wish.map_err(|e| ApiError::bad_request(format!("output \"{name}\": {}", e.message)))?.unwrap_or(binary);
    }
    Ok(binary)
}

/// The parameters of a request or an output.
struct Parameters<'p>(&'p Map<String, Json>);

impl Parameters<'_> {
    /// Refuses misspelt names of [`PARAMETERS`]; other unknown ones are ignored.
    fn check_names(&self) -> Result<(), ApiError> {
        for (name, _) in self.0.iter().filter(|(_, value)| !value.is_null()) {
            if let Some(meant) = meant(name, PARAMETERS) {
                let name = shorten(name);
                return Err(ApiError::bad_request(format!("parameters.{name}: unknown; did you mean \"{meant}\"?")));
            }
        }
        Ok(())
    }

    /// The value of `name`, read by `read`; `what` describes valid values.
    fn get<'s, T>(
        &'s self,
        name: &str,
        what: &str,
        read: impl Fn(&'s Json) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        match self.0.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => {
                let wrong = || ApiError::bad_request(format!("parameters.{name}: must be {what}"));
                read(value).ok_or_else(wrong).map(Some)
            }
        }
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.get(name, "true or false", Json::as_bool)
    }

    /// The options of the inputs.
    fn options(&self, loaded: &LoadedModel) -> Result<RequestOptions, ApiError> {
        let truncate = self.get("truncate", "\"right\", \"left\" or \"none\"", |value| {
            Truncation::deserialize(value).ok().filter(|_| value.is_string())
        })?;
        let dimensions = self.get("dimensions", "a number above 0", |value| usize::try_from(value.as_u64()?).ok())?;
        let prompt_name = self.get("prompt_name", "a string", |value| Some(value.as_str()?.to_owned()))?;
        Ok(RequestOptions {
            truncate: truncate.map(|truncate| truncate.end(loaded)),
            dimensions,
            prompt_name,
            normalize: self.flag("normalize")?,
            ..RequestOptions::default()
        })
    }
}
