//! Traces of requests, as a collector receives them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use serde_json::json;

use crate::running::{Server, command, fixture};

/// Nothing takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Collects the bodies posted to `/v1/traces`.
fn collector() -> (String, Receiver<ExportTraceServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || take(stream, &sender));
        }
    });
    (url, receiver)
}

fn take(stream: TcpStream, sender: &Sender<ExportTraceServiceRequest>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
        let length = head.split("content-length: ").nth(1)?.lines().next()?.trim().parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        sender.send(ExportTraceServiceRequest::decode(&body[..]).unwrap()).ok()?;
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()? {
        AnyValue { value: Some(Value::StringValue(text)) } => Some(text.clone()),
        AnyValue { value: Some(Value::IntValue(number)) } => Some(number.to_string()),
        other => panic!("{key}: {other:?}"),
    }
}

#[test]
fn a_request_continues_the_callers_trace_and_shows_its_times() {
    let (url, received) = collector();
    let mut command = command(&["--model-id", &fixture("bert-tiny"), "--otlp-endpoint", &url]);
    command.env("OTEL_BSP_SCHEDULE_DELAY", "20").args(["--otlp-service-name", "search"]);
    let server = Server::spawn(command);
    server.wait_until_ready();
    let (trace, caller) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let reply = server
        .client
        .post(format!("{}/v1/embeddings", server.url))
        .header("traceparent", format!("00-{trace}-{caller}-01"))
        .json(&json!({"input": ["hello", "world"]}))
        .send()
        .unwrap();
    assert_eq!(reply.status(), 200);

    let mut spans: Vec<Span> = Vec::new();
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    while spans.len() < 4 {
        let request = received.recv_timeout(PATIENCE).unwrap();
        for resource in request.resource_spans {
            let service = attribute(&resource.resource.unwrap().attributes, "service.name");
            assert_eq!(service.as_deref(), Some("search"));
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
        // Those of /readyz have traces of their own.
        spans.retain(|span| hex(&span.trace_id) == trace);
    }
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}"));
    let request = named("POST /v1/embeddings");
    assert_eq!(hex(&request.parent_span_id), caller);
    assert_eq!(request.kind, SpanKind::Server as i32);
    assert_eq!(attribute(&request.attributes, "http.route").as_deref(), Some("/v1/embeddings"));
    assert_eq!(attribute(&request.attributes, "http.response.status_code").as_deref(), Some("200"));
    let mut end = request.start_time_unix_nano;
    for name in ["tokenize", "queue", "infer"] {
        let phase = named(name);
        assert_eq!(phase.parent_span_id, request.span_id, "{name}");
        assert!(phase.start_time_unix_nano >= end && phase.end_time_unix_nano >= phase.start_time_unix_nano, "{name}");
        end = phase.end_time_unix_nano;
    }
}

#[test]
fn a_collector_that_is_not_there_disturbs_nothing() {
    // No server listens on this port.
    let mut command = command(&["--model-id", &fixture("bert-tiny"), "--otlp-endpoint", "http://127.0.0.1:9"]);
    command.env("OTEL_BSP_SCHEDULE_DELAY", "1");
    let mut server = Server::spawn(command);
    server.wait_until_ready();
    for _ in 0..20 {
        assert_eq!(server.ask("/embeddings", &json!({"input": ["hello"]})).0, 200);
    }
    server.terminate();
    assert!(server.wait().success());
    let reported = server.stderr();
    assert_eq!(reported.matches("traces cannot be sent").count(), 1, "{reported}");
}

#[test]
fn an_endpoint_must_be_a_url() {
    let output = command(&["--otlp-endpoint", "localhost:4318"]).output().unwrap();
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{reported}");
    assert!(reported.contains("--otlp-endpoint") && reported.contains("http://"), "{reported}");
}
