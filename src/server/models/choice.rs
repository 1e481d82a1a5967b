//! Chooses the model for a request: the one that it names, or the first made for the output of the route.

use std::sync::Arc;

use super::failure::NoModel;
use super::profile::Fit;
use super::{Models, ServedModel};
use crate::engine::OutputKind;
use crate::server::http::shorten;
use crate::suggest::suggest_by;

/// Names that leave the choice to the server.
const ANY: &[&str] = &["", "default/not-specified"];

/// Minimum similarity of a suggested name.
const MIN_SIMILARITY: f64 = 0.8;

impl Models {
    /// The model with exactly this name or source.
    pub fn named(&self, name: &str) -> Option<&Arc<ServedModel>> {
        let called = self.models.iter().find(|model| model.spec.has_name(name));
        called.or_else(|| self.models.iter().find(|model| model.spec.model_id == name))
    }

    /// The model that a request means by `name`: the one with that name, or the only one whose name or source ends with
    /// it (all-MiniLM-L6-v2 for sentence-transformers/all-MiniLM-L6-v2), unless names are strict.
    pub fn meant(&self, name: &str) -> Option<&Arc<ServedModel>> {
        self.named(name).or_else(|| match self.ending(name)[..] {
            [only] if !self.strict_names => Some(only),
            _ => None,
        })
    }

    /// The models with a name or source whose last part is `name`.
    fn ending(&self, name: &str) -> Vec<&Arc<ServedModel>> {
        let ends = |known: &str| known.rsplit_once('/').is_some_and(|(_, last)| last == name);
        self.models.iter().filter(|model| model.spec.names().any(ends) || ends(&model.spec.model_id)).collect()
    }

    /// The model with exactly this name, for routes with the name in their path; the first one if the name leaves the
    /// choice to the server.
    ///
    /// # Errors
    /// [`NoModel::Unknown`]
    pub fn resource(&self, name: &str) -> Result<&Arc<ServedModel>, NoModel> {
        let found = if ANY.contains(&name) { self.models.first() } else { self.named(name) };
        found.ok_or_else(|| self.unknown(name))
    }

    /// The model for a request: the one that it names; without a name the first made for the `wanted` output, or else
    /// the first that supports it. A server of one model accepts every name for it, unless names are strict.
    ///
    /// A loading model, whose profile is unknown, goes before one that is not made for the work: the choice must not
    /// depend on the progress of loading.
    ///
    /// # Errors
    /// [`NoModel`]
    pub fn choose(&self, name: Option<&str>, wanted: Option<OutputKind>) -> Result<&Arc<ServedModel>, NoModel> {
        let found = match name.filter(|name| !ANY.contains(name)) {
            Some(name) => match (self.meant(name), &self.models[..]) {
                (Some(found), _) => Some(found),
                (None, [only]) if !self.strict_names => Some(only),
                (None, _) => return Err(self.unknown(name)),
            },
            None => wanted.map_or(self.models.first(), |wanted| self.first_for(wanted)),
        };
        let Some(found) = found else { return Err(NoModel::Unknown("the server has no models".into())) };
        match (wanted, found.profile()) {
            (Some(wanted), Some(profile)) if profile.fit(wanted) == Fit::Unable => {
                Err(self.unable(found, name, wanted))
            }
            _ => Ok(found),
        }
    }

    fn first_for(&self, wanted: OutputKind) -> Option<&Arc<ServedModel>> {
        let fits = || self.models.iter().map(|model| (model, model.profile().map(|profile| profile.fit(wanted))));
        let with = |wanted: Option<Fit>| fits().find(|(_, fit)| *fit == wanted).map(|(model, _)| model);
        [Some(Fit::Made), None, Some(Fit::Able), Some(Fit::Untried), Some(Fit::Unable)].into_iter().find_map(with)
    }

    /// The error for an unknown name.
    pub fn unknown(&self, name: &str) -> NoModel {
        let ending: Vec<&str> = self.ending(name).into_iter().map(|model| model.spec.name.as_str()).collect();
        let name = shorten(name);
        if ending.len() > 1 {
            return NoModel::Unknown(format!("\"{name}\" may be {}; send the whole name", ending.join(" or ")));
        }
        let known: Vec<&str> = self.models.iter().flat_map(|model| model.spec.names()).collect();
        let candidates = known.iter().flat_map(|known| {
            let last = known.rsplit('/').next().unwrap_or(known);
            [(last.to_owned(), *known), ((*known).to_owned(), *known)]
        });
        let hint = suggest_by(&name, candidates, MIN_SIMILARITY).map(|name| format!(" (did you mean \"{name}\"?)"));
        let hint = hint.unwrap_or_default();
        let are = if known.len() == 1 { "the model is" } else { "the models are" };
        NoModel::Unknown(format!("there is no model \"{name}\" here{hint}; {are} {}", known.join(", ")))
    }

    /// The error if `model` does not give the output; it names the models that do.
    fn unable(&self, model: &ServedModel, name: Option<&str>, wanted: OutputKind) -> NoModel {
        let able = |model: &&Arc<ServedModel>| model.profile().is_some_and(|profile| profile.fit(wanted) >= Fit::Able);
        let able: Vec<&str> = self.models.iter().filter(able).map(|model| model.spec.name.as_str()).collect();
        let lack = format!("no {}", wanted.noun());
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
    use crate::server::models::profile::Profile;
    use crate::server::models::{Capability, ModelSpec};
    use crate::server::{EmbeddingDtype, Metrics};

    const EMBEDDER: (OutputKind, &[Capability]) = (OutputKind::Embedding, &[Capability::Embed, Capability::Rerank]);
    const RERANKER: (OutputKind, &[Capability]) = (OutputKind::Logits, &[Capability::Rerank, Capability::Classify]);
    const CLASSIFIER: (OutputKind, &[Capability]) = (OutputKind::Logits, &[Capability::Classify]);
    const COLBERT: (OutputKind, &[Capability]) = (OutputKind::TokenVectors, &[Capability::Embed, Capability::Rerank]);

    type Kind = (OutputKind, &'static [Capability]);

    /// Unloaded models by name; those without a kind are still loading.
    fn models(all: &[(&str, Option<Kind>)]) -> Models {
        let metrics = Metrics::new().unwrap();
        let spec = |name: &str| ModelSpec {
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
                let origin = Vec::new();
                model.set_unloaded(Profile {
                    output,
                    capabilities,
                    sparse_head: false,
                    max_length: 8,
                    size: 0,
                    origin,
                });
            }
        }
        models
    }

    fn chosen(models: &Models, name: Option<&str>, wanted: OutputKind) -> String {
        models.choose(name, Some(wanted)).map_or_else(|e| e.to_string(), |model| model.spec.name.clone())
    }

    #[test]
    fn without_a_name_the_first_model_made_for_the_work_answers() {
        let all =
            models(&[("c", Some(COLBERT)), ("e", Some(EMBEDDER)), ("l", Some(CLASSIFIER)), ("r", Some(RERANKER))]);
        for name in [None, Some(""), Some("default/not-specified")] {
            assert_eq!(chosen(&all, name, OutputKind::Embedding), "e");
            assert_eq!(chosen(&all, name, OutputKind::Score), "r");
            assert_eq!(chosen(&all, name, OutputKind::Labels), "l");
            assert_eq!(chosen(&all, name, OutputKind::TokenVectors), "c");
        }
        let two = models(&[("e", Some(EMBEDDER)), ("r", Some(RERANKER))]);
        assert_eq!(chosen(&two, None, OutputKind::Labels), "r");
        let one = models(&[("e", Some(EMBEDDER)), ("f", Some(EMBEDDER))]);
        assert_eq!(chosen(&one, None, OutputKind::Score), "e");
        assert!(chosen(&one, None, OutputKind::Labels).contains("gives no labels"));
    }

    #[test]
    fn a_model_that_is_loading_is_waited_for_where_no_other_is_made_for_the_work() {
        let all = models(&[("e", Some(EMBEDDER)), ("r", None)]);
        assert_eq!(chosen(&all, None, OutputKind::Embedding), "e");
        assert_eq!(chosen(&all, None, OutputKind::Score), "r");
    }

    #[test]
    fn the_last_part_of_a_name_is_enough_where_only_one_model_has_it() {
        let all = || models(&[("a/mini", Some(EMBEDDER)), ("b/base", Some(EMBEDDER)), ("c/base", Some(EMBEDDER))]);
        let some = all();
        assert_eq!(chosen(&some, Some("mini"), OutputKind::Embedding), "a/mini");
        assert_eq!(chosen(&some, Some("mini-too"), OutputKind::Embedding), "a/mini");
        assert_eq!(chosen(&some, Some("c/base"), OutputKind::Embedding), "c/base");
        assert_eq!(
            chosen(&some, Some("base"), OutputKind::Embedding),
            "\"base\" may be b/base or c/base; send the whole name"
        );
        assert!(chosen(&some, Some("min"), OutputKind::Embedding).starts_with("there is no model \"min\" here"));
        // Names in paths are exact, and so are strict names.
        assert!(some.resource("mini").is_err());
        assert!(chosen(&all().strict(true), Some("mini"), OutputKind::Embedding).starts_with("there is no model"));
        // A whole name goes before the end of another.
        let two = models(&[("x/mini", Some(EMBEDDER)), ("mini", Some(EMBEDDER))]);
        assert_eq!(chosen(&two, Some("mini"), OutputKind::Embedding), "mini");
    }

    #[test]
    fn names_choose_and_one_model_answers_to_any() {
        let all = models(&[("e", Some(EMBEDDER)), ("r", Some(RERANKER))]);
        assert_eq!(chosen(&all, Some("e"), OutputKind::Score), "e");
        assert_eq!(chosen(&all, Some("org/r"), OutputKind::Score), "r");
        assert_eq!(chosen(&all, Some("r-too"), OutputKind::Score), "r");
        assert_eq!(
            chosen(&all, Some("x"), OutputKind::Score),
            "there is no model \"x\" here; the models are e, e-too, r, r-too"
        );
        assert_eq!(chosen(&all, Some("r"), OutputKind::Embedding), "r gives no vectors; name a model that does: e");
        let long = models(&[("org/all-MiniLM-L6-v2", Some(EMBEDDER)), ("bge", Some(EMBEDDER))]);
        for (name, known) in [("all-minilm-l6", "org/all-MiniLM-L6-v2"), ("bgee", "bge"), ("bg", "bge")] {
            let message = chosen(&long, Some(name), OutputKind::Embedding);
            assert!(
                message.contains(&format!("\"{name}\" here (did you mean \"{known}\"?); the models are org/")),
                "{message}"
            );
        }
        let one = models(&[("e", Some(EMBEDDER))]);
        assert_eq!(chosen(&one, Some("text-embedding-ada-002"), OutputKind::Embedding), "e");
        assert!(one.resource("x").is_err() && one.resource("e-too").is_ok());
        assert_eq!(
            chosen(&one.strict(true), Some("x"), OutputKind::Embedding),
            "there is no model \"x\" here; the models are e, e-too"
        );
    }
}
