//! Reference kernels, in f32, for two operators of ONNX Runtime that only GPUs have; by its documentation of their inputs.

use ort::operator::{
    BoxedKernel, ComputeContext, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
};
use ort::value::TensorElementType::{Float32, Int32};

/// The domain of the kernels here.
pub(crate) const DOMAIN: &str = "test";

pub(crate) const OPERATORS: [&str; 2] = ["PackedMultiHeadAttention", "RestorePadding"];

pub(crate) fn domain() -> OperatorDomain {
    OperatorDomain::new(DOMAIN).unwrap().add(Attention).unwrap().add(RestorePadding).unwrap()
}

/// Shape and numbers of an input that may be left out.
type Floats = Option<(Vec<usize>, Vec<f32>)>;

fn floats(context: &ComputeContext, number: usize) -> Floats {
    let value = context.input(number).ok().flatten()?;
    let (shape, numbers) = value.try_extract_tensor::<f32>().unwrap();
    Some((shape.iter().map(|&n| n as usize).collect(), numbers.to_vec()))
}

fn integers(context: &ComputeContext, number: usize) -> (Vec<usize>, Vec<usize>) {
    let value = context.input(number).unwrap().unwrap();
    let (shape, numbers) = value.try_extract_tensor::<i32>().unwrap();
    (shape.iter().map(|&n| n as usize).collect(), numbers.iter().map(|&n| usize::try_from(n).unwrap()).collect())
}

fn put(context: &ComputeContext, shape: &[usize], numbers: &[f32]) {
    let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    let mut output = context.output(0, shape).unwrap().unwrap();
    output.try_extract_tensor_mut::<f32>().unwrap().1.copy_from_slice(numbers);
}

struct Attention;

impl Operator for Attention {
    type Kernel<'attr> = BoxedKernel<'attr>;

    fn name(&self) -> &str {
        OPERATORS[0]
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(Float32),
            OperatorInput::optional(Float32),
            OperatorInput::optional(Float32),
            OperatorInput::optional(Float32),
            OperatorInput::required(Int32),
            OperatorInput::required(Int32),
            OperatorInput::optional(Float32),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(Float32)]
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> ort::Result<BoxedKernel<'attr>> {
        let heads = usize::try_from(context.get::<i64>("num_heads").unwrap()).unwrap();
        let scale = context.get::<f32>("scale");
        Ok(Box::new(move |context: &ComputeContext| {
            attend(context, heads, scale);
            Ok(())
        }))
    }
}

fn attend(context: &ComputeContext, heads: usize, scale: Option<f32>) {
    let (shape, query) = floats(context, 0).unwrap();
    let tokens = shape[0];
    let (places_shape, places) = integers(context, 4);
    let (_, offsets) = integers(context, 5);
    let [texts, longest] = places_shape[..] else { panic!("token_offset has the shape {places_shape:?}") };
    assert!(longest % 16 == 0 && offsets.len() == texts + 1 && offsets[texts] == tokens);
    let mut sorted = places.clone();
    sorted.sort_unstable();
    assert!(sorted.iter().copied().eq(0..texts * longest), "token_offset is no permutation");
    // Queries, keys and values: tokens, heads, numbers.
    let [mut q, mut k, mut v] = match shape[..] {
        [_, of_heads, 3, dim] if of_heads == heads => [0, 1, 2].map(|part| {
            let rows = query.chunks(3 * dim).map(|head| &head[part * dim..(part + 1) * dim]);
            rows.flatten().copied().collect::<Vec<f32>>()
        }),
        [_, _] => [query, floats(context, 1).unwrap().1, floats(context, 2).unwrap().1],
        _ => panic!("query has the shape {shape:?}"),
    };
    let width = q.len() / tokens;
    if let Some((_, bias)) = floats(context, 3) {
        for (numbers, bias) in [&mut q, &mut k, &mut v].into_iter().zip(bias.chunks(width)) {
            numbers.iter_mut().enumerate().for_each(|(at, number)| *number += bias[at % width]);
        }
    }
    let dim = width / heads;
    let scale = scale.unwrap_or(1.0 / (dim as f32).sqrt());
    let bias = floats(context, 6);
    if let Some((shape, _)) = &bias {
        assert!([1, texts].contains(&shape[0]) && [1, heads].contains(&shape[1]) && shape[2..] == [longest, longest]);
    }
    let bias_of = |text: usize, head: usize, query: usize, key: usize| {
        bias.as_ref().map_or(0.0, |(shape, numbers)| {
            let (text, head) = (text % shape[0], head % shape[1]);
            numbers[((text * shape[1] + head) * longest + query) * longest + key]
        })
    };
    let mut out = vec![0.0; tokens * width];
    for text in 0..texts {
        let (start, end) = (offsets[text], offsets[text + 1]);
        let own = (text * longest..).take(end - start);
        assert!(places[start..end].iter().copied().eq(own), "token_offset of text {text}");
        for head in 0..heads {
            let row = |x: &[f32], token: usize| x[token * width + head * dim..][..dim].to_vec();
            for query in start..end {
                let q = row(&q, query);
                let mut scores: Vec<f32> = (start..end)
                    .map(|key| {
                        let product: f32 = q.iter().zip(row(&k, key)).map(|(q, k)| q * k).sum();
                        product * scale + bias_of(text, head, query - start, key - start)
                    })
                    .collect();
                let most = scores.iter().fold(f32::NEG_INFINITY, |most, &score| most.max(score));
                scores.iter_mut().for_each(|score| *score = (*score - most).exp());
                let sum: f32 = scores.iter().sum();
                for (key, score) in (start..end).zip(&scores) {
                    for (number, value) in row(&v, key).into_iter().enumerate() {
                        out[query * width + head * dim + number] += score / sum * value;
                    }
                }
            }
        }
    }
    put(context, &[tokens, width], &out);
}

struct RestorePadding;

impl Operator for RestorePadding {
    type Kernel<'attr> = BoxedKernel<'attr>;

    fn name(&self) -> &str {
        OPERATORS[1]
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(Float32), OperatorInput::required(Int32)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(Float32)]
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<BoxedKernel<'attr>> {
        Ok(Box::new(|context: &ComputeContext| {
            let (shape, tokens) = floats(context, 0).unwrap();
            let (places_shape, places) = integers(context, 1);
            let width = shape[1];
            let mut out = vec![0.0; places.len() * width];
            for (token, place) in tokens.chunks(width).zip(places) {
                out[place * width..][..width].copy_from_slice(token);
            }
            put(context, &[places_shape[0], places_shape[1], width], &out);
            Ok(())
        }))
    }
}
