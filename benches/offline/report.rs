//! The tables.

use comfy_table::Table;

use crate::peak::Peak;
use crate::shared::table::{Spread, table};
use crate::side::{Sample, Side};
use crate::workload::Workload;

/// Prints speed and agreement of every side, and every ratio of infa to a baseline, round by round.
pub(crate) fn print(workload: &Workload, peaks: &[Peak], sides: &[Side], samples: &[Vec<Sample>]) {
    println!();
    for peak in peaks {
        println!("peak: {} {} GFLOP/s", peak.name, Spread::of(peak.gflops.iter().copied()).show(0));
    }
    println!("all without the time to load the model, but for the columns that say so; median (min–max)\n");
    println!("{}\n", speeds(workload, peaks, sides, samples));
    println!("{}\n", ratios(sides, samples));
    println!("{}", agreements(sides, samples));
}

fn speeds(workload: &Workload, peaks: &[Peak], sides: &[Side], samples: &[Vec<Sample>]) -> Table {
    let mut table = table(&[
        "",
        "tokens/s",
        "texts/s",
        "GFLOP/s",
        "of float32 peak",
        "of int8 peak",
        "load, s",
        "tokens/s with load",
        "peak MiB",
    ]);
    for (side, samples) in sides.iter().zip(samples) {
        let spread = |of: fn(&Sample) -> f64| Spread::of(samples.iter().map(of));
        let rate = |work: f64| Spread::of(samples.iter().map(move |sample| work / sample.seconds));
        let share = |peak: &Peak| {
            let shares = samples.iter().zip(&peak.gflops).map(|(s, peak)| workload.gflop / s.seconds / peak * 100.0);
            format!("{:.0}%", Spread::of(shares).median)
        };
        table.add_row([
            side.name.clone(),
            rate(workload.tokens as f64).show(0),
            format!("{:.0}", rate(workload.texts as f64).median),
            format!("{:.0}", rate(workload.gflop).median),
            share(&peaks[0]),
            if side.int8 { share(&peaks[1]) } else { String::new() },
            format!("{:.2}", spread(|s| s.load).median),
            Spread::of(samples.iter().map(|s| workload.tokens as f64 / s.whole)).show(0),
            format!("{:.0}", spread(|s| s.memory).max),
        ]);
    }
    table
}

fn ratios(sides: &[Side], samples: &[Vec<Sample>]) -> Table {
    let mut table = table(&["ratio, round by round", "without load", "with load"]);
    let indices = |ours: bool| (0..sides.len()).filter(move |&i| sides[i].ours == ours);
    for our in indices(true) {
        for stock in indices(false) {
            let ratio = |of: fn(&Sample) -> f64| {
                Spread::of(samples[stock].iter().zip(&samples[our]).map(|(stock, our)| of(stock) / of(our))).show(2)
            };
            table.add_row([
                format!("{} / {}", sides[our].name, sides[stock].name),
                ratio(|sample| sample.seconds),
                ratio(|sample| sample.whole),
            ]);
        }
    }
    table
}

fn agreements(sides: &[Side], samples: &[Vec<Sample>]) -> Table {
    let mut table = table(&["against stock float32", "largest difference", "smallest cosine", "mean cosine"]);
    for (side, samples) in sides.iter().zip(samples).skip(1) {
        let worst = samples.iter().map(|s| s.agreement.worst).fold(0.0, f32::max);
        let least = Spread::of(samples.iter().map(|s| s.agreement.cosine.0)).min;
        let mean = Spread::of(samples.iter().map(|s| s.agreement.cosine.1)).min;
        table.add_row([side.name.clone(), format!("{worst:.1e}"), format!("{least:.5}"), format!("{mean:.5}")]);
    }
    table
}
