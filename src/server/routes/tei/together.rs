//! Requests with the same options are computed together, as one request to the model, with separate responses.

use std::time::Instant;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use crate::engine::Times;
use crate::model::tokenizer::Truncate;
use crate::server::http::{json_pieces, write};
use crate::server::memory::BodyPermit;
use crate::server::models::{Failure, LoadedModel, ModelOutput};
use crate::server::routes::fields::Direction;
use crate::server::routes::inputs::Truncation;
use crate::server::{ApiError, App, Limits};

/// The options of a request, its inputs, and true for a single input outside of a list.
pub(crate) type Taken<T> = (<T as TeiTask>::Options, Vec<<T as TeiTask>::Input>, bool);

/// A task of TEI's routes.
pub(crate) trait TeiTask: Sized + 'static {
    type Request: DeserializeOwned + Send + 'static;
    /// The fields of a request except its inputs. Requests with equal options are computed together.
    type Options: PartialEq + Send + 'static;
    type Input: Send + 'static;

    /// Number of inputs of each request that do not count towards its maximum.
    const UNCOUNTED: usize = 0;

    /// Splits a request.
    ///
    /// # Errors
    /// 400 without inputs, 413 for too many.
    fn taken(request: Self::Request, limits: &Limits) -> Result<Taken<Self>, ApiError>;

    /// The field of an input, for messages.
    fn field(place: &Place) -> String {
        format!("inputs[{}]", place.index)
    }

    /// Merges other options if their inputs can be computed together with its own, or returns them.
    fn join(own: &mut Self::Options, other: Self::Options) -> Result<(), Self::Options> {
        if *own == other { Ok(()) } else { Err(other) }
    }

    /// The number of numbers in the response to `count` inputs, for vectors of length `width`; 0 if unknown before the
    /// computation, or limited otherwise.
    fn numbers(_options: &Self::Options, _count: usize, _width: usize) -> usize {
        0
    }

    /// The responses to requests with these options.
    fn compute(
        app: &App,
        options: Self::Options,
        inputs: Vec<Self::Input>,
        parts: Parts,
    ) -> impl Future<Output = Result<Responses, ApiError>> + Send;
}

/// The response to a single request.
pub(crate) async fn alone<T: TeiTask>(app: &App, request: T::Request) -> Result<Response, ApiError> {
    let (options, inputs, single) = T::taken(request, &app.limits)?;
    respond_alone::<T>(app, options, inputs, single).await
}

/// The response to a single request, after its split.
pub(crate) async fn respond_alone<T: TeiTask>(
    app: &App,
    options: T::Options,
    inputs: Vec<T::Input>,
    single: bool,
) -> Result<Response, ApiError> {
    let parts = Parts::one(Part { count: inputs.len(), single, instance: None });
    let Responses { json, cost, permit } = T::compute(app, options, inputs, parts).await?;
    let body = json_pieces(json.into_iter().next().unwrap_or_default(), permit);
    // TEI sends "gpu+optimized" for every device.
    Ok(([("x-compute-type", "optimized")], cost.headers(), body).into_response())
}

/// A model's failure as an error with TEI's statuses; `field` names the input at an index.
pub(crate) fn error_of(failure: Failure, field: impl Fn(usize) -> String) -> ApiError {
    let of_input = |status, index, reason| ApiError::new(status, format!("{}: {reason}", field(index)));
    match failure {
        Failure::Input { index, reason, too_long: false } => {
            of_input(StatusCode::UNPROCESSABLE_ENTITY, index, reason).code(ApiError::TOKENIZER)
        }
        Failure::Input { index, reason, .. } | Failure::InputTooLarge { index, reason } => {
            of_input(StatusCode::PAYLOAD_TOO_LARGE, index, reason)
        }
        Failure::Unsupported(what) => ApiError::new(StatusCode::FAILED_DEPENDENCY, what),
        other => other.into(),
    }
}

/// The failure of a model that computed the inputs of `parts`, as an error.
pub(crate) fn failed<T: TeiTask>(failure: Failure, parts: &Parts) -> ApiError {
    if let Failure::Query { document: Some(index), reason } = &failure {
        return ApiError::bad_request(format!("{}query: {reason}", parts.place(*index).prefix));
    }
    error_of(failure, |index| {
        let place = parts.place(index);
        format!("{}{}", place.prefix, T::field(&place))
    })
}

/// The meaning of `truncate` and `truncation_direction`; `None`: the server's setting.
pub(crate) fn truncation(
    loaded: &LoadedModel,
    truncate: Option<bool>,
    direction: Option<Direction>,
) -> Option<Truncate> {
    match (truncate, direction) {
        (Some(false), _) | (_, None) => truncate.map(|truncate| Truncation::from(truncate).end(loaded)),
        (_, Some(direction)) => Some(direction.into()),
    }
}

/// The cost of a response.
pub(crate) struct Cost {
    started: Instant,
    pub characters: usize,
    tokens: usize,
    times: Times,
}

impl Cost {
    /// Begins a request with `characters` characters.
    pub(crate) fn begin(characters: usize) -> Self {
        Self { started: Instant::now(), characters, tokens: 0, times: Times::default() }
    }

    /// Records the model's tokens and times.
    pub(crate) fn count<T>(&mut self, computed: &ModelOutput<T>) {
        (self.tokens, self.times) = (computed.tokens, computed.times);
    }

    /// TEI's cost headers; times are milliseconds.
    fn headers(&self) -> [(HeaderName, HeaderValue); 7] {
        let total = self.started.elapsed().as_millis() as u64;
        let name = HeaderName::from_static;
        [
            (name("x-compute-time"), total.into()),
            (name("x-compute-characters"), self.characters.into()),
            (name("x-compute-tokens"), self.tokens.into()),
            (name("x-total-time"), total.into()),
            (name("x-tokenization-time"), (self.times.tokenize.as_millis() as u64).into()),
            (name("x-queue-time"), (self.times.queue.as_millis() as u64).into()),
            (name("x-inference-time"), (self.times.infer.as_millis() as u64).into()),
        ]
    }
}

/// Responses to requests that were computed together.
pub(crate) struct Responses {
    /// The JSON of each, in pieces.
    pub json: Vec<Vec<Bytes>>,
    /// The cost of all of them.
    pub cost: Cost,
    /// Memory held until they are sent.
    pub permit: Option<BodyPermit>,
}

impl Responses {
    /// Responses of one piece each.
    pub(crate) fn new(json: Vec<Vec<u8>>, cost: Cost) -> Self {
        Self { json: json.into_iter().map(|json| vec![json.into()]).collect(), cost, permit: None }
    }

    /// Writes the response of each request by `one`, on a blocking thread if there are many `numbers`.
    pub(crate) async fn write<T: Send + 'static>(
        parts: Parts,
        results: Vec<T>,
        numbers: usize,
        cost: Cost,
        one: impl Fn(Part, &[T], &mut Vec<u8>) + Send + 'static,
    ) -> Result<Self, ApiError> {
        let written = write::off_thread_if_many(numbers, move || {
            let response = |(part, results): (Part, &[T])| {
                let mut out = Vec::new();
                one(part, results, &mut out);
                out
            };
            parts.split(&results).into_iter().map(response).collect()
        });
        Ok(Self::new(written.await?, cost))
    }
}

/// The requests that the inputs belong to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    parts: Vec<Part>,
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The number of its inputs.
    pub count: usize,
    /// True if its input was not in a list, so that its response is not one either.
    pub single: bool,
    /// Its index in the list `instances`; `None` for a separate request.
    pub instance: Option<usize>,
}

/// The position of an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The prefix of field names in messages: empty, or "instances[3]: ".
    pub prefix: String,
    /// The index among the inputs of its request.
    pub index: usize,
    /// [`Part::single`]
    pub single: bool,
}

impl Parts {
    pub(crate) fn one(part: Part) -> Self {
        Self { parts: vec![part] }
    }

    /// Adds other requests, whose inputs follow.
    pub(crate) fn extend(&mut self, other: Self) {
        self.parts.extend(other.parts);
    }

    /// The index of each request in the list `instances`.
    pub(crate) fn instances(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().filter_map(|part| part.instance)
    }

    /// The number of inputs of each request.
    pub(crate) fn counts(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().map(|part| part.count)
    }

    /// The position of the input at `index` among those of all requests.
    pub(crate) fn place(&self, index: usize) -> Place {
        let mut rest = index;
        for part in &self.parts {
            if rest < part.count {
                return Place { prefix: part.prefix(), index: rest, single: part.single };
            }
            rest -= part.count;
        }
        Place { prefix: String::new(), index, single: false }
    }

    /// The results of all requests, split by request.
    pub(crate) fn split<'r, T>(&self, mut results: &'r [T]) -> Vec<(Part, &'r [T])> {
        let take = |&part: &Part| {
            let (own, rest) = results.split_at(part.count.min(results.len()));
            results = rest;
            (part, own)
        };
        self.parts.iter().map(take).collect()
    }
}

impl Part {
    /// The prefix of the request's field names in messages.
    pub(crate) fn prefix(&self) -> String {
        self.instance.map(|index| format!("instances[{index}]: ")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_results_belong_to_their_requests() {
        let part = |count, instance| Part { count, single: instance == 4, instance: Some(instance) };
        let mut parts = Parts::one(part(2, 0));
        parts.extend(Parts::one(part(1, 4)));
        parts.extend(Parts::one(part(3, 5)));
        let place = |index, prefix: &str, single| Place { prefix: prefix.into(), index, single };
        assert_eq!(parts.place(1), place(1, "instances[0]: ", false));
        assert_eq!(parts.place(2), place(0, "instances[4]: ", true));
        assert_eq!(parts.place(5), place(2, "instances[5]: ", false));
        let split: Vec<&[u8]> = parts.split(b"abcdef").into_iter().map(|(_, own)| own).collect();
        assert_eq!(split, [&b"ab"[..], b"c", b"def"]);
        let alone = Part { count: 3, single: false, instance: None };
        assert_eq!(Parts::one(alone).place(2), place(2, "", false));
        // Too few results do not cause a panic.
        assert!(parts.split(b"a").iter().all(|(_, own)| own.len() <= 1));
    }
}
