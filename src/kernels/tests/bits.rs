//! Numbers compared bit by bit.

/// The bits, with one kind of NaN.
pub(super) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }).collect()
}
