//! The heads of the pages of a column. Each is looked at before any page is read: memory is set aside for what they promise,
//! and a few bytes can promise gigabytes.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::Length;
use parquet::file::serialized_reader::SerializedPageReader;

use super::problem::{Problem, damaged};
use super::storage::Storage;
use super::thrift::{Compact, I32, STRUCT};

/// Bytes of a page's head, at first and at most: statistics may make it long.
const HEAD: [usize; 2] = [1 << 10, 1 << 20];
/// Maximum number of values a byte of the file, besides [`FREE`] ones. For ordinary vectors it is a quarter; repeated
/// numbers are stored much more compactly.
const PER_BYTE: u64 = 128;
const FREE: u64 = 16 << 20;

/// The most values that a file of this size can hold.
pub(super) fn plausible(size: u64) -> u64 {
    FREE + size.saturating_mul(PER_BYTE)
}

/// Looks at all pages of a column of one row group; how many values they hold, nulls and empty lists among them.
pub(super) fn check(storage: &Storage, chunk: &ColumnChunkMetaData) -> Result<u64, Problem> {
    let (mut at, length) = chunk.byte_range();
    let end = at
        .checked_add(length)
        .filter(|end| *end <= storage.len())
        .ok_or_else(|| damaged("its columns reach beyond its end"))?;
    let mut values = 0;
    while at < end {
        let (head, bytes) =
            Head::read(storage, at).ok_or_else(|| damaged(format!("the page at byte {at} is damaged")))?;
        let wrong = |what: &str| damaged(format!("the page at byte {at} {what}"));
        let left = end.checked_sub(at + bytes as u64).ok_or_else(|| wrong("is not whole"))?;
        if head.stored > left {
            return Err(wrong("is not whole"));
        }
        if head.size > largest(chunk.compression(), head.stored) {
            return Err(wrong("promises more bytes than can be in it"));
        }
        match head.kind {
            Kind::Other => {}
            Kind::Dictionary => {
                let width = match chunk.column_type() {
                    Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
                    Type::INT64 | Type::DOUBLE => 8,
                    _ => u64::try_from(chunk.column_descr().type_length()).unwrap_or(1).max(1),
                };
                if head.values.saturating_mul(width) > head.size {
                    return Err(wrong("promises more values than can be in it"));
                }
            }
            Kind::Data => {
                if !is_read(chunk.column_type(), head.encoding) {
                    let encoding = match head.encoding {
                        7 => "DELTA_BYTE_ARRAY".to_owned(),
                        other => format!("encoding {other}"),
                    };
                    let column = chunk.column_path().string();
                    let reason = format!("the column {column:?} is in {encoding}, which is not read");
                    return Err(Problem::Hinted(reason, "write it anew without that"));
                }
                values += head.values;
            }
        }
        at += bytes as u64 + head.stored;
    }
    Ok(values)
}

/// Maximum size after decompression. A byte expands to at most 255 bytes with LZ4, 1032 with gzip, 22 with Snappy; zstd
/// has no limit, so one is imposed.
fn largest(compression: Compression, stored: u64) -> u64 {
    let times = match compression {
        Compression::UNCOMPRESSED => return stored,
        Compression::SNAPPY => 32,
        Compression::LZ4 | Compression::LZ4_RAW => 256,
        Compression::GZIP(_) => 1040,
        _ => return stored.saturating_mul(1040) + (64 << 20),
    };
    stored.saturating_mul(times) + (64 << 10)
}

/// True if values of a type can be read in an encoding, given by its number in the format.
fn is_read(kind: Type, encoding: i32) -> bool {
    let known = |known: Encoding| encoding == known as i32;
    match kind {
        _ if known(Encoding::PLAIN) || known(Encoding::RLE_DICTIONARY) => true,
        #[allow(deprecated, reason = "older files have it")]
        _ if known(Encoding::PLAIN_DICTIONARY) => true,
        Type::FLOAT | Type::DOUBLE | Type::FIXED_LEN_BYTE_ARRAY => known(Encoding::BYTE_STREAM_SPLIT),
        Type::INT32 | Type::INT64 => known(Encoding::BYTE_STREAM_SPLIT) || known(Encoding::DELTA_BINARY_PACKED),
        Type::BYTE_ARRAY => known(Encoding::DELTA_LENGTH_BYTE_ARRAY),
        _ => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Dictionary,
    /// An index, which is not read.
    Other,
}

/// The header of a page (`PageHeader` of parquet.thrift).
#[derive(Debug)]
struct Head {
    kind: Kind,
    /// Bytes of the page when it is decompressed.
    size: u64,
    /// Bytes of the page as it lies in the file.
    stored: u64,
    values: u64,
    encoding: i32,
}

impl Head {
    /// The head at a place, and its length.
    fn read(storage: &Storage, at: u64) -> Option<(Self, usize)> {
        HEAD.into_iter().find_map(|length| {
            let bytes = storage.some(at, length).ok()?;
            let mut compact = Compact::new(&bytes);
            Some((Self::of(&mut compact)?, compact.position()))
        })
    }

    fn of(head: &mut Compact<'_>) -> Option<Self> {
        let [mut kind, mut size, mut stored] = [None; 3];
        let [mut first, mut dictionary, mut second] = [None; 3];
        head.fields(|head, id, found| {
            let number = match id {
                1 => &mut kind,
                2 => &mut size,
                3 => &mut stored,
                5 | 7 | 8 => {
                    let (slot, encoding) = match id {
                        5 => (&mut first, 2),
                        7 => (&mut dictionary, 2),
                        _ => (&mut second, 4),
                    };
                    *slot = Some((found == STRUCT).then(|| values(head, encoding))??);
                    return Some(true);
                }
                _ => return Some(false),
            };
            *number = Some((found == I32).then(|| head.i32())??);
            Some(true)
        })?;
        let (kind, (values, encoding)) = match kind? {
            0 => (Kind::Data, first?),
            2 => (Kind::Dictionary, dictionary?),
            3 => (Kind::Data, second?),
            1 => (Kind::Other, (0, 0)),
            _ => return None,
        };
        let bytes = |number: Option<i32>| u64::try_from(number?).ok();
        Some(Self { kind, size: bytes(size)?, stored: bytes(stored)?, values: bytes(Some(values))?, encoding })
    }
}

/// The number of values, and how they are encoded.
fn values(head: &mut Compact<'_>, encoding_id: i16) -> Option<(i32, i32)> {
    let (mut values, mut encoding) = (None, None);
    head.fields(|head, id, kind| {
        let slot = match id {
            1 => &mut values,
            id if id == encoding_id => &mut encoding,
            _ => return Some(false),
        };
        *slot = Some((kind == I32).then(|| head.i32())??);
        Some(true)
    })?;
    values.zip(encoding)
}

/// Pages as they are, except that lengths of texts are counted first: the crate sets aside memory for as many as a page of
/// `DELTA_LENGTH_BYTE_ARRAY` claims to have.
pub(super) struct Counted {
    pub pages: SerializedPageReader<Storage>,
    /// True if values may be null: the definition levels stand before the values.
    pub levels: bool,
}

impl Counted {
    fn checked(&self, page: &Page) -> Option<()> {
        let (buffer, values, start) = match page {
            Page::DataPage { buf, num_values, encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY, .. } => {
                let start = if self.levels { after_levels(buf)? } else { 0 };
                (buf, num_values, start)
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => (buf, num_values, def_levels_byte_len.checked_add(*rep_levels_byte_len)? as usize),
            _ => return Some(()),
        };
        (count(buffer, start)? <= u64::from(*values)).then_some(())
    }
}

/// Levels begin with their length.
fn after_levels(buffer: &Bytes) -> Option<usize> {
    let length = u32::from_le_bytes(*buffer.first_chunk()?);
    usize::try_from(length).ok()?.checked_add(4)
}

/// The number of lengths, which follows the size of a block and the number of its parts.
fn count(buffer: &Bytes, start: usize) -> Option<u64> {
    let mut head = Compact::new(buffer.get(start..)?);
    head.varint()?;
    head.varint()?;
    head.varint()
}

impl Iterator for Counted {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Counted {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        match page.as_ref().map(|page| self.checked(page)) {
            Some(None) => Err(ParquetError::General("a page promises more texts than it has values".to_owned())),
            _ => Ok(page),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}
