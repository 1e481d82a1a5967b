//! Inputs of requests, in all shapes that clients send, and their truncation.

mod document;
mod list;
mod object;
mod schemas;
mod texts;
mod truncation;

pub use document::{Document, Documents, document_schema, documents_schema};
pub use list::{List, MAX_KEPT};
pub use object::{Chat, Medium, TextObject};
pub use schemas::{id, list, one_of, string, texts_schema};
pub use texts::{Inputs, inputs_schema};
pub use truncation::{Truncation, truncation_schema};
