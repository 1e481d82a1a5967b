//! Peak speeds of GPUs.

/// The name of a GPU, or a part that only that kind has; and the GFLOP/s of its dense float16 products with sums in
/// float32, by NVIDIA's data sheets. The first that fits counts.
const PEAKS: &[(&str, f64)] = &[
    ("H200", 989_000.0),
    ("H100 PCIe", 756_000.0),
    ("H100 NVL", 835_000.0),
    ("H100", 989_000.0),
    ("A100", 312_000.0),
    ("L40S", 362_000.0),
    ("L40", 181_000.0),
    ("L4", 121_000.0),
    ("A40", 149_700.0),
    ("A30", 165_000.0),
    ("A10G", 70_000.0),
    ("A10", 125_000.0),
    ("T4", 65_000.0),
];

/// GFLOP/s of float16 products of the GPU of this name; `None` if it is not in the table.
pub(crate) fn float16_gflops(name: &str) -> Option<f64> {
    let has = |part: &str| {
        let (Some(at), words) = (name.find(part), |c: char| c.is_ascii_alphanumeric()) else { return false };
        !name[..at].ends_with(words) && !name[at + part.len()..].starts_with(words)
    };
    PEAKS.iter().find(|(part, _)| has(part)).map(|&(_, gflops)| gflops)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_found_by_whole_words() {
        for (name, tflops) in [
            ("NVIDIA L4", Some(121.0)),
            ("NVIDIA L40S", Some(362.0)),
            ("NVIDIA L40", Some(181.0)),
            ("NVIDIA H200", Some(989.0)),
            ("NVIDIA H100 80GB HBM3", Some(989.0)),
            ("NVIDIA H100 PCIe", Some(756.0)),
            ("NVIDIA A100-SXM4-80GB", Some(312.0)),
            ("Tesla T4", Some(65.0)),
            ("Quadro T400", None),
            ("NVIDIA GeForce RTX 4090", None),
            ("", None),
        ] {
            assert_eq!(float16_gflops(name), tflops.map(|tflops: f64| tflops * 1e3), "{name}");
        }
    }
}
