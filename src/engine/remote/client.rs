//! Typed requests to a server: texts in, vectors or scores out, or the reason why not. One call is one request.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use clap::ValueEnum;
use reqwest::Url;

use super::error::RemoteError;
use super::http::{Http, Reply, Request};
use super::options::RemoteOptions;
use super::retry;
use super::wire::{Abilities, Embedded, Labelled, Parameters, Protocol, RemoteTask, Roles, Scored};
use crate::engine::cut_and_scale::cut_and_scale;
use crate::engine::{EngineError, EngineKind, EngineSpec, Input, Label, Output, Role, SpecError, TextOptions, checked};
use crate::model::{Setting, SettingError, pooling};
use crate::plural::series;

/// A client of one server. Cheap to clone; all clones share connections.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    spec: EngineSpec,
    http: Http,
    protocol: Box<dyn Protocol>,
    parameters: Parameters,
    /// Put before each text here, where the protocol does not carry it.
    prompt: Option<String>,
    retries: u32,
    /// Length of the vectors, once the first are there.
    width: OnceLock<usize>,
}

/// The support of servers of `spec` for the role of texts.
pub(crate) fn roles(spec: &EngineSpec) -> Roles {
    let located = spec.kind.server().zip(spec.url.as_ref()).map(|(server, url)| (server.protocol)(url));
    located.map_or(Roles::No, |(protocol, _)| protocol.abilities().roles)
}

/// Maximum number of queries about a model, such as its name and its tensors: more would be a loop.
const MAX_QUERIES: usize = 4;
/// A text that no server minds.
const PROBE: &str = "infa";

impl Client {
    /// A client of the server of `spec`. It queries open settings, such as the name of the server's model, but no
    /// vector yet.
    ///
    /// # Errors
    /// [`EngineError::Setting`] if the protocol lacks an option, or the server has several models and none is chosen;
    /// [`EngineError::Remote`] if the server cannot be reached, or refuses access.
    pub async fn connect(
        spec: &EngineSpec,
        task: RemoteTask,
        text: &TextOptions,
        options: &RemoteOptions,
    ) -> Result<Self, EngineError> {
        let refuse = |reason: String| SettingError::new(Setting::Engine, reason);
        let server = spec.kind.server().ok_or_else(|| refuse(format!("{spec} is not a server")))?;
        let no_url = || refuse(SpecError::NoUrl { name: spec.kind.name() }.to_string());
        let (mut protocol, base) = (server.protocol)(spec.url.as_ref().ok_or_else(no_url)?);
        let mut parameters = parameters(spec.kind.name(), protocol.as_ref(), task, text, options)?;
        let prompt = if protocol.abilities().prompt && matches!(task, RemoteTask::Vectors(_)) {
            None
        } else {
            std::mem::take(&mut parameters.prompt)
        };
        let named = options.model.is_some();
        let fail = |error| remote(spec, options, named, error);
        let of_spec = |e: SettingError| SettingError { reason: format!("{spec}: {}", e.reason), ..e };
        protocol.settle(&mut parameters).map_err(of_spec)?;
        let http = Http::new(&base, options).map_err(fail)?;
        for _ in 0..MAX_QUERIES {
            let Some(query) = protocol.next_query(&parameters) else { break };
            let reply = with_retries(&http, &query, options.retries).await;
            // Not every server answers such questions; but one that is not there will not answer others either.
            if let Err(error) = &reply
                && !matches!(error, RemoteError::Status { code: 400 | 403 | 404 | 405 | 422 | 501, .. })
            {
                return Err(fail(error.clone()));
            }
            protocol.read_reply(&mut parameters, task, reply.as_ref()).map_err(of_spec)?;
        }
        let (spec, retries) = (spec.clone(), options.retries);
        Ok(Self(Arc::new(Shared { spec, http, protocol, parameters, prompt, retries, width: OnceLock::new() })))
    }

    pub fn spec(&self) -> &EngineSpec {
        &self.0.spec
    }

    /// The user's model, or the server's.
    pub fn model(&self) -> Option<&str> {
        self.0.parameters.model.as_deref().or_else(|| self.0.protocol.model())
    }

    /// The vectors of `texts`, by one request (and its retries, if enabled).
    ///
    /// One for each text, all of the same length as all others of this client. Their numbers are not checked here:
    /// [`crate::engine::Checked`] does that.
    pub async fn embed(&self, texts: &[&str], role: Role) -> Result<Embedded, RemoteError> {
        let Shared { protocol, parameters, prompt, .. } = &*self.0;
        let texts: Vec<Cow<'_, str>> = texts.iter().map(|text| before(prompt.as_deref(), text)).collect();
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let reply = self.send(&protocol.embed(parameters, role, &texts)).await?;
        let mut embedded = protocol.embedded(&reply, texts.len()).map_err(|e| self.0.http.unfit(&reply, e))?;
        for vector in &mut embedded.values {
            cut_and_scale(vector, parameters.dimensions, parameters.normalize, pooling::ROUNDING_OF_REPLIES)
                .map_err(RemoteError::shape)?;
        }
        if let Some(width) = embedded.values.first().map(Vec::len) {
            let usual = *self.0.width.get_or_init(|| width);
            if width != usual {
                return Err(RemoteError::shape(format!("vectors of {width} dimensions, and before of {usual}")));
            }
        }
        Ok(embedded)
    }

    /// The scores of `documents`, by one request (and its retries, if enabled).
    pub async fn rerank(&self, query: &str, documents: &[&str]) -> Result<Scored, RemoteError> {
        let Shared { protocol, parameters, prompt, .. } = &*self.0;
        let query = before(prompt.as_deref(), query);
        let reply = self.send(&protocol.rerank(parameters, &query, documents)).await?;
        protocol.reranked(&reply, documents.len()).map_err(|e| self.0.http.unfit(&reply, e))
    }

    /// The labels of `inputs`, by one request (and its retries, if enabled).
    pub async fn classify(&self, inputs: &[Input]) -> Result<Labelled, RemoteError> {
        let Shared { protocol, parameters, prompt, .. } = &*self.0;
        // As in sentence-transformers, a prompt goes before the first text alone.
        let prompted = prompt.as_ref().map(|prompt| {
            let prompted = inputs.iter().map(|input| match input {
                Input::Text(text) => Input::Text(format!("{prompt}{text}")),
                Input::Pair(first, second) => Input::Pair(format!("{prompt}{first}").into(), second.clone()),
                Input::Ids(ids) => Input::Ids(ids.clone()),
            });
            prompted.collect::<Vec<Input>>()
        });
        let request = protocol.classify(parameters, prompted.as_deref().unwrap_or(inputs));
        let request = request.ok_or_else(|| RemoteError::shape("the protocol has no labels of such inputs"))?;
        let reply = self.send(&request).await?;
        protocol.classified(&reply, inputs.len()).map_err(|e| self.0.http.unfit(&reply, e))
    }

    /// Requests the vector of a short text, the score of a short document, or the labels of a short text, as a check.
    /// Returns the model that the server reports, and the length of its vectors (1 for scores, the number of labels).
    pub(super) async fn probe(&self, task: RemoteTask) -> Result<(Option<String>, usize), RemoteError> {
        let (output, model, width) = match task {
            RemoteTask::Vectors(role) => {
                let Embedded { values: mut vectors, model, .. } = self.embed(&[PROBE], role).await?;
                let width = vectors.first().map_or(0, Vec::len);
                (Output { embedding: vectors.pop(), ..Output::default() }, model, width)
            }
            RemoteTask::Scores => {
                let Scored { values: mut scores, model, .. } = self.rerank(PROBE, &[PROBE]).await?;
                (Output { score: scores.pop(), ..Output::default() }, model, 1)
            }
            RemoteTask::Labels { pairs } => {
                let input = if pairs { Input::Pair(PROBE.into(), PROBE.into()) } else { PROBE.into() };
                let Labelled { values: mut labels, model, .. } = self.classify(&[input]).await?;
                let labels = labels.pop().unwrap_or_default();
                let label = |(name, score): (String, f64)| Label { index: 0, name: name.into(), score };
                let labels: Vec<Label> = labels.into_iter().map(label).collect();
                let width = labels.len();
                (Output { labels: Some(labels), ..Output::default() }, model, width)
            }
        };
        checked::defect(&output).map_or(Ok((model, width)), |defect| Err(RemoteError::Numbers(defect)))
    }

    async fn send(&self, request: &Request) -> Result<Reply, RemoteError> {
        with_retries(&self.0.http, request, self.0.retries).await
    }
}

/// The error of a server of `spec` that cannot be used at all.
pub(super) fn remote(spec: &EngineSpec, options: &RemoteOptions, named: bool, error: RemoteError) -> EngineError {
    let hint = error.hint(spec.kind, options.key.is_some(), named);
    EngineError::Remote { engine: spec.to_string(), error, hint }
}

/// Sends `request`, and repeats it up to `retries` times after transient failures.
async fn with_retries(http: &Http, request: &Request, retries: u32) -> Result<Reply, RemoteError> {
    let mut failures = 0;
    loop {
        let error = match http.send(request).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        failures += 1;
        let Some(wait) = retry::wait(&error, failures, retries, fastrand::f64()) else { return Err(error) };
        tracing::info!("{error}; retrying in {}", humantime::format_duration(wait));
        tokio::time::sleep(wait).await;
    }
}

fn before<'t>(prompt: Option<&str>, text: &'t str) -> Cow<'t, str> {
    match prompt {
        Some(prompt) => format!("{prompt}{text}").into(),
        None => text.into(),
    }
}

/// The servers whose protocol has an ability, such as "tei, infinity and infa".
pub(crate) fn servers(has: impl Fn(&Abilities) -> bool) -> String {
    let url = Url::parse("http://localhost");
    let able = |kind: &&EngineKind| {
        let server = kind.server().zip(url.as_ref().ok());
        server.is_some_and(|(server, url)| has(&(server.protocol)(url).0.abilities()))
    };
    series(EngineKind::value_variants().iter().filter(able).map(|kind| kind.name()), "and")
}

/// The parameters for the server. Settings that its protocol lacks are refused, unless infa can do the same.
fn parameters(
    name: &str,
    protocol: &dyn Protocol,
    task: RemoteTask,
    text: &TextOptions,
    options: &RemoteOptions,
) -> Result<Parameters, SettingError> {
    const UNKNOWN: &str = "its API has no word for it";
    const PROMPT: &str = "--prompt puts any text before each input";
    let TextOptions { max_length, truncate, pooling, normalize, dimensions, prompt, prompt_name, prompt_queries: _ } =
        text.clone();
    let can = protocol.abilities();
    let role = if let RemoteTask::Vectors(role) = task { Some(role) } else { None };
    let vectors = role.is_some();
    let (scores, labels) = (task == RemoteTask::Scores, matches!(task, RemoteTask::Labels { .. }));
    let (cuts, raw) =
        (if vectors { can.truncate } else { can.truncate_pairs }, if scores { can.raw_scores } else { can.raw_labels });
    let refusals = [
        (vectors && !can.embeds, Setting::Engine, "its API gives no vectors", ""),
        (scores && !can.reranks, Setting::Engine, "its API ranks no documents", ""),
        (labels && !can.classifies, Setting::Engine, "its API has no labels", ""),
        (
            task == RemoteTask::Labels { pairs: true } && !can.classifies_pairs,
            Setting::Pairs,
            "its API has no pairs",
            "",
        ),
        (pooling.is_some(), Setting::Pooling, "the server pools as its model says", ""),
        (max_length.is_some(), Setting::MaxLength, UNKNOWN, ""),
        (
            normalize == Some(false) && !can.unscaled,
            Setting::Unscaled,
            "its API has no word for it, and what is scaled to length 1 has lost its length",
            "",
        ),
        (prompt_name.is_some() && !(vectors && can.prompt_name), Setting::PromptName, UNKNOWN, PROMPT),
        (truncate.is_some() && !cuts, Setting::Truncate, UNKNOWN, ""),
        (options.raw_scores && !raw, Setting::RawScores, "its API has no word for it, or ignores it", ""),
        (role.is_some_and(|role| role != Role::Text) && can.roles == Roles::No, Setting::Role, UNKNOWN, PROMPT),
        (
            role == Some(Role::Text) && can.roles == Roles::Always,
            Setting::Role,
            "must be given: its API embeds texts as queries or as documents",
            "",
        ),
        (dimensions == Some(0), Setting::Dimensions, "0 is not allowed; give at least 1", ""),
    ];
    if let Some((_, setting, reason, hint)) = refusals.into_iter().find(|&(refused, ..)| refused) {
        let able = || match task {
            RemoteTask::Vectors(_) => servers(|can| can.embeds),
            RemoteTask::Scores => servers(|can| can.reranks),
            RemoteTask::Labels { .. } => servers(|can| can.classifies),
        };
        let hint = match setting {
            Setting::Engine => Some(format!("servers that do: {}", able())),
            Setting::Pairs => Some(format!("servers that do: {}", servers(|can| can.classifies_pairs))),
            _ => (!hint.is_empty()).then(|| hint.to_owned()),
        };
        return Err(SettingError { hint, ..SettingError::new(setting, format!("{name}: {reason}")) });
    }
    let RemoteOptions { model, raw_scores, .. } = options;
    Ok(Parameters {
        model: model.clone(),
        dimensions,
        normalize,
        prompt,
        prompt_name,
        truncate,
        raw_scores: *raw_scores,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ask(spec: &str, task: RemoteTask, text: &TextOptions) -> Result<Parameters, SettingError> {
        let spec: EngineSpec = spec.parse().unwrap();
        let (protocol, _) = (spec.kind.server().unwrap().protocol)(spec.url.as_ref().unwrap());
        let options = RemoteOptions::default();
        parameters(spec.kind.name(), protocol.as_ref(), task, text, &options)
    }

    /// The servers that take `text`.
    fn takers(task: RemoteTask, text: &TextOptions) -> String {
        let servers = EngineKind::value_variants().iter().filter(|kind| kind.server().is_some());
        let takes = |name: &&str| ask(&format!("{name}=http://a"), task, text).is_ok();
        servers.map(|kind| kind.name()).filter(takes).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn flags_go_where_they_are_understood() {
        let (embed, all) = (RemoteTask::Vectors(Role::Text), "openai tei infinity jina triton infa");
        let text = TextOptions::default;
        assert_eq!(takers(embed, &text()), all);
        assert_eq!(takers(RemoteTask::Vectors(Role::Query), &text()), "cohere jina");
        let dimensions = TextOptions { dimensions: Some(4), prompt: Some("query: ".into()), ..text() };
        assert_eq!(takers(embed, &dimensions), all);
        assert_eq!(takers(embed, &TextOptions { normalize: Some(true), ..text() }), all);
        assert_eq!(takers(embed, &TextOptions { normalize: Some(false), ..text() }), "tei jina infa");
        assert_eq!(takers(embed, &TextOptions { prompt_name: Some("q".into()), ..text() }), "tei infa");
        let truncate = TextOptions { truncate: Some(crate::model::tokenizer::Truncate::Left), ..text() };
        assert_eq!(takers(embed, &truncate), "tei infa");
        assert_eq!(takers(RemoteTask::Vectors(Role::Document), &truncate), "cohere");
        assert_eq!(takers(embed, &TextOptions { max_length: Some(9), ..text() }), "");
        assert_eq!(takers(RemoteTask::Scores, &text()), "tei infinity cohere jina triton infa");
        assert_eq!(takers(RemoteTask::Scores, &truncate), "tei infa");
        assert_eq!(takers(RemoteTask::Labels { pairs: false }, &text()), "tei infinity infa");
        assert_eq!(takers(RemoteTask::Labels { pairs: true }, &truncate), "tei infa");
    }

    #[test]
    fn refusals_name_the_setting_and_a_remedy() {
        let refused = |spec: &str, task, text| {
            let SettingError { setting, hint, .. } = ask(&format!("{spec}=http://a"), task, &text).unwrap_err();
            (setting, hint.unwrap_or_default())
        };
        let (embed, query) = (RemoteTask::Vectors(Role::Text), RemoteTask::Vectors(Role::Query));
        let text = TextOptions::default;
        let dimensions = TextOptions { dimensions: Some(0), ..text() };
        assert_eq!(refused("tei", embed, dimensions).0, Setting::Dimensions);
        assert_eq!(refused("cohere", embed, text()).0, Setting::Role);
        let (setting, hint) = refused("tei", query, text());
        assert!(setting == Setting::Role && hint.contains("--prompt"), "{hint}");
        // The servers that can, by the table.
        let able = "servers that do: tei, infinity, cohere, jina, triton and infa".to_owned();
        assert_eq!(refused("openai", RemoteTask::Scores, text()), (Setting::Engine, able));
        let able = "servers that do: tei and infa".to_owned();
        assert_eq!(refused("infinity", RemoteTask::Labels { pairs: true }, text()), (Setting::Pairs, able));
    }
}
