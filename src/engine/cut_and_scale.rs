//! Post-processing of vectors that an engine left longer or unscaled: cut to the requested length, then normalised.

use crate::model::pooling;

/// Cuts `vector` to `dimensions`, then scales it to length 1, as `--dimensions` and `--normalize` say. A vector whose
/// length is within `tolerance` of 1 keeps its bits.
///
/// # Errors
/// A sentence, if the vector is shorter.
pub(super) fn cut_and_scale(
    vector: &mut Vec<f32>,
    dimensions: Option<usize>,
    normalize: Option<bool>,
    tolerance: f64,
) -> Result<(), String> {
    if let Some(dimensions) = dimensions {
        if vector.len() < dimensions {
            return Err(format!("vectors of {} dimensions instead of {dimensions}", vector.len()));
        }
        vector.truncate(dimensions);
    }
    if normalize.unwrap_or(dimensions.is_some()) {
        pooling::to_unit(vector, tolerance);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_leave_undone() {
        let finished = |vector: &[f32], dimensions, normalize| {
            let mut vector = vector.to_vec();
            cut_and_scale(&mut vector, dimensions, normalize, pooling::ROUNDING_OF_REPLIES).map(|()| vector)
        };
        assert_eq!(finished(&[3.0, 4.0, 9.0], Some(2), None).unwrap(), [0.6, 0.8]);
        assert_eq!(finished(&[3.0, 4.0, 9.0], Some(2), Some(false)).unwrap(), [3.0, 4.0]);
        assert_eq!(finished(&[3.0, 4.0], None, None).unwrap(), [3.0, 4.0]);
        assert_eq!(finished(&[3.0, 4.0], None, Some(true)).unwrap(), [0.6, 0.8]);
        // Cut and scaled by the server: not a bit changes.
        assert_eq!(finished(&[0.6, 0.800_01], Some(2), None).unwrap(), [0.6, 0.800_01]);
        assert_eq!(finished(&[0.0, 0.0], Some(2), None).unwrap(), [0.0, 0.0]);
        assert!(finished(&[1.0], Some(2), None).is_err());
    }
}
