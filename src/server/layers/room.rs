//! Room for the bodies of all requests together: each is bounded, but hundreds of them could exhaust the memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies are counted in blocks of so many bytes; the first of each counts nothing, so that small requests always find
/// room.
const BLOCK: usize = 64 << 10;

/// Room for so many bytes.
#[derive(Debug, Clone)]
pub struct Room {
    blocks: Arc<Semaphore>,
    /// Its size in bytes.
    pub size: usize,
}

/// There is none left.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Room {
    pub fn new(size: usize) -> Self {
        Self { blocks: Arc::new(Semaphore::new((size / BLOCK).min(Semaphore::MAX_PERMITS))), size }
    }

    /// The place of a body, of which nothing has come yet.
    pub fn place(&self) -> Place {
        Place { blocks: Arc::clone(&self.blocks), held: None }
    }
}

/// The place that one body takes, until it is dropped.
pub struct Place {
    blocks: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// Takes what is needed for so many bytes altogether.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = (bytes / BLOCK).saturating_sub(held);
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).map_err(|_| Full)?;
        let permit = Arc::clone(&self.blocks).try_acquire_many_owned(more).map_err(|_| Full)?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_it_and_small_ones_need_none() {
        let room = Room::new(4 * BLOCK);
        let (mut first, mut second, mut small) = (room.place(), room.place(), room.place());
        assert_eq!(first.grow(BLOCK - 1), Ok(()));
        assert_eq!(first.grow(2 * BLOCK), Ok(()));
        assert_eq!(first.grow(3 * BLOCK), Ok(()));
        assert_eq!(second.grow(2 * BLOCK), Err(Full));
        assert_eq!(second.grow(BLOCK), Ok(()));
        assert_eq!(small.grow(BLOCK - 1), Ok(()));
        assert_eq!(first.grow(4 * BLOCK), Err(Full));
        drop(first);
        assert_eq!(second.grow(4 * BLOCK), Ok(()));
    }
}
