//! What bounds a request.

use std::time::Duration;

/// Limits of requests and replies.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum inputs of one request.
    pub client_batch: usize,
    pub concurrent_requests: usize,
    /// Maximum bytes of a request's body, after decompression.
    pub body: usize,
    /// Maximum bytes of a reply with vectors of tokens, or with tokens.
    pub reply: usize,
    /// Maximum bytes of the bodies and large replies of all requests that are being served.
    pub memory: usize,
    /// How long a request waits for a model that was idle and comes back.
    pub model_return: Duration,
}

/// Typical bytes of a number in a reply: as JSON, or as float32 and as JSON in pieces.
const NUMBER_BYTES: usize = 12;

impl Limits {
    /// Maximum numbers of a reply ([`Limits::reply`]).
    pub fn reply_numbers(&self) -> usize {
        self.reply / NUMBER_BYTES
    }

    /// Bytes that `numbers` numbers take as float32, and as JSON while the reply is sent.
    pub fn bytes_of(numbers: usize) -> usize {
        numbers.saturating_mul(size_of::<f32>() + NUMBER_BYTES)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            client_batch: 2048,
            concurrent_requests: 512,
            body: 32 << 20,
            reply: 128 << 20,
            memory: 512 << 20,
            model_return: Duration::from_secs(60),
        }
    }
}
