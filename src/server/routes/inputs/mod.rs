//! Inputs of requests, in all shapes that clients send, and their truncation.

mod document;
mod list;
mod object;
mod schemas;
mod texts;
mod truncation;

pub(crate) use document::{Document, Documents, document_schema, documents_schema};
pub(crate) use list::{List, MAX_KEPT};
pub(crate) use object::{Chat, Medium, TextObject};
pub(crate) use schemas::{id, list, one_of, string, texts_schema};
pub(crate) use texts::{Inputs, inputs_schema};
pub(crate) use truncation::{Truncation, truncation_schema};
