//! Cohere's embed: `POST /v2/embed`, and `POST /v1/embed`, which is also TEI's path.
//!
//! At the latter, a request with `texts` or `images` is Cohere's and one with `inputs` is TEI's: no client sends both.
//! Cohere's requests get Cohere's responses and errors.

mod request;
mod response;
pub(crate) mod route;
