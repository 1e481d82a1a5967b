//! Bodies of requests and responses: JSON, and errors in the shape of each dialect.

mod api_error;
mod body;
mod known_fields;
mod response;
mod shapes;
mod stamp;
mod whole;
pub(crate) mod write;

pub(crate) use api_error::{ApiError, CohereErrorBody, ErrorBody, ErrorShape, KserveErrorBody, TeiErrorBody};
pub(crate) use body::{Body, off_thread, parse, read, shorten};
pub(crate) use known_fields::{is_misspelling, known, meant, missing_field, nested};
pub(crate) use response::{RESULT_BYTES, Usage, bracketed, json, json_list, json_pieces, written};
pub(in crate::server) use shapes::{deserialize_shapes, visit_numbers};
pub(crate) use stamp::{new_id, unix_time};
pub(crate) use whole::{Whole, WholeNumber, WholeVisitor, whole};
