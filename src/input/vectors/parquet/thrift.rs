//! A minimal reader of Thrift's compact protocol, which checks Parquet headers before the crate allocates for them.
//!
//! The format: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>. `None` everywhere
//! means malformed or truncated bytes.

/// Kinds of values. Booleans of a struct lie in the kind itself.
pub(super) const I32: u8 = 5;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;
/// Structs and lists within one another, at most; the files' own go five deep.
const DEPTH: u8 = 32;

/// A place in the bytes.
#[derive(Debug, Clone)]
pub(super) struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Compact<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn take(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn i32(&mut self) -> Option<i32> {
        let value = self.varint()?;
        i32::try_from((value >> 1) as i64 ^ -((value & 1) as i64)).ok()
    }

    /// Calls `field` with id and kind of each field of a struct. It reads the field's value and returns `true`, or leaves it
    /// to be passed over.
    pub(crate) fn fields(&mut self, field: impl FnMut(&mut Self, i16, u8) -> Option<bool>) -> Option<()> {
        self.fields_within(DEPTH, field)
    }

    fn fields_within(&mut self, depth: u8, mut field: impl FnMut(&mut Self, i16, u8) -> Option<bool>) -> Option<()> {
        let mut id = 0i16;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return (head == 0).then_some(());
            }
            id = match head >> 4 {
                0 => i16::try_from(self.i32()?).ok()?,
                more => id.checked_add(i16::from(more))?,
            };
            if !field(self, id, kind)? {
                self.skip(kind, depth)?;
            }
        }
    }

    /// Type and number of the elements of a list; the number is at most that of the remaining bytes.
    pub(crate) fn list(&mut self) -> Option<(u8, usize)> {
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            size => usize::from(size),
        };
        // Booleans in lists are passed over in different ways by different readers; Parquet's heads have none.
        let bytes = head & 0x0f > 2 || size == 0;
        (bytes && size <= self.bytes.len() - self.at).then_some((head & 0x0f, size))
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            1 | 2 => Some(()),
            3 => self.take(1),
            4..=6 => self.varint().map(drop),
            7 => self.take(8),
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.take(length)
            }
            // A set is like a list.
            LIST | 10 => {
                let (kind, size) = self.list()?;
                (0..size).try_for_each(|_| self.skip(kind, depth))
            }
            STRUCT => self.fields_within(depth, |_, _, _| Some(false)),
            13 => self.take(16),
            // Maps: Parquet's heads have none.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert_eq!(Compact::new(&[0xac, 2]).varint(), Some(300));
        assert_eq!(Compact::new(&[3]).i32(), Some(-2));
        assert_eq!(Compact::new(&[0xff; 12]).varint(), None);
        assert_eq!(Compact::new(&[0x80]).varint(), None);
        // Field 1: i32 7, field 2: binary, field 3: a list of two i32, field 40: true.
        let bytes = [0x15, 14, 0x18, 2, b'a', b'b', 0x19, 0x25, 2, 4, 0x01, 80, 0];
        let mut seen = Vec::new();
        let mut compact = Compact::new(&bytes);
        let fields = compact.fields(|within, id, kind| {
            seen.push((id, kind));
            Some(if id == 1 { within.i32()? == 7 } else { false })
        });
        assert_eq!((fields, compact.position()), (Some(()), bytes.len()));
        assert_eq!(seen, [(1, 5), (2, 8), (3, 9), (40, 1)]);
        for end in 0..bytes.len() {
            assert_eq!(Compact::new(&bytes[..end]).fields(|_, _, _| Some(false)), None, "{end}");
        }
    }

    #[test]
    fn thrift_refuses_lengths_beyond_the_bytes() {
        // A list of 2^30 structs, one of booleans, a string longer than the rest, and structs without end.
        for bytes in [&[0xfc, 0x80, 0x80, 0x80, 0x80, 4][..], &[0x21, 1, 1]] {
            assert_eq!(Compact::new(bytes).list(), None);
        }
        assert_eq!(Compact::new(&[0x18, 0xff, 0xff, 3, 1, 0]).fields(|_, _, _| Some(false)), None);
        assert_eq!(Compact::new(&[0x1c; 100_000]).fields(|_, _, _| Some(false)), None);
        assert_eq!(Compact::new(&[0x19; 100_000]).fields(|_, _, _| Some(false)), None);
    }
}
