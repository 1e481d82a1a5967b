//! Writers: rows in order in, a file or stdout out.
