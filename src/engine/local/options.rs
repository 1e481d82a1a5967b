//! Options of the local engine.

use std::num::NonZero;
use std::sync::Arc;

use super::observe::GroupObserver;
use crate::batch::grouping::Grouping;
use crate::batch::scheduler::Bounds;
use crate::engine::int8::Int8Options;
use crate::graph::Precision;
use crate::kernels::Set;
use crate::model::weights::Access;
use crate::runtime::device::Dtype;
use crate::runtime::{GpuSettings, ResolvedDevice, cores};

#[derive(Clone)]
pub struct OnnxOptions {
    pub device: ResolvedDevice,
    /// True if what is made for GPUs runs on the CPU, for tests on machines without a GPU.
    pub rehearsal: bool,
    /// Settings of GPUs.
    pub gpu: GpuSettings,
    pub dtype: Dtype,
    /// The instruction set of infa's own operators; `None`: only ONNX Runtime's.
    pub kernels: Option<Set>,
    /// Workers, each on one thread.
    pub threads: NonZero<usize>,
    /// Most tokens that run together: in texts of equal length, or of any where they are packed. `None`: what suits the
    /// device.
    pub batch_tokens: Option<NonZero<usize>>,
    /// Tokens of the longest text, if they are known before the model is loaded.
    pub longest: Option<usize>,
    /// Access to files of weights: mapped or copied.
    pub access: Access,
    pub int8: Int8Options,
    /// Most tokens that wait for a worker; what comes beyond is refused ([`crate::engine::SubmitError::Full`]).
    pub queue_tokens: usize,
    /// Tokens after which a call's turn is over if others wait; without a bound, calls are done in the order in which
    /// they came.
    pub turn_tokens: usize,
    /// Notified of every run of the model.
    pub observer: Option<Arc<dyn GroupObserver>>,
}

impl Default for OnnxOptions {
    /// float32 on all cores, without bounds.
    fn default() -> Self {
        Self {
            device: ResolvedDevice::Cpu,
            rehearsal: false,
            gpu: GpuSettings::default(),
            dtype: Dtype::default(),
            kernels: None,
            threads: NonZero::new(cores::usable()).unwrap_or(NonZero::<usize>::MIN),
            batch_tokens: None,
            longest: None,
            access: Access::default(),
            int8: Int8Options::default(),
            queue_tokens: usize::MAX,
            turn_tokens: usize::MAX,
            observer: None,
        }
    }
}

impl OnnxOptions {
    /// For many callers: queues are bounded, and callers take turns.
    ///
    /// A small request is computed in one turn, so that requests finish one after the other rather than all at the end;
    /// its limit is twice the usual group, to keep two workers busy.
    pub fn shared(self, queue_tokens: usize) -> Self {
        let usual = if self.device.is_gpu() { self.group_tokens() } else { Self::BATCH_TOKENS.get() };
        Self { queue_tokens, turn_tokens: usual.saturating_mul(2), ..self }
    }

    /// Most tokens of a group: the user's choice, or what suits the smallest device.
    pub(super) fn group_tokens(&self) -> usize {
        let usual = self.device.gpus().iter().map(|gpu| batch_tokens_on(gpu.memory)).min();
        self.batch_tokens.map(NonZero::get).or(usual).unwrap_or(Self::BATCH_TOKENS.get())
    }

    /// The number format of a graph that is built for [`OnnxOptions::dtype`]; that of int8 layers is a matter of their own.
    pub(super) fn precision(&self) -> Precision {
        match self.dtype {
            Dtype::Float16 => Precision::Float16,
            Dtype::Bfloat16 => Precision::Bfloat16,
            Dtype::Auto | Dtype::Float32 | Dtype::Int8 => Precision::Float32,
        }
    }

    pub(super) fn bounds(&self, group_tokens: usize, grouping: Grouping) -> Bounds {
        Bounds {
            group_tokens,
            group_tasks: usize::MAX,
            grouping,
            queue_tokens: self.queue_tokens,
            turn_tokens: self.turn_tokens,
        }
    }

    /// Group size by measurement (`cargo bench --bench offline`, texts of 11 to 16 tokens on MiniLM). In float32, 128
    /// tokens are 9% slower, 2,048 too, since activations then leave the second-level cache; in int8, 256 to 1,024 are
    /// within the noise, and one text a group is a fifth slower.
    pub const BATCH_TOKENS: NonZero<usize> = NonZero::new(512).expect("not zero");
}

/// The same on a GPU with `memory` bytes, if that is known. Not measured yet: by the size at which products fill such GPUs.
fn batch_tokens_on(memory: Option<u64>) -> usize {
    if memory.is_some_and(|bytes| bytes >= 40_000_000_000) { 16_384 } else { 8_192 }
}
