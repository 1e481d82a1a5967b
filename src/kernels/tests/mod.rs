//! Every kernel against its scalar twin, bit by bit, and against plain sums in f64, over random shapes.

mod functions;
mod layers;
mod products;

/// The bits, with one kind of NaN.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }).collect()
}
