//! Matches rows of two sets by input.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::VectorSet;

/// The property by which two rows are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MatchedBy {
    /// Their ids: all vectors of both have one.
    Id,
    /// Their positions.
    Index,
}

/// The reason that two sets cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MatchError {
    #[error("{name}: row {first} and row {second} have the same {key}")]
    Duplicate {
        name: Arc<str>,
        /// The first of the two, from 1.
        first: usize,
        /// The second of the two, from 1.
        second: usize,
        /// Their common key: `id "a"`, `index 3`.
        key: String,
    },
    #[error("{reference} and {candidate} have no input in common: {matched}")]
    NothingInCommon { reference: Arc<str>, candidate: Arc<str>, matched: &'static str },
    #[error("{name}: holds no vectors")]
    Empty { name: Arc<str> },
}

impl MatchError {
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Duplicate { .. } => {
                Some("every input needs an id of its own, or none needs one: then places are compared")
            }
            Self::NothingInCommon { .. } => Some("are they vectors of the same inputs?"),
            Self::Empty { .. } => None,
        }
    }
}

/// Rows that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matching {
    pub by: MatchedBy,
    /// Rows of the reference and of the candidate, in the order of the reference.
    pub pairs: Vec<(usize, usize)>,
    /// True if ids were there and could not be used, as some vectors have none.
    pub ids_ignored: bool,
}

/// Matches by id where every vector of both sets has one, else by place.
pub(super) fn matched(reference: &VectorSet, candidate: &VectorSet) -> Result<Matching, MatchError> {
    let sets = [reference, candidate];
    if let Some(set) = sets.into_iter().find(|set| set.rows.is_empty()) {
        return Err(MatchError::Empty { name: Arc::clone(&set.name) });
    }
    // A failed row may have lost its id with its text.
    let all_ids = |set: &VectorSet| set.rows.iter().all(|row| row.id.is_some() || row.place.is_none());
    let some_ids = |set: &VectorSet| set.rows.iter().any(|row| row.id.is_some());
    let by_id = sets.into_iter().all(|set| all_ids(set) && some_ids(set));
    let by = if by_id { MatchedBy::Id } else { MatchedBy::Index };
    let (mut rows, keys) = (HashMap::new(), keys(candidate, by));
    unique(candidate, &keys, &mut rows)?;
    let keys = self::keys(reference, by);
    unique(reference, &keys, &mut HashMap::new())?;
    let pair = |(row, key): (usize, &Option<Key<'_>>)| Some((row, *rows.get(key.as_ref()?)?));
    let pairs: Vec<(usize, usize)> = keys.iter().enumerate().filter_map(pair).collect();
    if pairs.is_empty() {
        let matched = if by_id { "they were matched by id" } else { "they were matched by index" };
        let (reference, candidate) = (Arc::clone(&reference.name), Arc::clone(&candidate.name));
        return Err(MatchError::NothingInCommon { reference, candidate, matched });
    }
    Ok(Matching { by, pairs, ids_ignored: !by_id && sets.into_iter().all(some_ids) })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'a> {
    Id(&'a str),
    Index(u64),
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id {id:?}"),
            Self::Index(index) => write!(f, "index {index}"),
        }
    }
}

/// The key of each row; in a set without an index in every row, the position of each.
fn keys(set: &VectorSet, by: MatchedBy) -> Vec<Option<Key<'_>>> {
    let indexed = set.rows.iter().all(|row| row.index.is_some());
    set.rows
        .iter()
        .enumerate()
        .map(|(at, row)| match by {
            MatchedBy::Id => row.id.as_deref().map(Key::Id),
            MatchedBy::Index => Some(Key::Index(row.index.filter(|_| indexed).unwrap_or(at as u64))),
        })
        .collect()
}

/// Collects the row of each key; a key may occur only once.
fn unique<'a>(set: &VectorSet, keys: &[Option<Key<'a>>], rows: &mut HashMap<Key<'a>, usize>) -> Result<(), MatchError> {
    for (at, key) in keys.iter().enumerate() {
        let Some(key) = key else { continue };
        if let Some(first) = rows.insert(*key, at) {
            let name = Arc::clone(&set.name);
            return Err(MatchError::Duplicate { name, first: first + 1, second: at + 1, key: key.to_string() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::VectorRow;
    use super::*;

    fn set(name: &str, rows: &[(Option<u64>, Option<&str>)]) -> VectorSet {
        let row = |&(index, id): &(Option<u64>, Option<&str>)| VectorRow {
            index,
            id: id.map(str::to_owned),
            text: None,
            place: Some(0..1),
        };
        VectorSet { name: name.into(), rows: rows.iter().map(row).collect(), numbers: vec![1.0] }
    }

    fn ids(name: &str, ids: &[&str]) -> VectorSet {
        set(name, &ids.iter().enumerate().map(|(at, id)| (Some(at as u64), Some(*id))).collect::<Vec<_>>())
    }

    fn places(rows: usize) -> VectorSet {
        set("places", &vec![(None, None); rows])
    }

    #[test]
    fn by_id_where_all_have_one() {
        let found = matched(&ids("a", &["x", "y", "z"]), &ids("b", &["z", "q", "x"])).unwrap();
        assert_eq!(found, Matching { by: MatchedBy::Id, pairs: vec![(0, 2), (2, 0)], ids_ignored: false });
    }

    #[test]
    fn by_place_otherwise() {
        let found = matched(&ids("a", &["x", "y", "z"]), &places(2)).unwrap();
        assert_eq!(found, Matching { by: MatchedBy::Index, pairs: vec![(0, 0), (1, 1)], ids_ignored: false });
        // Rows say their places themselves.
        let found = matched(&set("a", &[(Some(3), None), (Some(1), None)]), &places(4)).unwrap();
        assert_eq!(found.pairs, [(0, 3), (1, 1)]);
        // One vector without an id.
        let found = matched(&ids("a", &["x", "y"]), &set("b", &[(None, Some("y")), (None, None)])).unwrap();
        assert_eq!(found, Matching { by: MatchedBy::Index, pairs: vec![(0, 0), (1, 1)], ids_ignored: true });
    }

    #[test]
    fn a_failed_row_needs_no_id() {
        let mut failed = ids("b", &["y", "x"]);
        failed.rows.push(VectorRow { index: Some(2), id: None, text: None, place: None });
        let found = matched(&ids("a", &["x", "y"]), &failed).unwrap();
        assert_eq!((found.by, found.pairs), (MatchedBy::Id, vec![(0, 1), (1, 0)]));
    }

    #[test]
    fn nothing_comes_twice() {
        let message = |a: &VectorSet, b: &VectorSet| matched(a, b).unwrap_err().to_string();
        let (good, twice) = (ids("a", &["x", "y"]), ids("b", &["y", "q", "y"]));
        assert_eq!(message(&good, &twice), "b: row 1 and row 3 have the same id \"y\"");
        assert_eq!(message(&twice, &good), "b: row 1 and row 3 have the same id \"y\"");
        let twice = set("c", &[(Some(7), None), (Some(7), None)]);
        assert_eq!(message(&places(2), &twice), "c: row 1 and row 2 have the same index 7");
        // Without ids on the other side they do not count.
        let twice = set("b", &[(Some(0), Some("y")), (Some(1), Some("y"))]);
        assert!(matched(&places(2), &twice).is_ok());
    }

    #[test]
    fn nothing_in_common_and_nothing_at_all() {
        let error = matched(&ids("a", &["x"]), &ids("b", &["y"])).unwrap_err();
        assert_eq!(error.to_string(), "a and b have no input in common: they were matched by id");
        assert!(error.hint().is_some());
        assert_eq!(matched(&ids("a", &["x"]), &places(0)).unwrap_err().to_string(), "places: holds no vectors");
    }
}
