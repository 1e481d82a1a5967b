//! The properties of a graph for CUDA, and what its parts leave to each other.

use crate::graph::builder::value::Value;
use crate::graph::{Layout, Precision};

/// The properties of a graph for CUDA.
#[derive(Debug, Clone)]
pub(in super::super) struct Cuda {
    pub(in super::super) precision: Precision,
    /// [`Layout::Unpadded`] or [`Layout::Padded`].
    pub(in super::super) layout: Layout,
    /// True if layers are described, and so written by [`Builder::cuda_layer`](super::super::Builder::cuda_layer).
    pub(in super::super) described: bool,
    /// The first weight with a number that the precision cannot hold.
    pub(in super::super) overflow: Option<String>,
    /// The sum at the end of the last layer.
    pub(in super::super) sum: Option<Sum>,
}

/// A product, and the bias that is still to be added.
#[derive(Debug, Clone)]
pub(in super::super) struct Apart {
    pub(super) product: Value,
    pub(super) bias: Option<Value>,
}

/// A sum in the graph, and its parts.
#[derive(Debug, Clone)]
pub(in super::super) struct Sum {
    pub(super) value: Value,
    pub(super) result: Apart,
    pub(super) x: Value,
    /// The number of its first node, and of the one behind its last.
    pub(super) first: usize,
    pub(super) behind: usize,
}

impl Sum {
    /// True if `x` is the sum, and nothing of a graph of `nodes` nodes can have used it.
    pub(super) fn is(&self, x: &Value, nodes: usize) -> bool {
        self.value.0 == x.0 && self.behind == nodes
    }
}
