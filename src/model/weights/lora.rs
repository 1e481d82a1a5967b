//! Low-rank adapters in a checkpoint beside the weights they change, one for each task.
//!
//! jina-embeddings-v3 keeps a weight W as `X.parametrizations.weight.original` and the adapters of all its tasks in
//! `X.parametrizations.weight.0.lora_A` and `lora_B`. A task's weight is W + scaling · B A for a linear layer, and
//! W + scaling · A B for an embedding table, with scaling = `lora_alpha` / `lora_rank`; without a task it is W.
//! Hu et al. 2021, <https://arxiv.org/abs/2106.09685>; Sturua et al. 2024, <https://arxiv.org/abs/2409.10173>.

use serde_json::Value as Json;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adapter {
    /// The index of the task, in the order of the file.
    pub task: usize,
    pub tasks: usize,
    pub rank: usize,
    pub scaling: f32,
}

impl Adapter {
    /// The adapter of `config` (the parsed config.json) called `name`; `None` if it has none of that name. Errors when
    /// its settings make no sense.
    pub fn named(config: &Json, name: &str) -> Result<Option<Self>, String> {
        let Some(tasks) = config.get("lora_adaptations").and_then(Json::as_array) else { return Ok(None) };
        let Some(task) = tasks.iter().position(|task| task.as_str() == Some(name)) else { return Ok(None) };
        let number = |key: &str, default: f64| match config.get(key) {
            None | Some(Json::Null) => Ok(default),
            Some(value) => value.as_f64().ok_or_else(|| format!("{key} is {value}")),
        };
        let (rank, alpha) = (number("lora_rank", 4.0)?, number("lora_alpha", 1.0)?);
        if rank < 1.0 || rank.fract() != 0.0 {
            return Err(format!("lora_rank is {rank}"));
        }
        Ok(Some(Self { task, tasks: tasks.len(), rank: rank as usize, scaling: (alpha / rank) as f32 }))
    }

    /// Shapes of A and B for a linear layer's weight of shape `[rows, columns]`, and for an embedding table's.
    pub(crate) fn shapes(&self, [rows, columns]: [usize; 2]) -> [[[usize; 3]; 2]; 2] {
        let (n, r) = (self.tasks, self.rank);
        [[[n, r, columns], [n, rows, r]], [[n, rows, r], [n, r, columns]]]
    }

    /// `original` `[rows, columns]` with this task's change: `left` `[tasks, rows, rank]` times `right`
    /// `[tasks, rank, columns]`.
    pub(crate) fn merge(&self, original: &[f32], left: &[f32], right: &[f32], columns: usize) -> Vec<f32> {
        let mut merged = original.to_vec();
        let rows = original.len().checked_div(columns).unwrap_or(0);
        let left = &left[self.task * rows * self.rank..][..rows * self.rank];
        let right = &right[self.task * self.rank * columns..][..self.rank * columns];
        for (row, factors) in merged.chunks_exact_mut(columns.max(1)).zip(left.chunks_exact(self.rank)) {
            for (factor, direction) in factors.iter().zip(right.chunks_exact(columns.max(1))) {
                let factor = factor * self.scaling;
                row.iter_mut().zip(direction).for_each(|(x, d)| *x += factor * d);
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Adapter;

    #[test]
    fn adapters_by_name() {
        let config = json!({"lora_adaptations": ["a", "b"], "lora_rank": 2, "lora_alpha": 1});
        let expected = Adapter { task: 1, tasks: 2, rank: 2, scaling: 0.5 };
        assert_eq!(Adapter::named(&config, "b"), Ok(Some(expected)));
        assert_eq!(Adapter::named(&config, "c"), Ok(None));
        assert_eq!(Adapter::named(&json!({}), "a"), Ok(None));
        let nonsense = json!({"lora_adaptations": ["a"], "lora_rank": 0});
        assert_eq!(Adapter::named(&nonsense, "a"), Err("lora_rank is 0".into()));
    }

    #[test]
    fn the_second_task_of_rank_one() {
        let adapter = Adapter { task: 1, tasks: 2, rank: 1, scaling: 2.0 };
        // Two rows, three columns.
        let merged = adapter.merge(&[1.0; 6], &[9.0, 9.0, 1.0, 2.0], &[9.0, 9.0, 9.0, 1.0, 0.0, -1.0], 3);
        assert_eq!(merged, [3.0, 1.0, -1.0, 5.0, 1.0, -3.0]);
    }
}
