//! Scored pairs, and which of the fields of a file hold them.

use super::error::PairsError;
use crate::input::RecordError;
use crate::input::error::Names;
use std::collections::HashMap;
use std::sync::Arc;

/// The pairs of one file, in its order.
#[derive(Debug)]
pub(crate) struct ScoredPairs {
    /// The file as the user named it, or `stdin`.
    pub name: Arc<str>,
    /// Never empty.
    pub pairs: Vec<ScoredPair>,
    /// The split of the pairs, if the file names it.
    pub split: Option<String>,
    /// Pairs of other splits, which were left out.
    pub other_splits: usize,
    /// Rows that hold no pair, those of other splits not counted.
    pub skipped: SkippedRows,
}

/// Two texts and how alike people find them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScoredPair {
    /// The first text; not blank.
    pub first: String,
    /// The second text; not blank.
    pub second: String,
    /// Their similarity, on any scale; finite.
    pub score: f64,
}

/// Rows that were passed over.
#[derive(Debug, Default)]
pub(crate) struct SkippedRows {
    /// Their number.
    pub count: usize,
    /// The first errors, with file and line.
    pub first: Vec<RecordError>,
}

impl SkippedRows {
    /// The most rows whose errors are reported.
    const TOLD: usize = 5;

    pub(super) fn push(&mut self, error: RecordError) {
        self.count += 1;
        if self.first.len() < Self::TOLD {
            self.first.push(error);
        }
    }

    fn append(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.sort_by_key(|error| error.origin().line);
        self.first.truncate(Self::TOLD);
    }
}

/// The pairs of each split.
#[derive(Default)]
pub(super) struct Groups {
    places: HashMap<Option<String>, usize>,
    all: Vec<Group>,
    /// Rows whose split is unknown.
    pub(crate) lost: SkippedRows,
}

#[derive(Default)]
struct Group {
    split: Option<String>,
    pairs: Vec<ScoredPair>,
    skipped: SkippedRows,
}

impl Groups {
    pub(super) fn push(&mut self, split: Option<String>, row: Result<ScoredPair, RecordError>) {
        let place = self.places.get(&split).copied().unwrap_or_else(|| {
            self.places.insert(split.clone(), self.all.len());
            self.all.push(Group { split, ..Group::default() });
            self.all.len() - 1
        });
        let group = &mut self.all[place];
        match row {
            Ok(pair) => group.pairs.push(pair),
            Err(error) => group.skipped.push(error),
        }
    }

    pub(super) fn pairs(&mut self) -> impl Iterator<Item = &mut ScoredPair> {
        self.all.iter_mut().flat_map(|group| &mut group.pairs)
    }

    /// The pairs of one split.
    pub(super) fn chosen(mut self, name: Arc<str>, wanted: Option<&str>) -> Result<ScoredPairs, PairsError> {
        let refuse = |reason: String, groups: &[Group]| {
            let mut present = Names::default();
            groups.iter().for_each(|group| present.push(group.split.as_deref().unwrap_or_default()));
            Err(PairsError::Split { file: name.clone(), reason, present })
        };
        let several = self.all.len() > 1;
        let place = match wanted.or(several.then_some("test")) {
            None => 0,
            Some(split) => match self.places.get(&Some(split.to_owned())) {
                Some(place) => *place,
                None if self.all.is_empty() => 0,
                None if wanted.is_some() && self.all.iter().all(|group| group.split.is_none()) => {
                    return Err(PairsError::NoSplits { file: name, wanted: split.to_owned() });
                }
                None if wanted.is_some() => return refuse(format!("there is no split {split:?}"), &self.all),
                None => return refuse("there are several splits, and none is \"test\"".into(), &self.all),
            },
        };
        let group = if place < self.all.len() { self.all.swap_remove(place) } else { Group::default() };
        let Group { split, pairs, mut skipped } = group;
        skipped.append(self.lost);
        let rows = skipped.count;
        match skipped.first.pop() {
            Some(last) if pairs.is_empty() => {
                Err(PairsError::Unusable { rows, first: skipped.first.into_iter().next().unwrap_or(last) })
            }
            None if pairs.is_empty() => Err(PairsError::Empty { file: name }),
            last => {
                skipped.first.extend(last);
                let other_splits = self.all.iter().map(|group| group.pairs.len()).sum();
                Ok(ScoredPairs { name, pairs, split, other_splits, skipped })
            }
        }
    }
}
