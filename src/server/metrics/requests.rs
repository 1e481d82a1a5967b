//! Metrics of HTTP requests.

use std::time::Instant;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use prometheus::{HistogramVec, IntCounterVec, IntGauge};

use super::registrar::{MetricsError, Registrar, SECONDS};
use crate::server::ApiError;

pub(super) struct Requests {
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    rejected: IntCounterVec,
}

impl Requests {
    pub(super) fn new(add: Registrar<'_>) -> Result<Self, MetricsError> {
        Ok(Self {
            requests: add.counters(
                "infa_http_requests_total",
                "HTTP requests by route, method and status; 499 if the client went away before the response.",
                &["route", "method", "status"],
            )?,
            durations: add.histograms(
                "infa_http_request_duration_seconds",
                "Time from a request's headers until its response is ready to be sent.",
                &["route", "method"],
                SECONDS,
            )?,
            in_flight: add.register(IntGauge::new("infa_http_requests_in_flight", "HTTP requests in progress.")?)?,
            rejected: add.counters(
                "infa_http_requests_rejected_total",
                "HTTP requests that were refused, by reason.",
                &["reason"],
            )?,
        })
    }

    /// Number of requests in progress.
    pub(super) fn in_flight(&self) -> usize {
        usize::try_from(self.in_flight.get()).unwrap_or_default()
    }
}

/// A request in progress. Counted on drop, so that one whose client goes away is counted as well.
pub struct Open<'m> {
    to: &'m Requests,
    route: Option<MatchedPath>,
    method: &'static str,
    started: Instant,
    status: Option<StatusCode>,
}

impl<'m> Open<'m> {
    pub(super) fn new(to: &'m Requests, route: Option<MatchedPath>, method: &Method) -> Self {
        to.in_flight.inc();
        Self { to, route, method: method_name(method), started: Instant::now(), status: None }
    }

    pub fn responded(&mut self, response: &Response) {
        self.status = Some(response.status());
        if let Some(reason) = reason(response) {
            self.to.rejected.with_label_values(&[reason]).inc();
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let status = match &self.status {
            Some(status) => status.as_str(),
            None if std::thread::panicking() => "500",
            None => "499",
        };
        let route = self.route.as_ref().map_or("other", MatchedPath::as_str);
        self.to.requests.with_label_values(&[route, self.method, status]).inc();
        let taken = self.started.elapsed().as_secs_f64();
        self.to.durations.with_label_values(&[route, self.method]).observe(taken);
        self.to.in_flight.dec();
    }
}

/// The label of a method. Clients may send any word, and labels must not grow with that.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

/// The label of a refusal; `None` if the request was not refused.
fn reason(response: &Response) -> Option<&'static str> {
    let status = response.status();
    if !status.is_client_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let code = response.extensions().get::<ApiError>().and_then(|error| error.code);
    Some(code.unwrap_or_else(|| reason_of(status)))
}

fn reason_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 | 422 => "invalid",
        401 | 403 => "unauthorized",
        404 => "not_found",
        405 => "method_not_allowed",
        408 => "timeout",
        413 => "too_large",
        415 => "media_type",
        429 => "overloaded",
        431 => "headers_too_large",
        503 => "unavailable",
        _ => "other",
    }
}
