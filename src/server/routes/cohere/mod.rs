//! Cohere's embed: `POST /v2/embed`, and `POST /v1/embed`, which is TEI's path as well.
//!
//! At the latter a request with `texts` or `images` is Cohere's, one with `inputs` TEI's: no client sends both. Cohere's are
//! answered in Cohere's shape, errors too.

mod reply;
mod request;
pub mod route;
