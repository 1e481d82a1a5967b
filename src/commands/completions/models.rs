//! Candidates for models: those in the caches, by their full and their short names.

use std::collections::BTreeMap;

use crate::commands::settings::default_cache;
use crate::model::cache::{HubEnv, inventory};
use crate::model::{DEFAULT_MODEL, short_names, source};

/// The names by which models in the caches can be given, short ones after full ones, with what each stands for.
pub(super) fn cached() -> Vec<(String, String)> {
    let env = HubEnv::from_env();
    let own = default_cache();
    let mut ids = inventory::ids(&env.cache);
    let default = DEFAULT_MODEL.to_owned();
    if !ids.contains(&default) && own.as_deref().is_some_and(|cache| source::own_default(cache).is_some()) {
        ids.push(default);
        ids.sort();
    }
    let described = |id: &String| {
        let default = if id == DEFAULT_MODEL { ", the default" } else { "" };
        (id.clone(), format!("cached model{default}"))
    };
    let mut names: Vec<(String, String)> = ids.iter().map(described).collect();
    // A short name that several models share is refused.
    let mut short: BTreeMap<&str, &String> = BTreeMap::new();
    for id in &ids {
        if let Some((_, name)) = id.split_once('/')
            && let Some(own) = &own
            && short_names::full_id(name, &env, own).is_ok_and(|full| full == *id)
        {
            short.insert(name, id);
        }
    }
    names.extend(short.into_iter().map(|(name, id)| (name.to_owned(), id.clone())));
    names
}
