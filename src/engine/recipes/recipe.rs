//! The types of the rows of the table of engines.

use reqwest::Url;

use crate::engine::remote::wire::Protocol;

pub struct Recipe {
    /// Its name in a spec.
    pub name: &'static str,
    pub location: Location,
    /// The options of a spec; of a server, those that it is started with.
    pub options: &'static [OptionGroup],
    pub packages: Option<Packages>,
}

pub enum Location {
    Process,
    /// In a Python process that is started for it.
    Python(PythonRecipe),
    /// In a server, over HTTP.
    Server(ServerRecipe),
}

/// Alternative options; a spec takes one of them.
pub struct OptionGroup {
    /// The flag or setting that they are values of: `dtype`.
    pub key: &'static str,
    /// Several of them in words: "number formats".
    pub what: &'static str,
    /// Their names in a spec.
    pub options: &'static [&'static str],
    /// True if each is a flag by itself (`--compile`), and not a value (`--dtype float32`).
    pub switches: bool,
}

impl OptionGroup {
    pub(super) const fn values(key: &'static str, what: &'static str, options: &'static [&'static str]) -> Self {
        Self { key, what, options, switches: false }
    }

    pub(super) const fn switches(key: &'static str, what: &'static str, options: &'static [&'static str]) -> Self {
        Self { key, what, options, switches: true }
    }
}

/// An engine in a Python process. `python/worker.py` has a class of its name.
pub struct PythonRecipe {
    /// The library whose version is the engine's.
    pub library: &'static str,
    pub cuda: bool,
    pub reranks: bool,
    /// True if it can cut texts at their beginning.
    pub cuts_left: bool,
}

pub struct ServerRecipe {
    /// The protocol of the server at a URL, and the URL to whose path its requests add theirs.
    pub(in crate::engine) protocol: fn(&Url) -> (Box<dyn Protocol>, Url),
    /// Variables that may hold its API key, in the order in which they are looked at.
    pub keys: &'static [&'static str],
    /// True if it is a service with many models, so that requests must name one.
    pub hosted: bool,
    /// The route that reports its version, if any.
    pub version: Option<VersionRoute>,
    pub health: Health,
    /// True if it writes into the directory of its model.
    pub writes_into_model: bool,
    /// True if the libraries of Hugging Face can stay off the network, as the model is there.
    pub offline: bool,
    /// Its start if it is installed; `None`: only by a command of the user's.
    pub launch: Option<LaunchRecipe>,
}

impl ServerRecipe {
    /// A server that is neither hosted nor started here, and any of whose answers shows that it is ready.
    pub(super) const fn new(protocol: fn(&Url) -> (Box<dyn Protocol>, Url), keys: &'static [&'static str]) -> Self {
        let health = Health { path: "/", success: false };
        Self {
            protocol,
            keys,
            hosted: false,
            version: None,
            health,
            writes_into_model: false,
            offline: true,
            launch: None,
        }
    }
}

/// A route whose JSON holds the server's version.
pub struct VersionRoute {
    pub path: &'static str,
    pub pointer: &'static str,
}

/// A route that shows whether a server is ready.
pub struct Health {
    pub path: &'static str,
    /// True if only success counts; elsewhere any answer of a server that is not overloaded.
    pub success: bool,
}

pub struct LaunchRecipe {
    /// Its program; `None`: this very program.
    pub program: Option<&'static str>,
    /// Its arguments, with the variables of its environment in front of the word `program`.
    pub command: &'static str,
    /// The way to install it.
    pub install: &'static str,
    /// Options that it takes without an effect.
    pub ignored: &'static [IgnoredOption],
}

pub struct IgnoredOption {
    pub options: &'static [&'static str],
    /// With one of these; empty: always.
    pub with: &'static [&'static str],
    /// Unless this one is there, too.
    pub unless: Option<&'static str>,
    pub reason: &'static str,
}

/// Python packages, and the environment of infa that they are installed into.
pub struct Packages {
    pub environment: &'static str,
    /// Packages without which the engine cannot start. What only some models need (torch, to export one) is required by
    /// these models alone.
    pub needed: &'static [Package],
    /// Those that an engine with one of the options needs, too.
    pub of_options: &'static [(&'static [&'static str], Package)],
    /// Requirements in pip's format.
    pub requirements: &'static [&'static [&'static str]],
}

impl Packages {
    /// Those that the engine needs, and those of options.
    pub fn all(&self) -> impl Iterator<Item = &Package> {
        self.needed.iter().chain(self.of_options.iter().map(|(_, package)| package))
    }

    /// The packages that the engine cannot start without if it has `options`.
    pub fn needed_with(&self, options: &[String]) -> Vec<Package> {
        let chosen = |names: &[&str]| options.iter().any(|option| names.contains(&option.as_str()));
        let more = self.of_options.iter().filter(|(names, _)| chosen(names)).map(|(_, package)| package);
        self.needed.iter().chain(more).copied().collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    pub module: &'static str,
    /// The distribution that is installed.
    pub name: &'static str,
}
