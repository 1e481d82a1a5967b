//! TensorRT's engines: the shapes they are built for, and the place where they are kept.

use std::path::PathBuf;

use crate::engine::EngineError;
use crate::engine::local::OnnxOptions;
use crate::engine::local::loaded::unreadable;
use crate::engine::local::weights_hash::hash_of;
use crate::fetch::digest::Hasher;
use crate::graph::{Feed, Graph};
use crate::model::weights::Weights;
use crate::runtime::gpu::Gpu;
use crate::runtime::{Profile, Runtime};

/// The part of the cache.
const ROOM: &str = "tensorrt";
/// Digits of a hash that name a directory.
const DIGITS: usize = 24;
/// Most texts in a group, and most tokens with padding: an engine is built for shapes up to a limit.
const TEXTS: usize = 64;
const TOKENS: usize = 32_768;

/// Most texts of a group, of texts of up to `longest` tokens.
pub(super) fn most_texts(longest: usize) -> usize {
    (TOKENS / longest.max(1)).clamp(1, TEXTS)
}

/// From one short text to the largest group; tuned for the latter, where throughput is decided.
pub(super) fn profile(feeds: &[(String, Feed)], longest: usize) -> Profile {
    let shapes = |texts: usize, tokens: usize| -> String {
        let shape = |(name, feed): &(String, Feed)| match feed {
            Feed::Lengths | Feed::FirstRows | Feed::LastRows | Feed::LastRowsBut(_) => format!("{name}:{texts}"),
            Feed::Offsets => format!("{name}:{}", texts + 1),
            Feed::Steps => format!("{name}:{tokens}"),
            Feed::Pool => format!("{name}:{texts}x1x{tokens}"),
            _ => format!("{name}:{texts}x{tokens}"),
        };
        feeds.iter().map(shape).collect::<Vec<_>>().join(",")
    };
    let most = shapes(most_texts(longest), longest);
    Profile { min: shapes(1, 1), opt: most.clone(), max: most }
}

/// The folder of engines of this graph on this GPU, by this ONNX Runtime, whose update brings another TensorRT; says so if one will have to be built. Without a cache it is temporary.
///
/// # Errors
/// The system's, if the folder cannot be made.
pub(super) fn cache(
    runtime: &Runtime,
    graph: &Graph,
    weights: &Weights,
    gpu: &Gpu,
    profile: &Profile,
    options: &OnnxOptions,
) -> Result<PathBuf, EngineError> {
    crate::threads::start_pool().map_err(EngineError::Threads)?;
    let mut hasher = Hasher::new();
    for part in [runtime.version(), &hash_of(weights), &gpu.name, options.dtype.name(), &profile.max] {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    hasher.update(&graph.model);
    let root = options.int8.cache.clone().unwrap_or_else(std::env::temp_dir);
    let folder = root.join(ROOM).join(&hasher.finish()[..DIGITS]);
    let built = std::fs::read_dir(&folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "engine"))
    });
    if !built {
        let note = format!("TensorRT builds an engine for {}: some minutes, once", gpu.name);
        options.int8.progress.note(&note);
    }
    std::fs::create_dir_all(&folder).map_err(|source| unreadable(&folder, source))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_name_the_shape_of_every_input() {
        let feeds =
            [("input_ids", Feed::Ids), ("attention_mask", Feed::Mask), ("pool", Feed::Pool), ("last", Feed::LastRows)];
        let feeds = feeds.map(|(name, feed)| (name.to_owned(), feed));
        let Profile { min, opt, max } = profile(&feeds, 512);
        assert_eq!(min, "input_ids:1x1,attention_mask:1x1,pool:1x1x1,last:1");
        assert_eq!(max, "input_ids:64x512,attention_mask:64x512,pool:64x1x512,last:64");
        assert_eq!(opt, max);
    }

    #[test]
    fn long_texts_are_few() {
        assert_eq!([1, 512, 513, 8192, 100_000].map(most_texts), [64, 64, 63, 4, 1]);
    }
}
