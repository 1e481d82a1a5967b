//! Weights with adapters: the tensors with the changes of the selected one.

use super::WeightsError;
use super::checkpoint::ORIGINAL;
use super::checkpoint::{TensorData, Weights};
use super::lora::Adapter;

impl Weights {
    /// From now on tensors have the changes of this adapter.
    pub fn adapt(&mut self, adapter: Adapter) -> Result<(), WeightsError> {
        if !self.homes.keys().any(|name| name.ends_with("parametrizations.weight.0.lora_A")) {
            return Err(self.missing("…parametrizations.weight.0.lora_A"));
        }
        self.adapter = Some(adapter);
        Ok(())
    }

    /// The name in the file of the weight `name`, if it has adapters.
    pub(super) fn adapted(&self, name: &str) -> Option<String> {
        let original = format!("{}{ORIGINAL}", name.strip_suffix("weight")?);
        self.homes.contains_key(&original).then_some(original)
    }

    /// The tensor `name`, which must have `shape`, as f32, with the changes of the adapter, if any.
    pub fn float_tensor(&self, name: &str, shape: &[usize]) -> Result<TensorData, WeightsError> {
        let Some(original) = self.adapted(name) else { return self.stored(name, shape) };
        let tensor = self.stored(&original, shape)?;
        let (Some(adapter), &[rows, columns]) = (&self.adapter, shape) else { return Ok(tensor) };
        let stem = original.trim_end_matches("original");
        let (a, b) = (format!("{stem}0.lora_A"), format!("{stem}0.lora_B"));
        let [[linear_a, linear_b], [table_a, table_b]] = adapter.shapes([rows, columns]);
        let (left, right) = if self.raw(&a).is_some_and(|tensor| tensor.shape == linear_a) {
            (self.stored(&b, &linear_b)?, self.stored(&a, &linear_a)?)
        } else {
            (self.stored(&a, &table_a)?, self.stored(&b, &table_b)?)
        };
        let merged = adapter.merge(tensor.as_slice(), left.as_slice(), right.as_slice(), columns);
        Ok(TensorData::Owned(merged.into()))
    }
}
