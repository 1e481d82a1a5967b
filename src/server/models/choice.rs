//! The choice of the model that answers a request: the one that the request names, or the first that is made for the
//! work of the route.

use std::sync::Arc;

use super::{Models, Served};
use crate::engine::OutputKind;
use crate::server::metrics::Work;
use crate::server::service::Capability;

/// Facts about a model that stay known while it is out of memory.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The output that its own engine was loaded for.
    pub output: OutputKind,
    /// Its capabilities, in Infinity's words.
    pub capabilities: Vec<Capability>,
    /// Whether it has BGE-M3's head for lexical weights beside its vectors.
    pub sparse_head: bool,
    /// Length of the longest text in tokens, special tokens included.
    pub max_length: usize,
    /// Bytes of the files that it consists of.
    pub size: u64,
}

/// How well a model fits a kind of work, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It cannot do it.
    Unable,
    /// Only an attempt shows whether it can.
    Untried,
    /// It can, though it is made for something else: an embedder that compares vectors to rerank.
    Able,
    /// It is made for it.
    Made,
}

impl Profile {
    fn fit(&self, work: Work) -> Fit {
        let can = |capability| self.capabilities.contains(&capability);
        match (work, self.output) {
            (Work::Embed, OutputKind::Embedding) | (Work::EmbedSparse, OutputKind::Sparse) => Fit::Made,
            (Work::EmbedSparse, OutputKind::Embedding) => {
                if self.sparse_head {
                    Fit::Able
                } else {
                    Fit::Untried
                }
            }
            (Work::EmbedTokens, OutputKind::TokenVectors | OutputKind::Embedding) => Fit::Made,
            (Work::EmbedTokens, OutputKind::Sparse) => Fit::Able,
            (Work::Embed | Work::EmbedSparse | Work::EmbedTokens, _) => Fit::Unable,
            (Work::Rerank, _) if !can(Capability::Rerank) => Fit::Unable,
            (Work::Rerank, OutputKind::Logits) => Fit::Made,
            (Work::Rerank, _) => Fit::Able,
            (Work::Classify, _) if !can(Capability::Classify) => Fit::Unable,
            // A cross-encoder's only label.
            (Work::Classify, _) if can(Capability::Rerank) => Fit::Able,
            (Work::Classify, _) => Fit::Made,
        }
    }
}

/// Why no model answers a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoModel {
    /// No model has the name of the request. The message lists the names.
    #[error("{0}")]
    Unknown(String),
    /// The named model, or every model, cannot do the work of the route. The message names the models that can.
    #[error("{0}")]
    Unable(String),
}

/// Names that clients send if they leave the choice to the server.
const ANY: &[&str] = &["", "default/not-specified"];

/// What a model lacks that cannot do the work.
fn lack(work: Work) -> &'static str {
    match work {
        Work::Embed => "no vectors",
        Work::EmbedSparse => "no sparse vectors",
        Work::EmbedTokens => "no vectors of tokens",
        Work::Rerank => "no scores of documents",
        Work::Classify => "no labels",
    }
}

impl Models {
    /// The model of exactly that name, or loaded from there.
    pub fn named(&self, name: &str) -> Option<&Arc<Served>> {
        let called = self.models.iter().find(|model| model.spec.has_name(name));
        called.or_else(|| self.models.iter().find(|model| model.spec.model_id == name))
    }

    /// The model that a request means by `name`: the one of that name, or the only one whose name or source ends with it
    /// (all-MiniLM-L6-v2 for sentence-transformers/all-MiniLM-L6-v2), unless names are strict.
    pub fn meant(&self, name: &str) -> Option<&Arc<Served>> {
        self.named(name).or_else(|| match self.ending(name)[..] {
            [only] if !self.strict_names => Some(only),
            _ => None,
        })
    }

    /// The models of which a name or the source has `name` as its last part.
    fn ending(&self, name: &str) -> Vec<&Arc<Served>> {
        let ends = |known: &str| known.rsplit_once('/').is_some_and(|(_, last)| last == name);
        self.models.iter().filter(|model| model.spec.names().any(ends) || ends(&model.spec.model_id)).collect()
    }

    /// The model of exactly that name, for routes that have the name in their path; the first if the client leaves the
    /// choice to the server.
    ///
    /// # Errors
    /// [`NoModel::Unknown`]
    pub fn resource(&self, name: &str) -> Result<&Arc<Served>, NoModel> {
        let found = if ANY.contains(&name) { self.models.first() } else { self.named(name) };
        found.ok_or_else(|| self.unknown(name))
    }

    /// The model for a request: the one that it names; without a name the first that is made for `work`, or else the
    /// first that can do it. A server of one model takes every name for it, unless names are strict.
    ///
    /// A model whose profile is not known yet, as it is still being loaded, is returned before one that is not made for
    /// the work: the answer to a request must not depend on how far the server has come with loading.
    ///
    /// # Errors
    /// [`NoModel`]
    pub fn choose(&self, name: Option<&str>, work: Option<Work>) -> Result<&Arc<Served>, NoModel> {
        let found = match name.filter(|name| !ANY.contains(name)) {
            Some(name) => match (self.meant(name), &self.models[..]) {
                (Some(found), _) => Some(found),
                (None, [only]) if !self.strict_names => Some(only),
                (None, _) => return Err(self.unknown(name)),
            },
            None => work.map_or(self.models.first(), |work| self.first_for(work)),
        };
        let Some(found) = found else { return Err(NoModel::Unknown("the server has no models".into())) };
        match (work, found.profile()) {
            (Some(work), Some(profile)) if profile.fit(work) == Fit::Unable => Err(self.unable(found, name, work)),
            _ => Ok(found),
        }
    }

    fn first_for(&self, work: Work) -> Option<&Arc<Served>> {
        let fits = || self.models.iter().map(|model| (model, model.profile().map(|profile| profile.fit(work))));
        let with = |wanted: Option<Fit>| fits().find(|(_, fit)| *fit == wanted).map(|(model, _)| model);
        [Some(Fit::Made), None, Some(Fit::Able), Some(Fit::Untried), Some(Fit::Unable)].into_iter().find_map(with)
    }

    /// The error for a name that no model has.
    pub fn unknown(&self, name: &str) -> NoModel {
        let ending: Vec<&str> = self.ending(name).into_iter().map(|model| model.spec.name.as_str()).collect();
        let name = crate::server::extract::shorten(name);
        if ending.len() > 1 {
            return NoModel::Unknown(format!("\"{name}\" may be {}; send the whole name", ending.join(" or ")));
        }
        let known: Vec<&str> = self.models.iter().flat_map(|model| model.spec.names()).collect();
        NoModel::Unknown(format!("there is no model \"{name}\" here; there is {}", known.join(", ")))
    }

    /// `model` cannot do `work`; which ones can?
    fn unable(&self, model: &Served, name: Option<&str>, work: Work) -> NoModel {
        let able = |model: &&Arc<Served>| model.profile().is_some_and(|profile| profile.fit(work) >= Fit::Able);
        let able: Vec<&str> = self.models.iter().filter(able).map(|model| model.spec.name.as_str()).collect();
        let lack = lack(work);
        let message = match &able[..] {
            [] if self.models.len() == 1 => format!("{} gives {lack}", model.spec.name),
            [] if name.is_none() => format!("this server has no model for it: each of its models gives {lack}"),
            [] => format!("{} gives {lack}, nor does another model of this server", model.spec.name),
            able => format!("{} gives {lack}; name a model that does: {}", model.spec.name, able.join(", ")),
        };
        NoModel::Unable(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::models::Spec;
    use crate::server::{EmbeddingDtype, Metrics};

    const EMBEDDER: (OutputKind, &[Capability]) = (OutputKind::Embedding, &[Capability::Embed, Capability::Rerank]);
    const RERANKER: (OutputKind, &[Capability]) = (OutputKind::Logits, &[Capability::Rerank, Capability::Classify]);
    const CLASSIFIER: (OutputKind, &[Capability]) = (OutputKind::Logits, &[Capability::Classify]);
    const COLBERT: (OutputKind, &[Capability]) = (OutputKind::TokenVectors, &[Capability::Embed, Capability::Rerank]);

    type Kind = (OutputKind, &'static [Capability]);

    /// Models by name, out of memory; without a kind still loading.
    fn models(all: &[(&str, Option<Kind>)]) -> Models {
        let metrics = Metrics::new().unwrap();
        let spec = |name: &str| Spec {
            name: name.into(),
            aliases: vec![format!("{name}-too")],
            model_id: format!("org/{name}"),
            embedding_dtype: EmbeddingDtype::default(),
            warm_up: false,
            load: Arc::new(|_| unreachable!("nothing is loaded")),
            metrics: metrics.model(name),
        };
        let models = Models::new(all.iter().map(|(name, _)| spec(name)).collect());
        for (model, (_, kind)) in models.all().iter().zip(all) {
            if let Some((output, capabilities)) = *kind {
                let capabilities = capabilities.to_vec();
                model.set_unloaded(Profile { output, capabilities, sparse_head: false, max_length: 8, size: 0 });
            }
        }
        models
    }

    fn chosen(models: &Models, name: Option<&str>, work: Work) -> String {
        models.choose(name, Some(work)).map_or_else(|e| e.to_string(), |model| model.spec.name.clone())
    }

    #[test]
    fn without_a_name_the_first_model_made_for_the_work_answers() {
        let all =
            models(&[("c", Some(COLBERT)), ("e", Some(EMBEDDER)), ("l", Some(CLASSIFIER)), ("r", Some(RERANKER))]);
        for name in [None, Some(""), Some("default/not-specified")] {
            assert_eq!(chosen(&all, name, Work::Embed), "e");
            assert_eq!(chosen(&all, name, Work::Rerank), "r");
            assert_eq!(chosen(&all, name, Work::Classify), "l");
            assert_eq!(chosen(&all, name, Work::EmbedTokens), "c");
        }
        let two = models(&[("e", Some(EMBEDDER)), ("r", Some(RERANKER))]);
        assert_eq!(chosen(&two, None, Work::Classify), "r");
        let one = models(&[("e", Some(EMBEDDER)), ("f", Some(EMBEDDER))]);
        assert_eq!(chosen(&one, None, Work::Rerank), "e");
        assert!(chosen(&one, None, Work::Classify).contains("gives no labels"));
    }

    #[test]
    fn a_model_that_is_loading_is_waited_for_where_no_other_is_made_for_the_work() {
        let all = models(&[("e", Some(EMBEDDER)), ("r", None)]);
        assert_eq!(chosen(&all, None, Work::Embed), "e");
        assert_eq!(chosen(&all, None, Work::Rerank), "r");
    }

    #[test]
    fn the_last_part_of_a_name_is_enough_where_only_one_model_has_it() {
        let all = || models(&[("a/mini", Some(EMBEDDER)), ("b/base", Some(EMBEDDER)), ("c/base", Some(EMBEDDER))]);
        let some = all();
        assert_eq!(chosen(&some, Some("mini"), Work::Embed), "a/mini");
        assert_eq!(chosen(&some, Some("mini-too"), Work::Embed), "a/mini");
        assert_eq!(chosen(&some, Some("c/base"), Work::Embed), "c/base");
        assert_eq!(chosen(&some, Some("base"), Work::Embed), "\"base\" may be b/base or c/base; send the whole name");
        assert!(chosen(&some, Some("min"), Work::Embed).starts_with("there is no model \"min\" here"));
        // Paths that name a model are exact, and so are strict names.
        assert!(some.resource("mini").is_err());
        assert!(chosen(&all().strict(true), Some("mini"), Work::Embed).starts_with("there is no model"));
        // A name goes before the end of another.
        let two = models(&[("x/mini", Some(EMBEDDER)), ("mini", Some(EMBEDDER))]);
        assert_eq!(chosen(&two, Some("mini"), Work::Embed), "mini");
    }

    #[test]
    fn names_choose_and_one_model_answers_to_any() {
        let all = models(&[("e", Some(EMBEDDER)), ("r", Some(RERANKER))]);
        assert_eq!(chosen(&all, Some("e"), Work::Rerank), "e");
        assert_eq!(chosen(&all, Some("org/r"), Work::Rerank), "r");
        assert_eq!(chosen(&all, Some("r-too"), Work::Rerank), "r");
        assert_eq!(chosen(&all, Some("x"), Work::Rerank), "there is no model \"x\" here; there is e, e-too, r, r-too");
        assert_eq!(chosen(&all, Some("r"), Work::Embed), "r gives no vectors; name a model that does: e");
        let one = models(&[("e", Some(EMBEDDER))]);
        assert_eq!(chosen(&one, Some("text-embedding-ada-002"), Work::Embed), "e");
        assert!(one.resource("x").is_err() && one.resource("e-too").is_ok());
        assert_eq!(
            chosen(&one.strict(true), Some("x"), Work::Embed),
            "there is no model \"x\" here; there is e, e-too"
        );
    }
}
