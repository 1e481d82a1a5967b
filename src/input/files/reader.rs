//! A buffered reader of a file or of stdin.

use std::io::{self, BufRead, Cursor, Read};

/// Bytes without a byte order mark at their start.
pub(crate) type Reader = Box<dyn BufRead + Send>;

/// Takes a UTF-8 byte order mark off the start.
///
/// It looks at no more bytes than it must, so that a first line of one letter is not held back.
pub(crate) fn without_bom(mut reader: Reader) -> io::Result<Reader> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    if reader.fill_buf()?.first() != BOM.first() {
        return Ok(reader);
    }
    let mut head = Vec::with_capacity(BOM.len());
    reader.by_ref().take(BOM.len() as u64).read_to_end(&mut head)?;
    if head == BOM { Ok(reader) } else { Ok(Box::new(Cursor::new(head).chain(reader))) }
}
