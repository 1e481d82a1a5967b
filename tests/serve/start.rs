//! From the command line to the first answer.

use serde_json::json;

use crate::running::{Server, fixture};

#[test]
fn a_text_becomes_a_vector() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let (status, reply) = server.ask("/v1/embeddings", &json!({"input": ["hello", "world"]}));
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["data"].as_array().unwrap().len(), 2);
}
