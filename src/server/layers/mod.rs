//! The layers between socket and routes, one file each.
//!
//! In order from the socket inwards, with the reasons:
//!
//! 1. [`prefix`] removes `--url-prefix` and needless slashes, so that the other layers see documented paths.
//! 2. [`metrics`] counts and measures all responses, refusals included.
//! 3. [`request_id`] gives the request its id, its tracing span and its line in the access log: outside all layers that
//!    can refuse, so that refusals have them as well.
//! 4. [`trace`] makes an OpenTelemetry span with the request's id, if a collector is named.
//! 5. [`errors`] writes the errors of all inner layers, in the shape of the path, and turns panics into 500.
//! 6. [`message`] refuses requests that HTTP forbids.
//! 7. [`host`] refuses foreign host names, before any other response, preflights included.
//! 8. [`cors`] responds to preflights, which carry no key.
//! 9. [`api_key`] comes before anything that reveals routes (404, 405) or reads a body.
//! 10. [`unknown`] responds with 404 and 405; its outermost part names the methods of a route.
//! 11. [`concurrency`] refuses work over the limit or during shutdown, before the body is read.
//! 12. [`deadline`] limits the time of all that follows.
//! 13. [`body`] reads and decompresses the whole body, so that routes never see a slow, broken or too large one.

mod api_key;
mod around;
mod body;
mod concurrency;
mod cors;
mod deadline;
mod errors;
mod host;
mod message;
mod metrics;
mod paths;
mod prefix;
mod request_id;
mod trace;
mod unknown;

pub(crate) use around::around;
