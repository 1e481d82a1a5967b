//! What this machine can do: one product with constant weights, on as many one-thread sessions as there are threads.

use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use infa::parts::runtime::Runtime;
use ort::session::Session;
use ort::value::TensorRef;

/// How long one measurement takes.
const SPAN: Duration = Duration::from_millis(500);

/// Rows, inner dimension and columns of the product, as make_workload.py writes it.
const SHAPE: [usize; 3] = [512, 768, 3072];

/// A product, measured again and again.
pub(crate) struct Peak {
    pub name: &'static str,
    sessions: Vec<Session>,
    rows: Vec<f32>,
    /// GFLOP/s of every measurement (for integers too a multiplication and an addition are two).
    pub gflops: Vec<f64>,
}

impl Peak {
    /// `MatMul`.
    pub(crate) fn float32(runtime: &Runtime, model: &Path, threads: usize) -> Result<Self> {
        Self::new(runtime, &model.join("peak/float32.onnx"), "float32 MatMul", threads)
    }

    /// `DynamicQuantizeMatMul`: the quantisation of the rows is in it.
    pub(crate) fn int8(runtime: &Runtime, model: &Path, threads: usize) -> Result<Self> {
        Self::new(runtime, &model.join("peak/int8.onnx"), "int8 DynamicQuantizeMatMul", threads)
    }

    fn new(runtime: &Runtime, graph: &Path, name: &'static str, threads: usize) -> Result<Self> {
        let session = |_| {
            let builder = Session::builder(runtime.environment())?;
            let mut builder = builder.with_intra_threads(1).map_err(|e| anyhow::anyhow!("{e}"))?;
            builder.commit_from_file(graph).with_context(|| format!("{} (make_workload.py makes it)", graph.display()))
        };
        let rows = (0..SHAPE[0] * SHAPE[1]).map(|i| (i as f32).sin()).collect();
        Ok(Self { name, sessions: (0..threads).map(session).collect::<Result<_>>()?, rows, gflops: Vec::new() })
    }

    /// All sessions at once, for [`SPAN`].
    pub(crate) fn measure(&mut self) -> Result<()> {
        let barrier = Barrier::new(self.sessions.len());
        let (rows, barrier) = (&*self.rows, &barrier);
        let rates: Vec<Result<f64>> = std::thread::scope(|scope| {
            let threads = self.sessions.iter_mut().map(|session| scope.spawn(move || rate(session, rows, barrier)));
            let threads: Vec<_> = threads.collect();
            threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread died")))).collect()
        });
        self.gflops.push(rates.into_iter().sum::<Result<f64>>()?);
        Ok(())
    }
}

fn rate(session: &mut Session, rows: &[f32], barrier: &Barrier) -> Result<f64> {
    let mut run = || -> Result<()> {
        let input = TensorRef::from_array_view(([SHAPE[0], SHAPE[1]], rows))?;
        session.run(ort::inputs! { "a" => input })?;
        Ok(())
    };
    let warm = run();
    barrier.wait();
    warm?;
    let start = Instant::now();
    let mut runs = 0.0;
    while start.elapsed() < SPAN {
        run()?;
        runs += 1.0;
    }
    let flop = 2.0 * SHAPE.iter().map(|&n| n as f64).product::<f64>();
    Ok(runs * flop / start.elapsed().as_secs_f64() / 1e9)
}
