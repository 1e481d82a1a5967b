//! A line of JSON with a query and its documents: `{"query": "…", "documents": ["…", {"id": 7, "text": "…"}]}`.

use serde_json::{Map, Value};

use super::RecordError;
use super::error::Problem;
use super::fields::kind;
use super::fields::{Parsed, check_id, check_text, malformed, missing, settled};
use super::lines::utf8;
use super::object::{Fields, Leaf, value};
use super::origin::Origin;
use crate::record_id::RecordId;

/// A query with the documents to be ordered by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The query; not blank.
    pub query: String,
    /// The documents; at least one.
    pub documents: Vec<Document>,
    /// The number of documents to write, where the line names one; at least 1.
    pub top_n: Option<usize>,
}

/// The field of the number of documents to write, as in requests over HTTP.
const TOP_N: &str = "top_n";

/// One of a query's documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its id, where it is an object that has one.
    pub id: Option<RecordId>,
    pub text: String,
}

/// Reads a line. Of `fields` the id is the line's, and both are those of documents that are objects.
pub(super) fn parse(line: &[u8], fields: &Fields, origin: &Origin) -> Parsed<Query> {
    let line = match utf8(line, origin) {
        Ok(line) => line,
        Err(error) => return Parsed::failed(error),
    };
    let names = [Some("query"), Some("documents"), Some(TOP_N), Some(fields.text.as_str()), fields.id.as_deref()];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    match value(line, Some(&names), fields.id.as_deref()) {
        Ok(Value::Object(mut object)) => {
            let id = id(&mut object, fields).and_then(|id| check_id(id, line, fields));
            settled(id, query(object, line, fields), Vec::new(), origin)
        }
        Ok(other) => Parsed::failed(RecordError::new(origin, Problem::NotAQuery { found: kind(&other) })),
        Err(error) => Parsed::failed(RecordError::new(origin, malformed(&error))),
    }
}

fn query(mut object: Map<String, Value>, line: &str, fields: &Fields) -> Result<Query, Problem> {
    let absent = |field| move || missing(field, line, "");
    let query = check_text(leaf(&mut object, "query"), "query", absent("query"))?;
    if query.trim().is_empty() {
        return Err(Problem::Empty { field: "the query" });
    }
    let top_n = match object.remove(TOP_N) {
        None | Some(Value::Null) => None,
        Some(value) => {
            let number = value.as_u64().and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
            let found = if value.is_number() { "another number" } else { kind(&value) };
            let wanted = "a whole number of at least 1";
            let wrong = || Problem::WrongType { field: TOP_N.into(), wanted, found };
            Some(number.ok_or_else(wrong)?)
        }
    };
    let documents = match object.remove("documents") {
        Some(Value::Array(documents)) if documents.is_empty() => {
            return Err(Problem::Empty { field: "the list of documents" });
        }
        Some(Value::Array(documents)) => documents,
        Some(other) => {
            let (field, found) = ("documents".to_owned(), kind(&other));
            return Err(Problem::WrongType { field, wanted: "an array", found });
        }
        None => return Err(absent("documents")()),
    };
    let read = |(i, value)| document(i, value, fields);
    let documents = documents.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(Query { query, documents, top_n })
}

/// A string, or an object with a text and perhaps an id.
fn document(i: usize, value: Value, fields: &Fields) -> Result<Document, Problem> {
    let field = format!("documents[{i}]");
    match value {
        Value::String(text) => Ok(Document { id: None, text }),
        Value::Object(mut object) => {
            let id = check_id(id(&mut object, fields)?, "", &Fields { id_required: false, ..fields.clone() })?;
            let field = format!("{field}.{}", fields.text);
            let text = leaf(&mut object, &fields.text);
            let absent = || Problem::WrongType { field: field.clone(), wanted: "a string", found: "missing (--field)" };
            Ok(Document { id, text: check_text(text, &field, absent)? })
        }
        other => Err(Problem::WrongType { field, wanted: "a string or an object", found: kind(&other) }),
    }
}

/// Takes the value of a field.
fn leaf(object: &mut Map<String, Value>, field: &str) -> Option<Leaf> {
    object.remove(field).map(|value| match value {
        Value::String(text) => Leaf::Text(text),
        other => Leaf::Other(kind(&other)),
    })
}

/// Takes the id.
fn id(object: &mut Map<String, Value>, fields: &Fields) -> Result<Option<Result<RecordId, &'static str>>, Problem> {
    let json = fields.id.as_ref().and_then(|field| object.remove(field));
    let read = |json: &str| RecordId::read(serde_json::from_str(json)?);
    json.as_ref().and_then(Value::as_str).map(read).transpose().map_err(|error| malformed(&error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::input::Options;

    fn read(line: &str) -> (Option<RecordId>, Result<Query, String>) {
        let origin = Origin { file: "f".into(), line: 3 };
        let Parsed { id, content: query, .. } = parse(line.as_bytes(), &Fields::of(&Options::default()), &origin);
        (id, query.map_err(|e| e.to_string()))
    }

    #[test]
    fn texts_and_objects() {
        let line =
            r#"{"id": "q1", "query": "Q", "documents": ["a", {"id": 7.10, "text": "b", "x": [1]}, ""], "more": {}}"#;
        let (id, query) = read(line);
        let document = |id: Option<&str>, text: &str| Document {
            id: id.map(|id| RecordId::Literal(id.into())),
            text: text.into(),
        };
        assert_eq!(id, Some(RecordId::Text("q1".into())));
        let documents = vec![document(None, "a"), document(Some("7.10"), "b"), document(None, "")];
        assert_eq!(query.unwrap(), Query { query: "Q".into(), documents, top_n: None });
        let line = r#"{"query": "Q", "documents": ["a"], "top_n": 3}"#;
        assert_eq!(read(line).1.unwrap().top_n, Some(3));
    }

    #[test]
    fn a_field_comes_once() {
        for line in [
            r#"{"query":"a","query":"b","documents":["x"]}"#,
            r#"{"query":"a","documents":["x"],"documents":["y"]}"#,
            r#"{"id":1,"query":"a","id":2,"documents":["x"]}"#,
            r#"{"query":"a","documents":[{"text":"x","text":"y"}]}"#,
        ] {
            let (id, query) = read(line);
            assert!(id.is_none() && query.unwrap_err().contains("twice"), "{line}");
        }
        assert!(read(r#"{"query":"a","x":1,"x":2,"documents":["x"]}"#).1.is_ok());
    }

    #[test]
    fn query_errors_name_the_field_and_keep_the_id() {
        let cases = [
            (r#"{"id":1,"documents":["a"]}"#, "there is no field \"query\"; there are: \"id\", \"documents\""),
            (r#"{"id":1,"query":"  ","documents":["a"]}"#, "the query is empty"),
            (r#"{"id":1,"query":3,"documents":["a"]}"#, "field \"query\" must be a string, but is a number"),
            (
                r#"{"id":1,"query":"q","documents":["a"],"top_n":0}"#,
                "field \"top_n\" must be a whole number of at least 1, but is another number",
            ),
            (r#"{"id":1,"query":"q"}"#, "there is no field \"documents\"; there are: \"id\", \"query\""),
            (r#"{"id":1,"query":"q","documents":[]}"#, "the list of documents is empty"),
            (r#"{"id":1,"query":"q","documents":"a"}"#, "field \"documents\" must be an array, but is a string"),
            (
                r#"{"id":1,"query":"q","documents":["a",null]}"#,
                "field \"documents[1]\" must be a string or an object, but is null",
            ),
            (
                r#"{"id":1,"query":"q","documents":[{"body":"x"}]}"#,
                "field \"documents[0].text\" must be a string, but is missing (--field)",
            ),
            (
                r#"{"id":1,"query":"q","documents":[{"text":["x"]}]}"#,
                "field \"documents[0].text\" must be a string, but is an array",
            ),
        ];
        for (line, expected) in cases {
            let (id, query) = read(line);
            assert_eq!(query.unwrap_err(), format!("f:3: {expected}"), "{line}");
            assert_eq!(id, Some(RecordId::Literal("1".into())), "{line}");
        }
        let (id, query) = read("[1]");
        assert!(id.is_none() && query.unwrap_err().contains("\"query\" and \"documents\", found an array"));
        assert!(read("Paris is in France").1.unwrap_err().contains("malformed JSON"));
    }
}
