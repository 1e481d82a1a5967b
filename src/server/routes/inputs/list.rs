//! Lists of inputs that keep only as many as a request may have.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::server::{ApiError, Limits};

/// Maximum inputs that are kept of a request, independent of its limit: the rest is only counted, so that a body of millions
/// of empty texts takes no memory.
pub(crate) const MAX_KEPT: usize = 1 << 16;

/// A list that keeps at most [`MAX_KEPT`] items.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct List<T> {
    items: Vec<T>,
    count: usize,
    /// True if its only item was not in a list.
    alone: bool,
}

impl<T> List<T> {
    /// The items of the field `field`: at least one, and at most the limit.
    ///
    /// # Errors
    /// 400 for an empty list, 413 for a long one.
    pub(crate) fn checked(self, field: &str, limits: &Limits) -> Result<Vec<T>, ApiError> {
        let limit = limits.client_batch.min(MAX_KEPT);
        match self.count {
            0 => Err(ApiError::empty(field)),
            count if count > limit => Err(ApiError::too_many(field, count, limit)),
            _ => Ok(self.items),
        }
    }

    /// The kept items.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of items, including those that were not kept.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn is_alone(&self) -> bool {
        self.alone
    }

    pub(crate) fn empty() -> Self {
        Self { items: Vec::new(), count: 0, alone: false }
    }

    /// A single item that was not in a list.
    pub(crate) fn one(item: T) -> Self {
        Self { items: vec![item], count: 1, alone: true }
    }

    /// Adds an item, which is kept or only counted.
    pub(crate) fn push(&mut self, item: T) {
        if self.items.len() < MAX_KEPT {
            self.items.push(item);
        }
        self.count += 1;
    }

    /// Adds the rest of a sequence with items of type `I`.
    pub(crate) fn extend<'de, I: DeserializeOwned, A: SeqAccess<'de>>(
        mut self,
        mut rest: A,
        item: impl Fn(I) -> T,
    ) -> Result<Self, A::Error> {
        self.alone = false;
        while let Some(next) = rest.next_element()? {
            self.push(item(next));
        }
        Ok(self)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<List<T>, A::Error> {
                List::empty().extend(items, |item| item)
            }
        }
        json.deserialize_seq(Items(PhantomData))
    }
}
