//! A document, a query or a text to classify, in all shapes that clients send.

use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema};

use super::list::List;
use super::object::{Medium, TextObject, is_medium};
use super::schemas::{list, one_of, string, text_object};
use crate::server::http::{deserialize_shapes, is_misspelling, missing_field};

/// A text: a string, an object with `text` (Cohere, Jina, NIM) or `content` (vLLM), or a list of content parts
/// (SGLang), joined by line breaks, as in vLLM.
#[derive(Debug)]
pub(crate) struct Document {
    pub text: String,
    /// True if it was an object or content parts.
    pub object: bool,
}

/// A list of documents, or a single one.
#[derive(Debug)]
pub(crate) struct Documents(pub List<Document>);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(DocumentVisitor { content: true })
    }
}

struct DocumentVisitor {
    /// True if an object may have its text in `content`.
    content: bool,
}

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an object with the string \"text\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Document, E> {
        Ok(Document { text, object: false })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Document, A::Error> {
        joined(parts).map(|text| Document { text, object: true })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Document, A::Error> {
        let (mut text, mut content): (Option<String>, Option<Document>) = (None, None);
        let mut misspelt = None;
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "text" if text.is_some() => return Err(A::Error::duplicate_field("text")),
                "text" => text = Some(fields.next_value()?),
                "content" if content.is_some() => return Err(A::Error::duplicate_field("content")),
                // Beside `text`, `content` is an unrelated field.
                "content" if self.content && text.is_none() => content = Some(fields.next_value_seed(Content)?),
                field if is_medium(field) => {
                    fields.next_value::<Option<Medium>>()?;
                }
                field => {
                    if misspelt.is_none() && is_misspelling(field, "text") {
                        misspelt = Some(field.to_owned());
                    }
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        let text = text.or(content.map(|content| content.text));
        let text = text.ok_or_else(|| missing_field("text", misspelt.as_deref()))?;
        Ok(Document { text, object: true })
    }
}

/// The value of `content`: a string or content parts.
struct Content;

impl<'de> serde::de::DeserializeSeed<'de> for Content {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Document, D::Error> {
        json.deserialize_any(DocumentVisitor { content: false })
    }
}

/// The texts of content parts, joined by line breaks.
fn joined<'de, A: SeqAccess<'de>>(mut parts: A) -> Result<String, A::Error> {
    let Some(TextObject(mut all)) = parts.next_element()? else {
        return Err(A::Error::invalid_length(0, &"content parts with a text"));
    };
    while let Some(TextObject(text)) = parts.next_element()? {
        all.push('\n');
        all.push_str(&text);
    }
    Ok(all)
}

deserialize_shapes!(Documents, "a list of texts", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Documents, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Documents, E> {
        Ok(Documents(List::one(Document { text, object: false })))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Documents, A::Error> {
        List::empty().extend(items, |document| document).map(Documents)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Documents, A::Error> {
        DocumentVisitor { content: true }.visit_map(fields).map(|document| Documents(List::one(document)))
    }
});

fn one() -> OneOfBuilder {
    let content = ObjectBuilder::new().property("content", OneOfBuilder::new().item(string()).item(parts()));
    OneOfBuilder::new().item(string()).item(text_object()).item(content.required("content")).item(parts())
}

fn parts() -> ArrayBuilder {
    list(text_object()).description(Some("Content parts"))
}

pub(crate) fn document_schema() -> Schema {
    one_of(one(), "A text, as a string, as an object or as content parts")
}

pub(crate) fn documents_schema() -> Schema {
    let many = list(one()).description(Some("Texts"));
    one_of(OneOfBuilder::new().item(many).item(string()).item(text_object()), "Texts; or one")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::server::Limits;

    fn read(json: &Json) -> Result<(String, bool), String> {
        let document: Document = serde_json::from_str(&json.to_string()).map_err(|e| e.to_string())?;
        Ok((document.text, document.object))
    }

    #[test]
    fn one_text_in_every_shape() {
        for (json, text, object) in [
            (json!("a"), "a", false),
            (json!({"text": "a"}), "a", true),
            (json!({"text": "a", "title": "b", "content": 7, "image": null}), "a", true),
            (json!({"content": "a"}), "a", true),
            (json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}), "a\nb", true),
            (json!([{"type": "text", "text": "a"}]), "a", true),
        ] {
            assert_eq!(read(&json), Ok((text.to_owned(), object)), "{json}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for json in [
            json!({}),
            json!(7),
            json!([]),
            json!(["a"]),
            json!({"text": null}),
            json!({"content": {"content": "a"}}),
            json!({"content": []}),
            json!({"text": "a", "image": "https://example.org/a.png"}),
            json!([{"type": "image_url", "image_url": {"url": "data:"}}]),
            json!({"title": "a"}),
        ] {
            assert!(read(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_list_or_one_alone() {
        let count = |json: Json| -> usize {
            let Documents(list) = serde_json::from_str(&json.to_string()).unwrap();
            list.checked("documents", &Limits::default()).unwrap().len()
        };
        assert_eq!(count(json!("a")), 1);
        assert_eq!(count(json!({"text": "a"})), 1);
        assert_eq!(count(json!(["a", {"text": "b"}, [{"text": "c"}]])), 3);
    }
}
