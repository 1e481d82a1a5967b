//! Engines for tests that wait for each request.

use std::future::Future;
use std::sync::Arc;

use infa::parts::engine::{
    Completed, Embedding, Engine, Input, LocalInfo, Output, OutputKind, OutputOf, Request, RequestOptions, Role,
    SparseEmbedding, SubmitError, TextError, TokenEmbeddings,
};
use infa::parts::model::Model;

/// Blocks until `work` is done.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// The logits of an input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prediction {
    pub logits: Vec<f32>,
    pub tokens: usize,
    pub truncated: bool,
}

impl OutputOf for Prediction {
    const KIND: OutputKind = OutputKind::Logits;

    fn of(Output { logits, tokens, truncated, .. }: Output) -> Option<Self> {
        Some(Self { logits: logits?, tokens: tokens?, truncated: truncated? })
    }
}

/// Requests that are waited for.
pub(crate) trait Blocking: Engine {
    fn request(
        &self,
        kind: OutputKind,
        inputs: Vec<Input>,
        options: &RequestOptions,
    ) -> Result<Completed, SubmitError> {
        let pending = self.submit(Request::new(kind, inputs, options.clone()))?;
        wait(pending)
    }

    fn of_texts<T: OutputOf>(&self, kind: OutputKind, texts: &[&str], role: Role) -> Vec<Result<T, TextError>> {
        let inputs = texts.iter().map(|&text| text.into()).collect();
        self.request(kind, inputs, &RequestOptions { role, ..RequestOptions::default() }).unwrap().results_as()
    }

    fn embed(&self, texts: &[&str], role: Role) -> Vec<Result<Embedding, TextError>> {
        self.of_texts(OutputKind::Embedding, texts, role)
    }

    fn embed_sparse(&self, texts: &[&str], role: Role) -> Vec<Result<SparseEmbedding, TextError>> {
        self.of_texts(OutputKind::Sparse, texts, role)
    }

    fn embed_tokens(&self, texts: &[&str], role: Role) -> Vec<Result<TokenEmbeddings, TextError>> {
        self.of_texts(OutputKind::TokenVectors, texts, role)
    }

    fn predict(&self, inputs: &[Input]) -> Vec<Result<Prediction, TextError>> {
        self.request(OutputKind::Logits, inputs.to_vec(), &RequestOptions::default()).unwrap().results_as()
    }

    fn local(&self) -> Arc<LocalInfo> {
        Arc::clone(self.info().local.as_ref().unwrap())
    }

    fn model(&self) -> Arc<Model> {
        Arc::clone(&self.local().model)
    }
}

impl<E: Engine + ?Sized> Blocking for E {}
