//! Operators of our own, registered with ONNX Runtime.

use std::sync::{Arc, Mutex, PoisonError};

use ort::operator::{
    BoxedKernel, ComputeContext, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
};
use ort::value::TensorElementType;

use crate::graph::{OPERATOR, OPERATOR_DOMAIN};
use crate::kernels::{self, Inputs, Scratch};
use crate::panic_guard::catch_panic;

/// The operators of a graph, for one session: they share their buffers.
pub(super) fn domain(operators: &[Arc<dyn kernels::Operator>]) -> ort::Result<OperatorDomain> {
    let own = Own { operators: operators.to_vec(), scratch: Arc::default() };
    OperatorDomain::new(OPERATOR_DOMAIN)?.add(own)
}

/// The one operator that ONNX Runtime knows; the attribute `number` says which of ours it is.
struct Own {
    operators: Vec<Arc<dyn kernels::Operator>>,
    scratch: Arc<Mutex<Scratch>>,
}

impl Operator for Own {
    type Kernel<'attr> = BoxedKernel<'attr>;

    fn name(&self) -> &str {
        OPERATOR
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(TensorElementType::Float32),
            OperatorInput::optional(TensorElementType::Int64),
            OperatorInput::optional(TensorElementType::Float32),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<BoxedKernel<'attr>> {
        let number: i64 = context.get("number").ok_or_else(|| ort::Error::new("an operator without a number"))?;
        let operator = usize::try_from(number).ok().and_then(|number| self.operators.get(number));
        let operator = Arc::clone(operator.ok_or_else(|| ort::Error::new(format!("there is no operator {number}")))?);
        let scratch = Arc::clone(&self.scratch);
        Ok(Box::new(move |context: &ComputeContext| {
            let mut scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
            // Unwinding into ONNX Runtime would end the process.
            catch_panic(|| compute(context, operator.as_ref(), &mut scratch)).unwrap_or_else(|message| {
                *scratch = Scratch::default();
                Err(ort::Error::new(message))
            })
        }))
    }
}

fn compute(context: &ComputeContext, operator: &dyn kernels::Operator, scratch: &mut Scratch) -> ort::Result<()> {
    let missing = |what: &str| ort::Error::new(format!("an operator without {what}"));
    let states = context.input(0)?.ok_or_else(|| missing("hidden states"))?;
    // What a node leaves out at its end is an error of the runtime.
    let optional = |index| context.input(index).ok().flatten();
    let (lengths, table) = (optional(1), optional(2));
    let (_, states) = states.try_extract_tensor::<f32>()?;
    let lengths = match &lengths {
        Some(lengths) => lengths.try_extract_tensor::<i64>()?.1,
        None => &[],
    };
    let table = match &table {
        Some(table) => table.try_extract_tensor::<f32>()?.1,
        None => &[],
    };
    let inputs = Inputs { states, lengths, table };
    let rows = operator.rows(&inputs).map_err(|e| ort::Error::new(e.to_string()))?;
    let shape = [rows as i64, operator.width() as i64];
    let mut output = context.output(0, shape)?.ok_or_else(|| missing("an output"))?;
    let (_, output) = output.try_extract_tensor_mut::<f32>()?;
    operator.run(&inputs, scratch, output);
    Ok(())
}
