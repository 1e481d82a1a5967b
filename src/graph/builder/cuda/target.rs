//! The properties of a graph for CUDA.

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
}
