//! Every kernel against its scalar twin, bit by bit, and against plain sums in f64, over random shapes.

mod bits;
mod functions;
mod layers;
mod products;
