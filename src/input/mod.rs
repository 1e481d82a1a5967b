//! Readers: a file or stdin in, records in order out.
