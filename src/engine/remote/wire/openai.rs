//! OpenAI's `/embeddings`, and the list of vectors that Infinity, Jina and infa answer with, too.
//!
//! <https://platform.openai.com/docs/api-reference/embeddings>

use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

use super::{Abilities, Parameters, Protocol, RemoteTask, Scored, first_version, set};
use crate::engine::Role;
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};
use crate::model::{Setting, SettingError};

pub(crate) struct Openai {
    prefix: &'static [&'static str],
    queried: bool,
    model: Option<String>,
}

impl Openai {
    pub(crate) fn of(url: &Url) -> Self {
        Self::after(first_version(url))
    }

    /// With `prefix` before every path.
    pub(crate) fn after(prefix: &'static [&'static str]) -> Self {
        Self { prefix, queried: false, model: None }
    }

    fn path<'p>(&self, path: &'p str) -> Vec<&'p str> {
        self.prefix.iter().copied().chain([path]).collect()
    }
}

impl Protocol for Openai {
    fn abilities(&self) -> Abilities {
        Abilities { reranks: false, ..Abilities::PLAIN }
    }

    fn next_query(&self, parameters: &Parameters) -> Option<Request> {
        (parameters.model.is_none() && !self.queried).then(|| Request::get(&self.path("models")))
    }

    fn read_reply(
        &mut self,
        parameters: &mut Parameters,
        task: RemoteTask,
        reply: Result<&Reply, &RemoteError>,
    ) -> Result<(), SettingError> {
        self.queried = true;
        let Some(models) = reply.ok().and_then(|reply| models(&reply.body)) else { return Ok(()) };
        parameters.model = choose(&models, task, false)?;
        self.model.clone_from(&parameters.model);
        Ok(())
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn embed(&self, parameters: &Parameters, _: Role, texts: &[&str]) -> Request {
        let mut body = json!({"input": texts, "encoding_format": "float"});
        set(&mut body, "model", parameters.model.as_deref());
        set(&mut body, "dimensions", parameters.dimensions);
        Request::post(&self.path("embeddings"), &body, texts.len())
    }

    fn rerank(&self, _: &Parameters, _: &str, documents: &[&str]) -> Request {
        Request::post(&self.path("rerank"), &json!({}), documents.len())
    }

    fn reranked(&self, _: &Reply, _: usize) -> Result<Scored, RemoteError> {
        Err(RemoteError::shape("OpenAI's API ranks no documents"))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ListedModel {
    id: String,
    /// Infinity's: "embed", "rerank", "classify".
    #[serde(default)]
    capabilities: Vec<String>,
    /// The field in which vLLM and infa list further names of a model: entries of one root are one model.
    root: Option<String>,
}

/// `{"data":[{"id","capabilities"?}]}`; `None` for anything else.
pub(super) fn models(body: &[u8]) -> Option<Vec<ListedModel>> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<ListedModel>,
    }
    let List { data } = serde_json::from_slice(body).ok()?;
    Some(data)
}

const MAX_NAMED: usize = 8;

/// The only model that can do it. With `first`, the first of those that can, as servers themselves choose that run a
/// few. `None` if the server lists none.
pub(super) fn choose(models: &[ListedModel], task: RemoteTask, first: bool) -> Result<Option<String>, SettingError> {
    let unclear = |what: &str| {
        let mut names: Vec<&str> = models.iter().map(|model| model.id.as_str()).take(MAX_NAMED).collect();
        let more = (models.len() > MAX_NAMED).then(|| format!("and {} more", models.len() - MAX_NAMED));
        names.extend(more.as_deref());
        Err(SettingError::new(Setting::ModelId, format!("{what}: {}", names.join(", "))))
    };
    let word = task.word();
    let says = |model: &ListedModel, word: &str| model.capabilities.iter().any(|capability| capability == word);
    let can = |model: &&ListedModel| model.capabilities.is_empty() || says(model, word);
    let is_first = |(index, model): &(usize, &ListedModel)| {
        let earlier = models.iter().take(*index);
        model.root.is_none() || !earlier.into_iter().any(|earlier| earlier.root == model.root)
    };
    let once = models.iter().enumerate().filter(is_first).map(|(_, model)| model);
    let mut able: Vec<&ListedModel> = once.filter(can).collect();
    // A model that also embeds compares vectors; a model for ranking alone is better.
    if task == RemoteTask::Scores && able.iter().any(|model| !says(model, "embed")) {
        able.retain(|model| !says(model, "embed"));
    }
    match able[..] {
        _ if models.is_empty() => Ok(None),
        [] => unclear(&format!("none of the server's models says that it can {word}; name one to try it all the same")),
        [model, ..] if first || able.len() == 1 => Ok(Some(model.id.clone())),
        _ => unclear("the server has several models; name one of them"),
    }
}
