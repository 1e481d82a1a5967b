//! Errors of the Hub, in the Hub's terms, with hints for the user.

use crate::fetch::FetchError;
use crate::suggest::suggest_by;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    #[error("{id:?} is not the name of a model on the Hub: {reason}")]
    BadRepoId { id: String, reason: &'static str },
    #[error("{revision:?} is not a revision: {reason}")]
    BadRevision { revision: String, reason: &'static str },
    /// The repository's owners ask for a licence to be accepted, or for approval.
    #[error("access to {repo} is restricted{}", in_words(message))]
    Gated {
        repo: String,
        /// The Hub's words.
        message: Option<String>,
        /// True if a token was sent.
        token: bool,
    },
    /// The Hub refuses (401 or 403) for another reason.
    #[error("the Hub refuses access to {repo} with status {status}{}", in_words(message))]
    Denied {
        repo: String,
        /// 401 or 403.
        status: u16,
        /// The Hub's words.
        message: Option<String>,
        /// True if a token was sent.
        token: bool,
    },
    #[error("there is no model {repo} at {endpoint}, or it is private")]
    RepoNotFound {
        repo: String,
        endpoint: String,
        /// True if a token was sent.
        token: bool,
    },
    /// No such branch, tag or commit in the repository.
    #[error("{repo} has no revision {revision}")]
    RevisionNotFound { repo: String, revision: String },
    #[error("{repo} has no file {file} at revision {revision}")]
    EntryNotFound { repo: String, file: String, revision: String },
    /// None of the repository's files belong to a model.
    #[error("{repo} has no file that is a model infa can use (revision {revision})")]
    NothingUsable { repo: String, revision: String },
    /// The network is forbidden and the cache lacks the model.
    #[error("{repo} (revision {revision}) is not in the cache {cache}, and the network is forbidden")]
    Offline { repo: String, revision: String, cache: String, cached: Vec<String> },
    /// The cache lacks the model, and the Hub does not answer.
    #[error("{repo} (revision {revision}) is not in the cache, and the Hub does not answer: {error}")]
    Unreachable { repo: String, revision: String, error: FetchError, cached: Vec<String> },
    /// A file name in the listing that would leave the cache.
    #[error("{repo} lists a file with an unsafe name {name:?}: {reason}")]
    UnsafeName { repo: String, name: String, reason: &'static str },
    /// Everything that is not about the Hub: network, disk, checksums, Ctrl-C.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// "Did you mean …?" with a cached model of a similar name, of any owner; the beginning of a hint.
fn meant(repo: &str, cached: &[String]) -> String {
    const MIN_SIMILARITY: f64 = 0.9;
    let last = |id: &str| id.rsplit('/').next().unwrap_or(id).to_owned();
    let by_id = suggest_by(repo, cached.iter().map(|id| (id.clone(), id)), MIN_SIMILARITY);
    let by_name = || suggest_by(&last(repo), cached.iter().map(|id| (last(id), id)), MIN_SIMILARITY);
    let found = by_name().or(by_id);
    found.map(|id| format!("did you mean {id}, which is cached? Otherwise ")).unwrap_or_default()
}

/// The models that can be used without the network.
fn listed(cached: &[String]) -> String {
    const SHOWN: usize = 8;
    let more = cached.len().saturating_sub(SHOWN);
    let shown = cached[..cached.len() - more].join(", ");
    match (cached.len(), more) {
        (0, _) => "no model is cached".into(),
        (_, 0) => format!("cached models: {shown}"),
        (_, more) => format!("cached models: {shown} and {more} more (infa model list)"),
    }
}

fn in_words(message: &Option<String>) -> String {
    message.as_deref().map(|text| format!(": {text}")).unwrap_or_default()
}

impl HubError {
    /// Adds the model `id`, which can be used without the network, to the candidates for "did you mean".
    pub(crate) fn beside(mut self, id: &str) -> Self {
        if let Self::Offline { cached, .. } | Self::Unreachable { cached, .. } = &mut self
            && !cached.iter().any(|known| known == id)
        {
            cached.push(id.to_owned());
        }
        self
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(self, HubError::Fetch(FetchError::Cancelled))
    }

    pub fn hint(&self) -> Option<String> {
        Some(match self {
            HubError::BadRepoId { .. } => {
                "give a name such as intfloat/e5-small-v2, or the path of a directory (./model)".to_owned()
            }
            HubError::BadRevision { .. } => "--revision takes a branch, a tag or a commit".to_owned(),
            HubError::Gated { repo, token: false, .. } => {
                format!("accept the licence at {repo} on the Hub's website, then set HF_TOKEN to an access token")
            }
            HubError::Gated { repo, token: true, .. } => {
                format!("accept the licence at {repo} on the Hub's website with the account your token belongs to")
            }
            HubError::Denied { token: false, .. } => {
                "set HF_TOKEN to an access token; for a gated repository also accept its licence on the Hub".to_owned()
            }
            HubError::Denied { token: true, .. } => {
                "the token in HF_TOKEN (or of `hf auth login`) is not accepted: make a \
                new one that may read this repository; for a gated one also accept its licence on the Hub"
                    .to_owned()
            }
            HubError::RepoNotFound { repo, .. } if repo.starts_with("sentence-transformers/") => {
                "check the spelling: a name without an organisation is one of sentence-transformers', or that of a cached model; a \
                 folder is written ./NAME"
                    .to_owned()
            }
            HubError::RepoNotFound { token: false, .. } => {
                "check the spelling; if it is private, set HF_TOKEN to an access token".to_owned()
            }
            HubError::RepoNotFound { token: true, .. } => {
                "check the spelling; if it is private, check that the token in HF_TOKEN may read it".to_owned()
            }
            HubError::RevisionNotFound { .. } => {
                "check --revision: a branch, a tag or a full commit; without it, main is used".to_owned()
            }
            HubError::EntryNotFound { .. } => "another --revision may have it".to_owned(),
            HubError::NothingUsable { .. } => {
                "infa needs an ONNX model or safetensors weights with a tokenizer.json".to_owned()
            }
            HubError::Offline { repo, cached, .. } => {
                format!(
                    "{}run once without --offline (and without HF_HUB_OFFLINE) to download it, or point HF_HOME at the cache \
                     that has it; {}",
                    meant(repo, cached),
                    listed(cached)
                )
            }
            HubError::Unreachable { repo, error, cached, .. } => {
                let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
                format!("{}{hint}{}", meant(repo, cached), listed(cached))
            }
            HubError::UnsafeName { .. } => "do not use this repository, and tell the Hub about it".to_owned(),
            HubError::Fetch(error) => return error.hint(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_model_of_a_similar_name_is_suggested() {
        let cached = ["sentence-transformers/all-MiniLM-L6-v2", "BAAI/bge-m3"].map(str::to_owned);
        for (named, meant) in [
            ("sentence-transformers/all-minilm-l6-v2", Some("sentence-transformers/all-MiniLM-L6-v2")),
            ("sentence-transformers/all-MiniLM-L6", Some("sentence-transformers/all-MiniLM-L6-v2")),
            ("sentence-transformers/all-MiniLM", Some("sentence-transformers/all-MiniLM-L6-v2")),
            ("sentence-transformers/bge-m3", Some("BAAI/bge-m3")),
            ("BAII/bge-m3", Some("BAAI/bge-m3")),
            ("sentence-transformers/nomic-embed", None),
            ("org/x", None),
        ] {
            let (repo, revision, cache) = (named.to_owned(), "main".to_owned(), "/cache".to_owned());
            let error = HubError::Offline { repo, revision, cache, cached: cached.to_vec() };
            let hint = error.hint().unwrap_or_default();
            match meant {
                Some(id) => assert!(hint.starts_with(&format!("did you mean {id}, which is cached? ")), "{hint}"),
                None => assert!(hint.starts_with("run once without --offline"), "{hint}"),
            }
        }
    }

    #[test]
    fn a_model_in_another_cache_counts() {
        let repo = "org/all-minilm-l6-v2".to_owned();
        let error = HubError::Offline { repo, revision: String::new(), cache: String::new(), cached: Vec::new() };
        assert!(error.hint().is_some_and(|hint| hint.ends_with("no model is cached")));
        let error = error.beside("sentence-transformers/all-MiniLM-L6-v2");
        let hint = error.hint().unwrap_or_default();
        assert!(hint.starts_with("did you mean sentence-transformers/all-MiniLM-L6-v2"), "{hint}");
        assert!(hint.ends_with("cached models: sentence-transformers/all-MiniLM-L6-v2"), "{hint}");
    }
}
