//! JSON Schemas of documents.

use schemars::JsonSchema;

/// The schema of a document whose `schema_version` is `version`.
pub(crate) fn schema_of<D: JsonSchema>(title: &str, version: u32) -> serde_json::Value {
    let mut schema = schemars::schema_for!(D);
    schema.insert("title".to_owned(), title.into());
    if let Some(field) = schema.pointer_mut("/properties/schema_version").and_then(|value| value.as_object_mut()) {
        field.insert("const".to_owned(), version.into());
    }
    schema.to_value()
}
