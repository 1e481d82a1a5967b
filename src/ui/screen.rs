//! The terminal that bars are drawn on.
//!
//! indicatif fills the rest of a bar's line with spaces, up to the terminal's width. A terminal that is made narrower moves
//! these spaces to a row of their own, and the bar's first row stays behind as rubbish. Here the rest of a line stays empty.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use indicatif::TermLike;

/// stderr as a terminal.
#[derive(Debug)]
pub(super) struct Screen {
    term: Term,
    /// The line is written and another one may follow.
    ended: AtomicBool,
}

impl Screen {
    /// stderr, which must be a terminal.
    pub(crate) fn stderr() -> Self {
        Self { term: Term::buffered_stderr(), ended: AtomicBool::new(false) }
    }

    /// Goes to the next line if the last one is at its end.
    fn settle(&self) -> io::Result<()> {
        if self.ended.swap(false, Ordering::Relaxed) { self.term.write_str("\r\n") } else { Ok(()) }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        TermLike::width(&self.term)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.term)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        TermLike::move_cursor_up(&self.term, n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        TermLike::move_cursor_down(&self.term, n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        TermLike::move_cursor_right(&self.term, n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        TermLike::move_cursor_left(&self.term, n)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.settle()?;
        TermLike::write_line(&self.term, line)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        if !text.is_empty() && text.bytes().all(|byte| byte == b' ') {
            self.ended.store(true, Ordering::Relaxed);
            return Ok(());
        }
        self.settle()?;
        TermLike::write_str(&self.term, text)
    }

    fn clear_line(&self) -> io::Result<()> {
        TermLike::clear_line(&self.term)
    }

    fn flush(&self) -> io::Result<()> {
        // Nothing follows: the cursor stays at the end of the line.
        self.ended.store(false, Ordering::Relaxed);
        TermLike::flush(&self.term)
    }
}
