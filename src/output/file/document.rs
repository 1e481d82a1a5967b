//! A text as a whole: a report, a page.

use super::sink::Sink;
use crate::output::{Destination, OutputError};

/// A file that will hold one text. It is created before the work, so that an unwritable path fails at once and not
/// after an hour, and it replaces the old file when the text is written; on drop without a text the old file stays.
pub(crate) struct Document(Sink);

impl Document {
    /// Prepares to write there.
    pub(crate) fn open(destination: &Destination) -> Result<Self, OutputError> {
        Sink::open(destination).map(Self)
    }

    pub(crate) fn write(self, text: &str) -> Result<(), OutputError> {
        let Self(mut sink) = self;
        sink.buffer().extend_from_slice(text.as_bytes());
        sink.finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_appears_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.md");
        std::fs::write(&path, "old").unwrap();
        let destination = Destination::File(path.clone());
        drop(Document::open(&destination).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        let document = Document::open(&destination).unwrap();
        document.write("new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert!(Document::open(&Destination::File(dir.path().join("no/where"))).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
