//! What every request passes on its way to its route, one file a layer.
//!
//! The order, from the socket inwards, and why it is so:
//!
//! 1. [`prefix`] takes `--url-prefix` and needless [`slashes`] off the path, so that all the others see the paths of
//!    the documentation.
//! 2. [`metrics`] counts and measures whatever is answered, refusals too.
//! 3. [`request_id`] gives the request its id, the span that log lines carry it in, and its line in the access log:
//!    outside everything that can refuse, so that refusals have both.
//! 4. [`trace`] makes a span of the request, with its id, if a collector was named.
//! 5. [`panics`] turns a panic of anything below into a 500.
//! 6. [`message`] refuses what HTTP forbids, which others may have understood in another way.
//! 7. [`host`] refuses names that are not this machine's, before anything answers to them, preflights among it.
//! 8. [`cors`] answers preflights, which carry no key.
//! 9. [`api_key`] comes before anything tells who asks what is there (404, 405) or reads a body.
//! 10. [`unknown`] answers 404 and 405; around everything it names the methods that a route answers.
//! 11. [`admission`] refuses work when there is too much of it or the server is going down: before the body is read.
//! 12. [`deadline`] bounds the time of all that follows.
//! 13. [`body`] reads and inflates the whole body, so that routes never see one that is slow, broken or too large.

mod admission;
mod api_key;
mod body;
mod cors;
mod deadline;
mod host;
mod message;
mod panics;
mod paths;
mod prefix;
mod request_id;
mod slashes;
mod unknown;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use tower::{Layer, Service};

pub use api_key::ApiKeys;
pub use paths::error_for;
pub use request_id::RequestId;

use super::{App, Bound, Listen, ServeError, ServerOptions, metrics, trace};

/// `routes` behind all layers, for a server that was to listen at `listen` and has come to listen at `bound`.
///
/// # Errors
/// Options that make no sense.
pub fn around(
    routes: Router,
    app: &Arc<App>,
    options: &ServerOptions,
    listen: &Listen,
    bound: &Bound,
) -> Result<
    impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
    ServeError,
> {
    let prefix = prefix::Prefix::parse(&options.url_prefix)?;
    let reading = body::Reading {
        limit: app.limits.body,
        memory: app.memory.clone(),
        timeout: options.timeouts.body,
        last: options.timeouts.last_body,
        draining: app.draining(),
    };
    // From here on in reverse: what is added last comes first. Route layers see only requests that have a route.
    let routes = routes
        .route_layer(from_fn_with_state(reading, body::read))
        .route_layer(from_fn_with_state(options.request_timeout, deadline::bound))
        .route_layer(from_fn_with_state(admission::Door::new(app), admission::admit))
        // Bodies are bounded above.
        .route_layer(DefaultBodyLimit::disable())
        .fallback(unknown::path)
        .method_not_allowed_fallback(unknown::method)
        .layer(from_fn(unknown::outside_of_prefix))
        .layer(from_fn_with_state(options.api_keys.clone(), api_key::check));
    let routes = match cors::layer(&options.cors_allow_origin)? {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    let hosts = host::Hosts::new(options, listen, bound)?;
    let routes = routes.layer(from_fn_with_state(hosts, host::check)).layer(from_fn(message::check));
    let routes = routes.layer(from_fn(panics::catch));
    let routes = match &app.tracing {
        Some(tracing) => routes.layer(from_fn_with_state(Arc::clone(tracing), trace::record)),
        None => routes,
    };
    let routes = routes.layer(from_fn(request_id::give)).layer(from_fn_with_state(Arc::clone(app), metrics::record));
    let routes = from_fn(unknown::name_methods).layer(routes);
    Ok(prefix::layer(prefix).layer(routes))
}
