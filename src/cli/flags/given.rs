//! Names of the flags that are given.

/// The names of those `flags` that are given. Each struct of flags lists its own, beside its fields.
pub(crate) fn given<const N: usize>(flags: [(&'static str, bool); N]) -> Vec<&'static str> {
    flags.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}
