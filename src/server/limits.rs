//! Limits of requests and responses.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum inputs of one request.
    pub client_batch: usize,
    pub concurrent_requests: usize,
    /// Maximum bytes of a request body, after decompression.
    pub body: usize,
    /// Maximum bytes of a response with token vectors or tokens.
    pub reply: usize,
    /// Maximum bytes of the request bodies and large responses of all requests together.
    pub memory: usize,
    /// Maximum time that a request waits for an unloaded model to be loaded again.
    pub model_return: Duration,
}

/// Typical bytes of a number in a response: as JSON, or as float32 and as JSON in pieces.
const NUMBER_BYTES: usize = 12;

impl Limits {
    /// Maximum numbers in a response; [`Limits::reply`] has the bytes.
    pub fn reply_numbers(&self) -> usize {
        self.reply / NUMBER_BYTES
    }

    /// Bytes that `numbers` numbers take as float32 and as JSON while the response is sent.
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
