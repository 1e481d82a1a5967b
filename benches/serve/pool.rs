//! Texts, and the vectors that they must have.

use anyhow::{Result, ensure};

use crate::bench::Line;

/// Largest difference of any number of a vector from the one computed alone, in float32: groups of another size may add
/// in another order.
const TOLERANCE: f32 = 1e-5;

/// Vectors of different texts are further apart than this, or one of the texts is left out.
const APART: f32 = 1e-3;

/// Texts with their vectors.
pub(crate) struct Pool {
    pub texts: Vec<String>,
    rows: Vec<Line>,
    /// Vectors must be the same to the bit.
    exact: bool,
}

impl Pool {
    /// What `infa embed` made of `texts`; `exact` where vectors must be the same to the bit.
    pub(crate) fn new(texts: Vec<String>, rows: Vec<Line>, exact: bool) -> Result<Self> {
        ensure!(texts.len() == rows.len(), "{} rows for {} texts", rows.len(), texts.len());
        Ok(Self { texts, rows, exact })
    }

    /// The texts whose vectors are unlike those of all others: a vector that belongs to another text is noticed.
    pub(crate) fn distinct(self) -> Self {
        let Self { texts, rows, exact } = self;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let first = |i: usize| rows[i].embedding.first().copied().unwrap_or(0.0);
        order.sort_by(|&a, &b| first(a).total_cmp(&first(b)));
        let mut keep = vec![true; rows.len()];
        for (at, &i) in order.iter().enumerate() {
            // Of two vectors that are near each other the first numbers are near, too.
            let near = order[at + 1..].iter().take_while(|&&j| first(j) - first(i) <= APART);
            keep[i] = near.into_iter().all(|&j| difference(&rows[i].embedding, &rows[j].embedding) > APART);
        }
        let kept = texts.into_iter().zip(rows).zip(keep).filter_map(|(row, keep)| keep.then_some(row));
        let (texts, rows) = kept.unzip();
        Self { texts, rows, exact }
    }

    /// Tokens of a text, specials included.
    pub(crate) fn tokens(&self, text: usize) -> usize {
        self.rows[text].tokens
    }

    /// Checks that `vector` is that of the text, and tells by how much it differs.
    pub(crate) fn check(&self, text: usize, vector: &[f32]) -> Result<f32> {
        let right = &self.rows[text].embedding;
        ensure!(vector.len() == right.len(), "{} numbers instead of {}", vector.len(), right.len());
        let worst = difference(right, vector);
        let same = if self.exact { bits(right).eq(bits(vector)) } else { worst <= TOLERANCE };
        if !same {
            let other = self.rows.iter().position(|row| difference(&row.embedding, vector) <= TOLERANCE);
            let whose = other.map(|other| format!(", and is that of {:?}", self.texts[other])).unwrap_or_default();
            anyhow::bail!("the vector of {:?} differs by {worst:e}{whose}", self.texts[text]);
        }
        Ok(worst)
    }
}

/// NaN where one of the numbers is.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    let larger = |worst: f32, (a, b): (&f32, &f32)| {
        let difference = (a - b).abs();
        if difference > worst || difference.is_nan() { difference } else { worst }
    };
    a.iter().zip(b).fold(0.0, larger)
}

fn bits(vector: &[f32]) -> impl Iterator<Item = u32> {
    vector.iter().map(|number| number.to_bits())
}
