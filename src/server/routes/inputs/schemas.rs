//! Parts of hand-written schemas.

use utoipa::openapi::schema::{ArrayBuilder, ArrayItems, ObjectBuilder, OneOfBuilder, Schema, Type};

pub(crate) fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A list of at least one item.
pub(crate) fn list(items: impl Into<ArrayItems>) -> ArrayBuilder {
    ArrayBuilder::new().items(items).min_items(Some(1))
}

/// An object with the required string `text`.
pub(crate) fn text_object() -> ObjectBuilder {
    ObjectBuilder::new().property("text", string().build()).required("text")
}

/// A token id.
pub(crate) fn id() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(u32::MAX))
}

/// A value of one of several shapes.
pub(crate) fn one_of(shapes: OneOfBuilder, about: &str) -> Schema {
    shapes.description(Some(about)).build().into()
}

/// The schema of a list of strings.
pub(crate) fn texts_schema() -> Schema {
    list(string()).build().into()
}
