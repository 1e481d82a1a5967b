//! Where engines are opened.

use crate::fetch::Context;
use crate::runtime::library::Search;

/// Where engines find files and libraries.
#[derive(Clone)]
pub struct Host {
    /// Downloads: progress, cancellation, offline or not.
    pub context: Context,
    /// Where ONNX Runtime is looked for.
    pub search: Search,
}
