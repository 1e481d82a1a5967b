//! Documents in the order of their scores: for one query, or for one query after the other.
//!
//! For one query each document is a JSON object of its own; for many, each query is one with `"results"`. In CSV and in
//! tables the documents are rows either way.

use std::io::Write;

use super::embeddings::csv::{id, quoted};
use super::file::sink::Sink;
use super::hit::{Hit, Ranking, RankingFormat};
use super::objects::Objects;
use super::value::{head, json, member};
use super::{Destination, OutputError, table};

/// Takes documents in the order of their scores.
pub(crate) struct RankingWriter {
    inner: Inner,
    /// Rank of the next document.
    rank: u64,
}

enum Inner {
    Table { sink: Sink, rows: table::Rows },
    Objects(Objects),
    Csv { sink: Sink, documents: bool },
}

impl RankingWriter {
    /// Opens `destination` for one query, or for `many`; `documents`: their texts are written, too.
    pub(crate) fn open(
        format: RankingFormat,
        destination: &Destination,
        many: bool,
        documents: bool,
    ) -> Result<Self, OutputError> {
        let mut sink = Sink::open(destination)?;
        let inner = match format {
            RankingFormat::Table => Inner::Table { sink, rows: table::Rows::default() },
            RankingFormat::Jsonl => Inner::Objects(Objects::new(sink, false)),
            RankingFormat::Json => Inner::Objects(Objects::new(sink, true)),
            RankingFormat::Csv => {
                let out = sink.buffer();
                out.extend_from_slice(if many { b"query,query_id," } else { b"" });
                out.extend_from_slice(b"rank,index,id,score,error");
                out.extend_from_slice(if documents { b",document\n" } else { b"\n" });
                Inner::Csv { sink, documents }
            }
        };
        Ok(Self { inner, rank: 0 })
    }

    /// Writes the next document of the one query.
    pub(crate) fn hit(&mut self, hit: &Hit) -> Result<(), OutputError> {
        self.rank += u64::from(hit.outcome.is_ok());
        match &mut self.inner {
            Inner::Table { rows, .. } => {
                rows.push(self.rank, hit);
                Ok(())
            }
            Inner::Objects(objects) => objects.write(|out| object(hit, out)),
            Inner::Csv { sink, documents } => {
                csv_row(self.rank, hit, *documents, sink.buffer());
                sink.settle()
            }
        }
    }

    /// Writes the documents of the next query of many.
    pub(crate) fn ranking(&mut self, ranking: &Ranking<'_>) -> Result<(), OutputError> {
        match &mut self.inner {
            Inner::Table { sink, rows } => {
                table::heading(ranking, sink.buffer());
                let hits = ranking.outcome.unwrap_or_default();
                let mut rank = 0;
                for hit in hits {
                    rank += u64::from(hit.outcome.is_ok());
                    rows.push(rank, hit);
                }
                std::mem::take(rows).append_to(sink.buffer());
                sink.settle()
            }
            Inner::Objects(objects) => objects.write(|out| {
                head(ranking.index, ranking.id, out);
                match ranking.outcome {
                    Ok(hits) => {
                        out.extend_from_slice(b",\"results\":[");
                        for (i, hit) in hits.iter().enumerate() {
                            if i > 0 {
                                out.push(b',');
                            }
                            object(hit, out);
                        }
                        out.push(b']');
                    }
                    Err(error) => member("error", error, out),
                }
                out.push(b'}');
            }),
            Inner::Csv { sink, documents } => {
                let begin = |out: &mut Vec<u8>| {
                    json(&ranking.index, out);
                    out.push(b',');
                    id(ranking.id, out);
                    out.push(b',');
                };
                match ranking.outcome {
                    Ok(hits) => {
                        let mut rank = 0;
                        for hit in hits {
                            rank += u64::from(hit.outcome.is_ok());
                            begin(sink.buffer());
                            csv_row(rank, hit, *documents, sink.buffer());
                        }
                    }
                    Err(error) => {
                        let out = sink.buffer();
                        begin(out);
                        out.extend_from_slice(b",,,,");
                        quoted(error, out);
                        out.extend_from_slice(if *documents { b",\n" } else { b"\n" });
                    }
                }
                sink.settle()
            }
        }
    }

    /// Hands everything so far to the system.
    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        match &mut self.inner {
            Inner::Objects(objects) => objects.flush(),
            Inner::Table { sink, .. } | Inner::Csv { sink, .. } => sink.flush(),
        }
    }

    /// Writes what remains; a file takes its name only now.
    pub(crate) fn finish(self) -> Result<(), OutputError> {
        match self.inner {
            Inner::Objects(objects) => objects.finish(),
            Inner::Csv { sink, .. } => sink.finish(),
            Inner::Table { mut sink, rows } => {
                rows.append_to(sink.buffer());
                sink.finish()
            }
        }
    }
}

/// `{"index":…,"id":…,"score":…,"document":…}`
fn object(hit: &Hit, out: &mut Vec<u8>) {
    head(hit.index, hit.id.as_ref(), out);
    match &hit.outcome {
        Ok(score) => member("score", score, out),
        Err(error) => member("error", error, out),
    }
    if let Some(document) = &hit.document {
        member("document", document, out);
    }
    out.push(b'}');
}

/// `rank,index,id,score,error`, and with `documents` the document.
fn csv_row(rank: u64, hit: &Hit, documents: bool, out: &mut Vec<u8>) {
    if hit.outcome.is_ok() {
        json(&rank, out);
    }
    // Writing to memory does not fail.
    let _ = write!(out, ",{},", hit.index);
    id(hit.id.as_ref(), out);
    out.push(b',');
    match &hit.outcome {
        Ok(score) => {
            json(score, out);
            out.push(b',');
        }
        Err(error) => {
            out.push(b',');
            quoted(error, out);
        }
    }
    if documents {
        out.push(b',');
        quoted(hit.document.as_deref().unwrap_or_default(), out);
    }
    out.push(b'\n');
}
