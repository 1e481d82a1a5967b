//! Storages of numbers, and tensors as views of them.

/// The number format of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Float,
    Half,
    BFloat16,
    Double,
}

/// A run of numbers outside of the pickle.
#[derive(Debug)]
pub(super) struct Storage {
    pub key: String,
    pub kind: Kind,
    pub count: usize,
}

impl Storage {
    pub(crate) fn bytes(&self) -> Option<usize> {
        let size = match self.kind {
            Kind::Half | Kind::BFloat16 => 2,
            Kind::Float => 4,
            Kind::Double => 8,
        };
        self.count.checked_mul(size)
    }
}

/// A view of a storage.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub storage: usize,
    pub offset: usize,
    pub size: Vec<usize>,
    pub stride: Vec<usize>,
}

impl Tensor {
    /// Its numbers, row by row; `None` if it reaches beyond the storage, or names numbers again and again.
    pub(crate) fn take(&self, storage: &[f32]) -> Option<Vec<f32>> {
        let count = self.size.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        if count == 0 {
            return Some(Vec::new());
        }
        let mut last = self.offset;
        for (&size, &stride) in self.size.iter().zip(&self.stride) {
            last = last.checked_add((size - 1).checked_mul(stride)?)?;
        }
        if last >= storage.len() || count > storage.len() {
            return None;
        }
        let mut index = vec![0; self.size.len()];
        let mut at = self.offset;
        let mut numbers = Vec::with_capacity(count);
        loop {
            numbers.push(storage[at]);
            // Increments the index, the last dimension first.
            let mut axis = self.size.len();
            loop {
                if axis == 0 {
                    return Some(numbers);
                }
                axis -= 1;
                index[axis] += 1;
                at += self.stride[axis];
                if index[axis] < self.size[axis] {
                    break;
                }
                at -= index[axis] * self.stride[axis];
                index[axis] = 0;
            }
        }
    }
}
