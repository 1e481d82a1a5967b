//! `POST /rerank`: Infinity's, Cohere's, Jina's, vLLM's, Voyage's and TEI's; and NIM's `/ranking`.
//!
//! One route for all of them. TEI's clients send `texts` and get a list; Voyage's send `top_k`, if only as null, and get
//! an object with `data`; the others send `documents` and get an object with `results`, in which a document, if it was
//! asked for, is
//!
//! * a string at `/rerank`, as Infinity has it, whose clients read nothing else, unless the documents came as objects;
//! * the object `{"text": …}` at `/v1/rerank` and `/v2/rerank`, as Cohere, Jina and vLLM have it.
//!
//! Infinity's and vLLM's clients send identical bodies: only the path tells them apart. Where no documents were asked for,
//! the field is missing: some clients do not read `null`.

mod call;
pub mod ranking;
mod reply;
mod request;
pub mod route;
