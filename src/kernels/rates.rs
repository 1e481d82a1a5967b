//! The time that each step of a layer takes, for benchmarks.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::encoder::{Description, LayerNorms, NormWeights, build};
use super::sets::{Format, Set, Visit, visit};
use super::simd::{Kernel, LANES, Simd};
use crate::operands::columns::Transposed;
use crate::operands::kind::Kind;
use crate::operands::matrix::{Matrix, Numbers, Pack};
use crate::operands::rows::{Centre, Encode, Rows};
use crate::steps::activation::Activation;
use crate::steps::attention::{self, Attention, View};
use crate::steps::bias::Full;
use crate::steps::feed_forward::{self, AfterAttention, quantise};
use crate::steps::layer::{self, Layer, Picked, Run};
use crate::steps::linear::{Affine, Linear};
use crate::steps::norm::Norm;
use crate::steps::store::Store;

/// The shortest time of one step, over all rows of a layer.
#[derive(Debug, Clone)]
pub struct Rate {
    pub step: &'static str,
    pub seconds: f64,
    /// Multiplications and additions of its products.
    pub operations: f64,
}

/// The sizes of a layer, and of the sequences that it computes.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub sequences: usize,
    /// Tokens of each sequence.
    pub length: usize,
    pub hidden: usize,
    pub heads: usize,
    /// Values between the two products of the feed-forward network.
    pub inner: usize,
}

/// Times the steps of a layer of random weights on one core, the shortest of the runs within `time` a step. The first is the
/// instruction of linear layers alone, without memory. `None` if the set has no arithmetic for the format.
///
/// Inlined, so that its copies of the kernels are compiled with the benchmark alone.
#[inline]
pub fn rates(set: Set, format: Format, shape: Shape, time: Duration) -> Option<Vec<Rate>> {
    visit(set, format, Timing { shape, time, int8: format == Format::Int8 })
}

struct Timing {
    shape: Shape,
    time: Duration,
    int8: bool,
}

/// Numbers from −1 to 1 that look random and are the same every time.
fn random(count: usize) -> Vec<f32> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Blocks of rows of [`Peak`].
const BLOCKS: usize = 16;

/// The instruction of a product over a tile of registers.
struct Peak<K, const R: usize, const V: usize>(usize, std::marker::PhantomData<K>);

impl<K: Kind, const R: usize, const V: usize> Kernel for Peak<K, R, V> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        // About 1 in every format of floats: denormal numbers could be slower.
        let ones = 0x3f80_3f80;
        let columns = black_box([[ones; LANES]; V]);
        // Rows that differ, as far as the compiler knows: else products would be computed once for all.
        let rows = black_box(vec![[[ones; 4]; R]; BLOCKS]);
        let mut column = [simd.splat_i(0); V];
        for v in 0..V {
            column[v] = simd.load_i(&columns[v]);
        }
        let mut sums = [[K::start(simd, 0); V]; R];
        for _ in 0..self.0 / BLOCKS {
            for words in &rows {
                for r in 0..R {
                    for v in 0..V {
                        sums[r][v] = K::dot(simd, sums[r][v], column[v], &words[r], 0);
                    }
                }
            }
        }
        let mut all = simd.splat(0.0);
        for r in 0..R {
            for v in 0..V {
                all = simd.add(all, K::finish(simd, sums[r][v]));
            }
        }
        simd.sum(all)
    }
}

struct Quantise<'a, K: Encode, const R: usize> {
    to: &'a mut Rows<K, R>,
    rows: &'a [[f32; LANES]],
    width: usize,
    centre: Centre,
}

impl<K: Encode, const R: usize> Kernel for Quantise<'_, K, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        quantise(simd, self.to, self.rows, self.width, None, self.centre);
    }
}

struct Normalise<'a>(&'a Norm, &'a mut [[f32; LANES]], usize);

impl Kernel for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        feed_forward::normalise(simd, self.1, self.0, self.2);
    }
}

/// An activation, its result quantised later on or not.
struct Activate<'a>(Activation, bool, &'a mut [[f32; LANES]]);

impl Kernel for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for values in self.2 {
            simd.store(self.0.of(simd, simd.load(values), self.1), values);
        }
    }
}

impl Visit for Timing {
    type Output = Vec<Rate>;

    fn bounded(&self) -> bool {
        self.int8
    }

    fn visit<S: Simd, K: Pack, QK: Encode, PV: Transposed, const R: usize, const V: usize>(self, simd: S) -> Vec<Rate> {
        let Self { shape: Shape { sequences, length, hidden, heads, inner }, time, int8 } = self;
        let tokens = sequences * length;
        let head_dim = hidden / heads;
        let numbers = random(hidden * inner);
        let bytes: Vec<u8> = numbers.iter().map(|number| (number * 63.0) as i8 as u8).collect();
        let scales = vec![0.001; hidden.max(inner)];
        let (zeros, ones) = (vec![0.0; hidden.max(inner)], vec![1.0; hidden]);
        let matrix = |inputs: usize, outputs: usize| Matrix {
            inputs,
            outputs,
            numbers: if int8 {
                Numbers::I8(&bytes[..inputs * outputs], &scales[..outputs])
            } else {
                Numbers::F32(&numbers[..inputs * outputs])
            },
            bias: &zeros[..outputs],
            smoothing: &[],
        };
        let square = matrix(hidden, hidden);
        let norm = NormWeights { weight: &ones, bias: Some(&zeros[..hidden]), epsilon: 1e-12 };
        let layer: Layer<K, V> = build(&Description {
            hidden,
            heads,
            kv_heads: heads,
            head_dim,
            query: square,
            key: square,
            value: square,
            output: square,
            up: matrix(hidden, inner),
            activation: Activation::Gelu,
            gate: None,
            rope: None,
            down: matrix(inner, hidden),
            norms: LayerNorms { sums: [Some(norm); 2], ..LayerNorms::default() },
            head_norms: None,
            scale: None,
            picked: Picked::All,
            causal: false,
            reach: None,
            slopes: &[],
            table: false,
        });
        let states = random(tokens * hidden);
        let states = states.as_chunks::<LANES>().0;
        let mut output = states.to_vec();
        let mut rates = Vec::new();
        let mut time_step = |step, operations: usize, run: &mut dyn FnMut()| {
            let (began, mut best) = (Instant::now(), Duration::MAX);
            while began.elapsed() < time {
                let start = Instant::now();
                run();
                best = best.min(start.elapsed());
            }
            rates.push(Rate { step, seconds: best.as_secs_f64(), operations: operations as f64 });
        };

        let dots = 20_000 / BLOCKS * BLOCKS;
        time_step("instruction", 2 * dots * R * V * LANES * K::PRODUCTS, &mut || {
            black_box(simd.vectorize(Peak::<K, R, V>(dots, std::marker::PhantomData)));
        });

        let mut rows = Rows::<K, R>::default();
        let width = hidden / LANES;
        time_step("quantise states", 0, &mut || {
            simd.vectorize(Quantise { to: &mut rows, rows: states, width, centre: Centre::Zero });
        });
        let of_head = layer.width;
        let mut queries = vec![[0.0; LANES]; tokens * of_head];
        let mut keys_values = vec![[0.0; LANES]; tokens * 2 * of_head];
        let mut context = vec![[0.0; LANES]; tokens * heads * of_head];
        time_step("queries, keys, values", 6 * tokens * hidden * hidden, &mut || {
            for group in &layer.groups {
                let store = Store { rows: &mut queries, width: of_head };
                simd.vectorize(Linear { rows: &rows, count: tokens, affine: &group.queries, epilogue: store });
                let store = Store { rows: &mut keys_values, width: 2 * of_head };
                simd.vectorize(Linear { rows: &rows, count: tokens, affine: &group.keys_values, epilogue: store });
            }
        });
        let mut buffers = attention::Buffers::<QK, PV, R, V>::default();
        for (step, phase, products) in attention::PHASES {
            time_step(step, products * 2 * tokens * length * hidden, &mut || {
                for _ in 0..heads * sequences {
                    let view = |at| View { values: &keys_values, stride: 2 * of_head, at };
                    simd.vectorize(attention::Only(
                        phase,
                        Attention {
                            queries: View { values: &queries, stride: of_head, at: 0 },
                            query_count: length,
                            first_query: 0,
                            keys: view(0),
                            values: view(of_head),
                            key_count: length,
                            heads: 1,
                            first_head: 0,
                            width: of_head,
                            value_width: of_head,
                            bias: &Full,
                            buffers: &mut buffers,
                            context: &mut context,
                            context_stride: heads * of_head,
                            context_at: 0,
                        },
                    ));
                }
            });
        }

        let mut linear = |step, affine: &Affine<K, V>, inputs: usize, outputs: usize| {
            let input = random(tokens * inputs);
            let (mut rows, width) = (Rows::<K, R>::default(), inputs / LANES);
            simd.vectorize(Quantise { to: &mut rows, rows: input.as_chunks().0, width, centre: Centre::Zero });
            let mut results = vec![[0.0; LANES]; tokens * outputs / LANES];
            time_step(step, 2 * tokens * inputs * outputs, &mut || {
                let store = Store { rows: &mut results, width: outputs / LANES };
                simd.vectorize(Linear { rows: &rows, count: tokens, affine, epilogue: store });
            });
        };
        linear("output", &layer.output, hidden, hidden);
        linear("up", &layer.feed_forward.up, hidden, inner);
        linear("down", &layer.feed_forward.down, inner, hidden);
        let block = feed_forward::TILES * R * inner / LANES;
        let mut within = random(block * LANES).as_chunks().0.to_vec();
        let blocks = tokens.div_ceil(feed_forward::TILES * R);
        time_step("activation", 0, &mut || {
            for _ in 0..blocks {
                simd.vectorize(Activate(Activation::Gelu, K::QUANTISED, &mut within));
            }
        });
        let mut of_inner = Rows::<K, R>::default();
        time_step("quantise activations", 0, &mut || {
            for _ in 0..blocks {
                let (to, rows) = (&mut of_inner, &within[..]);
                simd.vectorize(Quantise { to, rows, width: inner / LANES, centre: Centre::Middle });
            }
        });
        let mut normalised = states.to_vec();
        time_step("norm", 0, &mut || {
            simd.vectorize(Normalise(&layer.norms.sums[0], &mut normalised, width));
        });
        let mut after = feed_forward::Buffers::<K, R>::default();
        time_step("all after attention", 2 * tokens * hidden * (hidden + 2 * inner), &mut || {
            simd.vectorize(AfterAttention {
                context: &context,
                inputs: states,
                states: &mut output,
                output: &layer.output,
                feed_forward: &layer.feed_forward,
                norms: &layer.norms,
                buffers: &mut after,
            });
        });
        let mut buffers = layer::Buffers::<K, QK, PV, R, V>::default();
        let products = 4 * hidden * hidden + 2 * hidden * inner + 2 * length * hidden;
        time_step("layer", 2 * tokens * products, &mut || {
            simd.vectorize(Run {
                layer: &layer,
                states,
                lengths: &vec![length; sequences],
                bias: &Full,
                picked: Picked::All,
                buffers: &mut buffers,
                output: &mut output,
            });
        });
        rates
    }
}
