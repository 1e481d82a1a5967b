//! The trait that every protocol implements, and what goes in and out of it.

use reqwest::Url;

use super::results::{Embedded, Labelled, Scored, embeddings, rankings};
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};
use crate::engine::{Input, Role};
use crate::model::SettingError;
use crate::model::tokenizer::Truncate;

/// The parameters of a request, apart from the inputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Parameters {
    pub model: Option<String>,
    pub dimensions: Option<usize>,
    pub normalize: Option<bool>,
    /// Text before each input, where the protocol carries it.
    pub prompt: Option<String>,
    pub prompt_name: Option<String>,
    pub truncate: Option<Truncate>,
    /// True if scores are requested without an activation function.
    pub raw_scores: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteTask {
    /// Vectors of texts, embedded as this.
    Vectors(Role),
    Scores,
    /// Labels of texts, or of pairs of texts.
    Labels {
        pairs: bool,
    },
}

impl RemoteTask {
    /// Its name in infa's and Infinity's list of models.
    pub fn word(self) -> &'static str {
        match self {
            Self::Vectors(_) => "embed",
            Self::Scores => "rerank",
            Self::Labels { .. } => "classify",
        }
    }
}

/// The support for embedding texts as queries or as documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roles {
    /// No: every text is a text.
    No,
    Yes,
    /// They must: there are no other texts.
    Always,
}

/// The parameters that a protocol supports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abilities {
    pub embeds: bool,
    pub reranks: bool,
    /// Labels of texts, and of pairs of texts.
    pub classifies: bool,
    pub classifies_pairs: bool,
    pub roles: Roles,
    /// Text before each input; elsewhere it is put there before it is sent.
    pub prompt: bool,
    pub prompt_name: bool,
    /// The side of truncation; of pairs, too.
    pub truncate: bool,
    pub truncate_pairs: bool,
    /// Vectors that are not scaled to length 1.
    pub unscaled: bool,
    /// Scores without an activation function; of labels, too.
    pub raw_scores: bool,
    pub raw_labels: bool,
}

impl Abilities {
    /// Nothing but vectors and scores.
    pub(crate) const PLAIN: Self = Self {
        embeds: true,
        reranks: true,
        classifies: false,
        classifies_pairs: false,
        roles: Roles::No,
        prompt: false,
        prompt_name: false,
        truncate: false,
        truncate_pairs: false,
        unscaled: false,
        raw_scores: false,
        raw_labels: false,
    };
}

/// A protocol: requests out of texts, results out of replies.
pub(crate) trait Protocol: Send + Sync {
    fn abilities(&self) -> Abilities;

    /// Puts into `parameters` what the server's URL says.
    fn settle(&mut self, _parameters: &mut Parameters) -> Result<(), SettingError> {
        Ok(())
    }

    /// The next query that must be answered before other requests, such as that for the model's name.
    fn next_query(&self, _parameters: &Parameters) -> Option<Request> {
        None
    }

    /// Reads the reply to the last query, or its failure. May change the parameters.
    fn read_reply(
        &mut self,
        _parameters: &mut Parameters,
        _task: RemoteTask,
        _reply: Result<&Reply, &RemoteError>,
    ) -> Result<(), SettingError> {
        Ok(())
    }

    /// The name of the server's model, if it was queried.
    fn model(&self) -> Option<&str> {
        None
    }

    fn embed(&self, parameters: &Parameters, role: Role, texts: &[&str]) -> Request;

    /// Reads its reply for `count` texts: by default OpenAI's list of vectors.
    fn embedded(&self, reply: &Reply, count: usize) -> Result<Embedded, RemoteError> {
        embeddings(&reply.body, count)
    }

    fn rerank(&self, parameters: &Parameters, query: &str, documents: &[&str]) -> Request;

    /// Reads its reply for `count` documents: by default Cohere's list of results.
    fn reranked(&self, reply: &Reply, count: usize) -> Result<Scored, RemoteError> {
        rankings(&reply.body, count)
    }

    /// A request for the labels of `inputs`; `None` if the protocol has none.
    fn classify(&self, _parameters: &Parameters, _inputs: &[Input]) -> Option<Request> {
        None
    }

    /// Reads its reply for `count` inputs.
    fn classified(&self, _reply: &Reply, _count: usize) -> Result<Labelled, RemoteError> {
        Err(RemoteError::shape("the protocol has no labels"))
    }
}

/// Puts `key` into the JSON object `body`, if there is a value.
pub(crate) fn set(body: &mut serde_json::Value, key: &str, value: Option<impl Into<serde_json::Value>>) {
    if let Some(value) = value {
        body[key] = value.into();
    }
}

/// The protocol of a server whose paths begin at `url`.
pub(crate) fn at(protocol: impl Protocol + 'static, url: &Url) -> (Box<dyn Protocol>, Url) {
    (Box::new(protocol), url.clone())
}

/// Before every path: a URL without a path means the first version of an API.
pub(crate) fn first_version(url: &Url) -> &'static [&'static str] {
    if matches!(url.path(), "" | "/") { &["v1"] } else { &[] }
}
