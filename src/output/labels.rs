//! Labels of inputs, best first: JSON objects, or CSV with a row a label.

use crate::record_id::RecordId;

use super::embeddings::csv::{id, quoted};
use super::file::sink::Sink;
use super::objects::Objects;
use super::value::{head, json, member};
use super::{Destination, OutputError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LabelsFormat {
    /// One JSON object a line
    Jsonl,
    /// One JSON array of the same objects
    Json,
    /// Comma-separated values, a row a label: index, id, label, score, error
    Csv,
}

/// A label and its score.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Label<'a> {
    /// The label's name.
    pub label: &'a str,
    pub score: f64,
}

/// The labels of one input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Labelled<'a> {
    /// Best first.
    pub labels: Vec<Label<'a>>,
    /// Number of tokens the model read, if known.
    pub tokens: Option<usize>,
    /// True if the text was truncated, if known.
    pub truncated: Option<bool>,
}

/// Takes the labels of inputs in order.
pub(crate) struct LabelsWriter(Inner);

enum Inner {
    Objects(Objects),
    Csv(Sink),
}

impl LabelsWriter {
    pub(crate) fn open(format: LabelsFormat, destination: &Destination) -> Result<Self, OutputError> {
        let mut sink = Sink::open(destination)?;
        Ok(Self(match format {
            LabelsFormat::Jsonl => Inner::Objects(Objects::new(sink, false)),
            LabelsFormat::Json => Inner::Objects(Objects::new(sink, true)),
            LabelsFormat::Csv => {
                sink.buffer().extend_from_slice(b"index,id,label,score,error\n");
                Inner::Csv(sink)
            }
        }))
    }

    /// Writes the labels of input `index`, or what went wrong with it.
    pub(crate) fn write(
        &mut self,
        index: u64,
        row_id: Option<&RecordId>,
        outcome: Result<&Labelled<'_>, &str>,
    ) -> Result<(), OutputError> {
        match &mut self.0 {
            Inner::Objects(objects) => objects.write(|out| {
                head(index, row_id, out);
                match outcome {
                    Ok(Labelled { labels, tokens, truncated }) => {
                        member("labels", labels, out);
                        if let Some(tokens) = tokens {
                            member("tokens", tokens, out);
                        }
                        if let Some(truncated) = truncated {
                            member("truncated", truncated, out);
                        }
                    }
                    Err(error) => member("error", error, out),
                }
                out.push(b'}');
            }),
            Inner::Csv(sink) => {
                let out = sink.buffer();
                let begin = |out: &mut Vec<u8>| {
                    json(&index, out);
                    out.push(b',');
                    id(row_id, out);
                    out.push(b',');
                };
                match outcome {
                    Ok(Labelled { labels, .. }) => {
                        for Label { label, score } in labels {
                            begin(out);
                            quoted(label, out);
                            out.push(b',');
                            json(score, out);
                            out.extend_from_slice(b",\n");
                        }
                    }
                    Err(error) => {
                        begin(out);
                        out.extend_from_slice(b",,");
                        quoted(error, out);
                        out.push(b'\n');
                    }
                }
                sink.settle()
            }
        }
    }

    /// Hands everything so far to the system.
    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        match &mut self.0 {
            Inner::Objects(objects) => objects.flush(),
            Inner::Csv(sink) => sink.flush(),
        }
    }

    /// Writes what remains; a file takes its name only now.
    pub(crate) fn finish(self) -> Result<(), OutputError> {
        match self.0 {
            Inner::Objects(objects) => objects.finish(),
            Inner::Csv(sink) => sink.finish(),
        }
    }
}
