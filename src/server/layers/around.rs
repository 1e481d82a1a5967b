//! The layers around the routes, in their order.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use tower::{Layer, Service};

use super::{
    api_key, body, concurrency, cors, deadline, errors, host, message, metrics, prefix, request_id, trace, unknown,
};
use crate::server::{App, Bound, Listen, ServeError, ServerOptions};

/// `routes` inside all layers. `listen` is the configured address, `bound` the actual one.
///
/// # Errors
/// Invalid options.
pub(crate) fn around(
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
    let body_limits = body::BodyLimits {
        bytes: app.limits.body,
        memory: app.memory.clone(),
        timeout: options.timeouts.body,
        last: options.timeouts.last_body,
        draining: app.draining(),
    };
    // In reverse order: the last one added is the outermost. Route layers see only requests that have a route.
    let routes = routes
        .route_layer(from_fn_with_state(body_limits, body::read))
        .route_layer(from_fn_with_state(options.request_timeout, deadline::bound))
        .route_layer(from_fn_with_state(concurrency::ConcurrencyLimit::new(app), concurrency::bound))
        // The layer `body` limits bodies.
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
    let routes = routes.layer(from_fn(errors::catch_panics)).layer(from_fn(errors::write));
    let routes = match &app.tracing {
        Some(tracing) => routes.layer(from_fn_with_state(Arc::clone(tracing), trace::record)),
        None => routes,
    };
    let routes =
        routes.layer(from_fn(request_id::give)).layer(from_fn_with_state(Arc::clone(&app.metrics), metrics::record));
    let routes = from_fn(unknown::name_methods).layer(routes);
    Ok(prefix::layer(prefix).layer(routes))
}
