//! Frames between infa and a Python process, over its pipes.
//!
//! A frame is 4 bytes, the length of the header; 8 bytes, the length of the payload (both little-endian); the header, a
//! JSON object; and the payload. Texts go there as UTF-8 bytes one after the other, their lengths in the header; vectors
//! come back as little-endian float32 numbers, row by row.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Most bytes of text in a request.
pub(super) const MOST_TEXT: usize = 256 << 20;
/// Largest header that is read.
const MOST_HEADER: usize = 1 << 20;
/// Largest payload that is read: 64 thousand vectors of 4096 numbers.
const MOST_PAYLOAD: u64 = 1 << 30;
/// Bytes before the header.
const LENGTHS: usize = 12;

#[derive(Debug, Serialize)]
pub(super) struct Question<'a> {
    pub id: u64,
    /// `embed` or `rerank`.
    #[serde(rename = "do")]
    pub what: &'a str,
    /// The role of the texts: `text`, `query` or `document`.
    pub role: &'a str,
    /// Length of each text in bytes.
    pub lengths: &'a [usize],
}

#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub id: u64,
    /// The error, if there is no result.
    #[serde(default)]
    pub error: Option<String>,
    /// The location of the error.
    #[serde(default)]
    pub trace: String,
    /// Rows in the payload.
    #[serde(default)]
    pub count: usize,
    /// Numbers in a row.
    #[serde(default)]
    pub width: usize,
    /// Tokens the model saw.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// Texts that were cut.
    #[serde(default)]
    pub truncated: Option<u64>,
}

/// A frame, its header read.
#[derive(Debug)]
pub(super) struct Frame<H> {
    pub header: H,
    pub payload: Vec<u8>,
}

/// The reason that no frame arrived.
#[derive(Debug)]
pub(super) enum NoFrame {
    /// The pipe was closed between two frames, or within one.
    Closed,
    /// Bytes that are not a frame.
    Garbage(String),
}

pub(super) fn frame(header: &impl Serialize, payload: &[&str]) -> Result<Vec<u8>, serde_json::Error> {
    let header = serde_json::to_vec(header)?;
    let bytes = payload.iter().map(|part| part.len()).sum::<usize>();
    let mut frame = Vec::with_capacity(LENGTHS + header.len() + bytes);
    frame.extend((header.len() as u32).to_le_bytes());
    frame.extend((bytes as u64).to_le_bytes());
    frame.extend(header);
    payload.iter().for_each(|part| frame.extend(part.as_bytes()));
    Ok(frame)
}

pub(super) async fn write(into: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> std::io::Result<()> {
    into.write_all(frame).await?;
    into.flush().await
}

/// Reads the next frame. Not to be dropped half-way: what was read is lost then.
pub(super) async fn read<H: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> Result<Frame<H>, NoFrame> {
    let mut lengths = [0; LENGTHS];
    from.read_exact(&mut lengths).await.map_err(|_| NoFrame::Closed)?;
    let (header, payload) = lengths.split_at(4);
    let header = header.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte));
    let payload = payload.iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte));
    if header > MOST_HEADER || payload > MOST_PAYLOAD {
        return Err(NoFrame::Garbage(format!("it announces {header} + {payload} bytes")));
    }
    let mut bytes = vec![0; header];
    from.read_exact(&mut bytes).await.map_err(|_| NoFrame::Closed)?;
    let header = serde_json::from_slice(&bytes).map_err(|e| NoFrame::Garbage(e.to_string()))?;
    // Grows with what really comes.
    let mut bytes = Vec::new();
    from.take(payload).read_to_end(&mut bytes).await.map_err(|_| NoFrame::Closed)?;
    if (bytes.len() as u64) < payload {
        return Err(NoFrame::Closed);
    }
    Ok(Frame { header, payload: bytes })
}

/// The rows of an answer to `count` inputs.
pub(super) fn rows(Frame { header, payload }: &Frame<Answer>, count: usize) -> Result<Vec<Vec<f32>>, String> {
    let Answer { count: rows, width, .. } = *header;
    if rows != count {
        return Err(format!("{rows} results for {count} inputs"));
    }
    let bytes = rows.checked_mul(width).and_then(|numbers| numbers.checked_mul(size_of::<f32>()));
    if bytes != Some(payload.len()) {
        return Err(format!("{} bytes for {rows} results of {width} numbers", payload.len()));
    }
    if rows > 0 && width == 0 {
        return Err("the results have no numbers".into());
    }
    let number = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
    let row = |row: &[u8]| row.as_chunks().0.iter().map(number).collect();
    Ok(payload.chunks_exact((width * size_of::<f32>()).max(1)).map(row).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn answer(count: usize, width: usize, payload: Vec<u8>) -> Frame<Answer> {
        let header = Answer { id: 0, error: None, trace: String::new(), count, width, tokens: None, truncated: None };
        Frame { header, payload }
    }

    #[tokio::test]
    async fn frames_round_trip() {
        let question = Question { id: 7, what: "embed", role: "text", lengths: &[2, 0, 4] };
        let bytes = frame(&question, &["ab", "", "ä€"[..2].into(), "xy"]).unwrap();
        let Frame { header, payload } = read::<serde_json::Value>(&mut &bytes[..]).await.unwrap();
        assert_eq!(header, serde_json::json!({"id": 7, "do": "embed", "role": "text", "lengths": [2, 0, 4]}));
        assert_eq!(payload, "abäxy".as_bytes());
        for end in 0..bytes.len() {
            assert!(matches!(read::<serde_json::Value>(&mut &bytes[..end]).await, Err(NoFrame::Closed)), "{end}");
        }
    }

    #[tokio::test]
    async fn garbage_is_reported() {
        for bytes in [&b"Traceback (most recent call last)"[..], b"\x02\0\0\0\0\0\0\0\0\0\0\0{]"] {
            assert!(matches!(read::<Answer>(&mut &bytes[..]).await, Err(NoFrame::Garbage(_))));
        }
    }

    #[test]
    fn rows_are_exactly_what_was_announced() {
        let numbers = [1.5f32, f32::MIN_POSITIVE, -0.0, f32::from_bits(0x7fc0_0001)];
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let read = rows(&answer(2, 2, bytes.clone()), 2).unwrap();
        let bits: Vec<u32> = read.iter().flatten().map(|n| n.to_bits()).collect();
        assert_eq!(bits, numbers.map(f32::to_bits));
        assert!(rows(&answer(2, 2, bytes.clone()), 3).unwrap_err().contains("2 results for 3 inputs"));
        assert!(rows(&answer(2, 3, bytes.clone()), 2).unwrap_err().contains("16 bytes"));
        assert!(rows(&answer(usize::MAX, 8, bytes), usize::MAX).is_err());
        assert!(rows(&answer(1, 0, vec![]), 1).unwrap_err().contains("no numbers"));
        assert_eq!(rows(&answer(0, 0, vec![]), 0), Ok(vec![]));
    }
}
