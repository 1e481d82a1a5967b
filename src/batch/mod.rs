//! Grouping and scheduling: texts of equal token length run together, longest first, on whichever worker is free.

pub mod group;
pub mod pool;
