//! `POST /rerank` of Infinity, Cohere, Jina, vLLM, Voyage and TEI, and NIM's `/ranking`.
//!
//! One route serves all of them. TEI's clients send `texts` and get a list; Voyage's send `top_k`, even if null, and
//! get an object with `data`; the others send `documents` and get an object with `results`. A document in it, if
//! requested, is
//!
//! * a string at `/rerank`, as Infinity's clients accept nothing else, unless the documents came as objects;
//! * the object `{"text": …}` at `/v1/rerank` and `/v2/rerank`, as in Cohere, Jina and vLLM.
//!
//! Infinity's and vLLM's clients send identical bodies: only the path distinguishes them. Documents that are not
//! requested are omitted: some clients do not accept `null`.

mod call;
pub(crate) mod ranking;
mod request;
mod response;
pub(crate) mod route;
