//! Requests, written before the clock runs, and what is read from their replies once it has stopped.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rayon::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::pool::Pool;

/// How vectors are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// `/v1/embeddings`, numbers in JSON.
    Float,
    /// `/v1/embeddings`, little-endian float32 in base64.
    Base64,
    /// `/embed`, as of text-embeddings-inference.
    Tei,
}

impl Form {
    pub(crate) const ALL: [Self; 3] = [Self::Float, Self::Base64, Self::Tei];
    /// Those of OpenAI's route.
    pub(crate) const OPENAI: [Self; 2] = [Self::Float, Self::Base64];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Base64 => "base64",
            Self::Tei => "tei",
        }
    }
}

/// A request for the vectors of some texts of a pool. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ask {
    pub path: &'static str,
    pub body: Bytes,
    /// Which texts.
    pub texts: Arc<[usize]>,
    form: Form,
}

impl Ask {
    pub(crate) fn new(pool: &Pool, form: Form, texts: impl IntoIterator<Item = usize>) -> Result<Self> {
        let texts: Arc<[usize]> = texts.into_iter().collect();
        let input: Vec<&str> = texts.iter().map(|&i| pool.texts[i].as_str()).collect();
        let (path, body) = match form {
            Form::Float | Form::Base64 => ("/v1/embeddings", json!({"input": input, "encoding_format": form.name()})),
            Form::Tei => ("/embed", json!({"inputs": input, "truncate": true})),
        };
        Ok(Self { path, body: serde_json::to_vec(&body)?.into(), texts, form })
    }

    /// All texts of a pool, in order, so many a request.
    pub(crate) fn batches(pool: &Pool, form: Form, size: usize) -> Result<Vec<Self>> {
        let all: Vec<usize> = (0..pool.texts.len()).collect();
        all.chunks(size).map(|texts| Self::new(pool, form, texts.iter().copied())).collect()
    }

    /// Checks that a reply holds the vectors of its texts, in order, and (of OpenAI's route) their true count of tokens; the
    /// largest difference of any number.
    pub(crate) fn check(&self, reply: &[u8], pool: &Pool) -> Result<f32> {
        let vectors = match self.form {
            Form::Float => self.listed(reply, pool)?,
            Form::Base64 => {
                self.listed(reply, pool)?.iter().map(|text: &String| floats(text)).collect::<Result<_>>()?
            }
            Form::Tei => read::<Vec<Vec<f32>>>(reply)?,
        };
        ensure!(vectors.len() == self.texts.len(), "{} vectors of {} texts", vectors.len(), self.texts.len());
        let mut worst = 0f32;
        for (at, (vector, &text)) in vectors.iter().zip(self.texts.iter()).enumerate() {
            worst = worst.max(pool.check(text, vector).with_context(|| format!("input {at}"))?);
        }
        Ok(worst)
    }

    /// The embeddings of OpenAI's reply, in whatever form.
    fn listed<T: DeserializeOwned>(&self, reply: &[u8], pool: &Pool) -> Result<Vec<T>> {
        let Listing { data, usage } = read(reply)?;
        let tokens: usize = self.texts.iter().map(|&text| pool.tokens(text)).sum();
        ensure!(usage.prompt_tokens == tokens, "{} tokens, not {tokens}", usage.prompt_tokens);
        let misplaced = data.iter().enumerate().find(|(at, datum): &(usize, &Datum<T>)| datum.index != *at);
        ensure!(misplaced.is_none(), "an index that is not the vector's place");
        Ok(data.into_iter().map(|datum| datum.embedding).collect())
    }
}

fn read<T: DeserializeOwned>(reply: &[u8]) -> Result<T> {
    let start = || String::from_utf8_lossy(&reply[..reply.len().min(200)]).into_owned();
    serde_json::from_slice(reply).with_context(start)
}

/// OpenAI's reply, as far as it matters here.
#[derive(Deserialize)]
struct Listing<T> {
    data: Vec<Datum<T>>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Datum<T> {
    index: usize,
    embedding: T,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: usize,
}

fn floats(text: &str) -> Result<Vec<f32>> {
    let bytes = STANDARD.decode(text)?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    ensure!(rest.is_empty(), "{} bytes are no float32", bytes.len());
    Ok(numbers.iter().map(|&number| f32::from_le_bytes(number)).collect())
}

/// Replies that wait to be checked.
#[derive(Clone, Default)]
pub(crate) struct Replies(Arc<Mutex<Vec<(Ask, Bytes)>>>);

impl Replies {
    /// Keeps what it is given.
    pub(crate) fn sink(&self) -> impl Fn(Ask, Bytes) -> Result<()> + Send + Sync + use<> {
        let kept = Arc::clone(&self.0);
        move |ask, reply| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push((ask, reply));
            Ok(())
        }
    }

    /// Checks all that were kept, on all cores, and forgets them; the largest difference of any number.
    pub(crate) fn check(&self, pool: &Pool) -> Result<f32> {
        let kept = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        kept.par_iter().map(|(ask, reply)| ask.check(reply, pool)).try_reduce(|| 0.0, |a, b| Ok(a.max(b)))
    }
}
