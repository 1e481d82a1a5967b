//! A hash of a model's weights, as a name of what is made of them.

use rayon::prelude::*;

use crate::fetch::digest::Hasher;
use crate::model::weights::Weights;

/// Bytes that are hashed by one thread.
const PIECE: usize = 4 << 20;

/// The hash of all files of `weights`, in hexadecimal digits. Needs the pool of threads ([`crate::threads::start_pool`]).
pub(super) fn hash_of(weights: &Weights) -> String {
    let mut hasher = Hasher::new();
    for file in weights.files() {
        let pieces: Vec<String> = file
            .bytes()
            .par_chunks(PIECE)
            .map(|piece| {
                let mut hasher = Hasher::new();
                hasher.update(piece);
                hasher.finish()
            })
            .collect();
        pieces.iter().for_each(|piece| hasher.update(piece.as_bytes()));
    }
    // Every page of the files has been read; they need not stay in this process's memory.
    weights.release_pages();
    hasher.finish()
}
