//! What every request passes on its way to its route, one file a layer.
//!
//! The order, from the socket inwards, and why it is so:
//!
//! 1. [`prefix`] takes `--url-prefix` and needless slashes off the path, so that all the others see the paths of the
//!    documentation.
//! 2. [`metrics`] counts and measures whatever is answered, refusals too.
//! 3. [`request_id`] gives the request its id, the span that log lines carry it in, and its line in the access log:
//!    outside everything that can refuse, so that refusals have both.
//! 4. [`trace`] makes a span of the request, with its id, if a collector was named.
//! 5. [`errors`] writes the errors of everything below, in the shape that the path's clients read, and turns a panic of
//!    anything below into a 500.
//! 6. [`message`] refuses what HTTP forbids, which others may have understood in another way.
//! 7. [`host`] refuses names that are not this machine's, before anything answers to them, preflights among it.
//! 8. [`cors`] answers preflights, which carry no key.
//! 9. [`api_key`] comes before anything reveals what is there (404, 405) or reads a body.
//! 10. [`unknown`] answers 404 and 405; around everything it names the methods that a route answers.
//! 11. [`concurrency`] refuses work when there is too much of it or the server is going down: before the body is read.
//! 12. [`deadline`] bounds the time of all that follows.
//! 13. [`body`] reads and inflates the whole body, so that routes never see one that is slow, broken or too large.

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

pub use around::around;
