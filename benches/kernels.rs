//! The rate of each step of a layer beside that of the instruction it consists of, on one core.
//!
//!     cargo bench --bench kernels                        # all sets and formats that this processor has
//!     cargo bench --bench kernels -- avx512:int8         # one of them
//!     cargo bench --bench kernels -- avx512:int8 16 32   # over 32 texts of 16 tokens instead of one of 450
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark that cannot go on may stop")]

use std::time::Duration;

use infa_kernels::rates::{Shape, rates};
use infa_kernels::{Format, NAMES, Set};

const FORMATS: [(&str, Format); 3] =
    [("int8", Format::Int8), ("bfloat16", Format::Bfloat16), ("float32", Format::Float32)];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut sizes = arguments.iter().filter_map(|argument| argument.parse().ok());
    let (length, sequences) = (sizes.next().unwrap_or(450), sizes.next().unwrap_or(1));
    let named = arguments.iter().find(|argument| argument.parse::<usize>().is_err());
    // The layers of bge-small.
    let shape = Shape { sequences, length, hidden: 384, heads: 12, inner: 1536 };
    for set in NAMES.iter().filter(|name| **name != "scalar").filter_map(|name| Set::named(name)) {
        for (name, format) in FORMATS {
            let title = format!("{set}:{name}");
            if named.is_some_and(|named| !title.contains(named)) {
                continue;
            }
            let Some(rates) = rates(set, format, shape, Duration::from_millis(200)) else { continue };
            println!("\n{title}, a layer of {shape:?}");
            println!("{:24} {:>9} {:>8} {:>7} {:>8}", "step", "ms", "of layer", "G/s", "of peak");
            let peak = rates[0].operations / rates[0].seconds;
            let layer = rates.last().map_or(1.0, |layer| layer.seconds);
            let percent = |share: f64| format!("{:.0}%", 100.0 * share);
            for (number, rate) in rates.iter().enumerate() {
                let (speed, milliseconds) = (rate.operations / rate.seconds, rate.seconds * 1e3);
                // The first is the instruction alone.
                let of_layer = if number == 0 { String::new() } else { percent(rate.seconds / layer) };
                let step = format!("{:24} {milliseconds:9.4} {of_layer:>8}", rate.step);
                match rate.operations > 0.0 {
                    true => println!("{step} {:7.1} {:>8}", speed / 1e9, percent(speed / peak)),
                    false => println!("{step}"),
                }
            }
        }
    }
}
