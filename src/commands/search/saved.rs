//! Search in saved vectors, block by block.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::SearchError;
use super::results::{Found, Tops};
use super::scorer::Scorer;
use crate::commands::rerank::Kept;
use crate::commands::{AppContext, Error};
use crate::input::vectors::{VectorSet, VectorsError, each};
use crate::model::similarity::Similarity;
use crate::plural::counted;

/// The vectors of some files, and what is wanted of them.
pub(super) struct Saved<'a> {
    pub files: &'a [PathBuf],
    pub scorer: &'a Scorer,
    /// The model of the queries, for messages.
    pub model: &'a str,
    pub kept: Kept,
    /// True if every row must have a text.
    pub needs_texts: bool,
}

impl Saved<'_> {
    /// Adds the nearest vectors of all files to `tops`. Rows count over all files, those that have no vector included.
    pub(super) fn search(&self, tops: &mut Tops, app: &AppContext) -> Result<(), Error> {
        let (start, bar) = (Instant::now(), app.bars.job(None));
        let (mut rows, mut failed) = (0u64, 0u64);
        for file in self.files {
            // Rows of this file that came before the block.
            let (before, mut stopped) = (rows, None);
            let read = each(file, &mut |block: VectorSet| {
                let name = Arc::clone(&block.name);
                let count = block.rows.len() as u64;
                match self.block(block, (rows, rows - before), tops, app) {
                    Ok(without) => failed += without,
                    Err(error) => {
                        stopped = Some(error);
                        return Err(VectorsError::Stopped { file: name });
                    }
                }
                rows += count;
                bar.update(rows, 0);
                Ok(())
            });
            if let Some(error) = stopped {
                return Err(error);
            }
            read?;
        }
        drop(bar);
        let printer = app.bars.printer();
        if failed > 0 {
            printer.warning(&format!("{} without a vector is not searched", counted(failed, "row")));
        }
        let seconds = start.elapsed().as_secs_f64();
        printer.note(&format!("Searched {} in {seconds:.2} s", counted(rows - failed, "vector")));
        Ok(())
    }

    /// Adds the nearest of a block, whose rows count from `first` and in their file from `in_file`; returns the number of
    /// rows that have no vector.
    fn block(
        &self,
        block: VectorSet,
        (first, in_file): (u64, u64),
        tops: &mut Tops,
        app: &AppContext,
    ) -> Result<u64, Error> {
        let VectorSet { name, rows, numbers } = block;
        let mut places = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let Some(place) = row.place.clone() else { continue };
            let (file, row_number) = (|| Arc::clone(&name), in_file + at as u64 + 1);
            let vector = numbers.get(place).unwrap_or_default();
            self.check(vector, file, row_number)?;
            if self.needs_texts && row.text.is_none() {
                return Err(SearchError::NoText { file: file(), row: row_number }.into());
            }
            places.push(at);
        }
        // Failed rows have no numbers: those of the others follow one another.
        let found = self.scorer.nearest(&numbers, || app.cancel.is_cancelled()).ok_or(Error::Interrupted)?;
        for (top, found) in tops.iter_mut().zip(found) {
            for (vector, score) in found {
                let Some((at, row)) = places.get(vector).and_then(|&at| Some((at, rows.get(at)?))) else { continue };
                let text = || row.text.as_deref().and_then(|text| self.kept.of(text)).map(Arc::from);
                top.offer(score, first + at as u64, || Found { id: row.id.clone().map(Into::into), text: text() });
            }
        }
        Ok((rows.len() - places.len()) as u64)
    }

    fn check(&self, vector: &[f32], file: impl Fn() -> Arc<str>, row: u64) -> Result<(), SearchError> {
        let expected = self.scorer.dimensions();
        if vector.len() != expected {
            let (found, model) = (vector.len(), self.model.to_owned());
            return Err(SearchError::Dimensions { file: file(), row, found, expected, model });
        }
        if !vector.iter().all(|number| number.is_finite()) {
            return Err(SearchError::NotFinite { file: file(), row });
        }
        if self.scorer.similarity() == Similarity::Cosine && vector.iter().all(|&number| number == 0.0) {
            return Err(SearchError::Zero { file: file(), row });
        }
        Ok(())
    }
}
