//! The parts of the way from text to row that are ours: how long each takes, alone and on one core.
//!
//!     cargo bench --bench parts                 # all; needs no model and no ONNX Runtime
//!     cargo bench --bench parts -- write        # those whose name has "write" in it
//!
//! For proportion: an int8 MiniLM takes about 3 ms for a text of 16 tokens on one core of an AMD EPYC Zen 3.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on may stop")]

use std::path::{Path, PathBuf};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use infa::parts::batch::queue::{Grouping, Queue, Task};
use infa::parts::input::{self, Text};
use infa::parts::model::pooling::{self, Pooling};
use infa::parts::model::tokenizer::{Hints, Tokenizer, Truncate};
use infa::parts::output::{self, Destination, Format, Numbers, Precision, Row, Shape, Vector};

fn main() {
    divan::main();
}

/// Numbers that look random and are the same every time: xorshift, `0.0..1.0`.
struct Random(u32);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }

    /// Less than `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.next() * end as f32) as usize
    }

    /// `rows` vectors of `dimensions` and length 1, row by row.
    fn unit_vectors(&mut self, rows: usize, dimensions: usize) -> Vec<Vec<f32>> {
        // A sum of uniform numbers is near enough to a normal one.
        let mut vector = || (0..dimensions).map(|_| (0..4).map(|_| self.next() - 0.5).sum()).collect::<Vec<f32>>();
        let mut vectors: Vec<_> = (0..rows).map(|_| vector()).collect();
        vectors.iter_mut().for_each(|vector| pooling::normalize(vector));
        vectors
    }
}

const RANDOM: Random = Random(0x2545_f491);

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Short texts of the project's own.
fn texts() -> Vec<String> {
    let text = std::fs::read_to_string(repository("datasets/quickstart.txt")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Rows of `dimensions` as `infa embed` writes them, to a device that takes everything; bytes are those written.
fn write(bencher: Bencher<'_, '_>, format: Format, dimensions: usize, digits: Option<u8>) {
    const ROWS: usize = 256;
    let precision = digits.and_then(Precision::new);
    let vectors = { RANDOM }.unit_vectors(ROWS, dimensions);
    let write = |path: &Path| {
        let destination = Destination::File(path.to_owned());
        let mut writer = output::open(format, &destination, Shape::Dense(dimensions), precision).unwrap();
        for (index, vector) in (0..).zip(&vectors) {
            let outcome = Ok(Vector { embedding: Numbers::Dense(vector), tokens: Some(16), truncated: Some(false) });
            writer.write(&Row { index, id: None, kept: &[], outcome }).unwrap();
        }
        writer.finish().unwrap();
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows");
    write(&path);
    let bytes = std::fs::metadata(path).unwrap().len();
    bencher
        .counter(ItemsCount::new(ROWS))
        .counter(BytesCount::new(bytes))
        .bench_local(|| write(Path::new("/dev/null")));
}

/// 256 vectors a round.
mod write_256_vectors {
    use super::{Bencher, Format, write};

    const DIMENSIONS: [usize; 2] = [384, 1024];

    #[divan::bench(args = DIMENSIONS)]
    fn jsonl(bencher: Bencher<'_, '_>, dimensions: usize) {
        write(bencher, Format::Jsonl, dimensions, None);
    }

    #[divan::bench(args = DIMENSIONS)]
    fn jsonl_precision_6(bencher: Bencher<'_, '_>, dimensions: usize) {
        write(bencher, Format::Jsonl, dimensions, Some(6));
    }

    #[divan::bench(args = DIMENSIONS)]
    fn csv(bencher: Bencher<'_, '_>, dimensions: usize) {
        write(bencher, Format::Csv, dimensions, None);
    }

    #[divan::bench(args = DIMENSIONS)]
    fn csv_precision_6(bencher: Bencher<'_, '_>, dimensions: usize) {
        write(bencher, Format::Csv, dimensions, Some(6));
    }

    #[divan::bench(args = DIMENSIONS)]
    fn npy(bencher: Bencher<'_, '_>, dimensions: usize) {
        write(bencher, Format::Npy, dimensions, None);
    }
}

/// The tokenizer of a small BERT: 632 pieces, so that words fall into more of them than with a large vocabulary.
#[divan::bench]
fn tokenize_22_texts(bencher: Bencher<'_, '_>) {
    let hints = Hints { model_type: Some("bert"), tokenizer_class: None, lowercase: false };
    let tokenizer = Tokenizer::read(&repository("tests/fixtures/bert-tiny"), hints).unwrap();
    let texts = texts();
    let bytes: usize = texts.iter().map(String::len).sum();
    bencher.counter(ItemsCount::new(texts.len())).counter(BytesCount::new(bytes)).bench_local(|| {
        let ids = |text: &String| tokenizer.encode(text, 512, Truncate::Right).unwrap();
        texts.iter().map(ids).collect::<Vec<_>>()
    });
}

/// Of 3 to 40 tokens each, as sentences are: into the queue and out of it in groups.
#[divan::bench]
fn queue_4096_lengths(bencher: Bencher<'_, '_>) {
    struct Text(usize);
    impl Task for Text {
        fn tokens(&self) -> usize {
            self.0
        }
    }
    let mut random = RANDOM;
    let lengths: Vec<usize> = (0..4096).map(|_| 3 + random.below(38)).collect();
    let now = std::time::Instant::now();
    bencher.counter(ItemsCount::new(lengths.len())).bench_local(|| {
        let mut queue = Queue::new(512, usize::MAX, Grouping::Equal);
        queue.add(lengths.iter().copied().map(Text).collect(), now);
        std::iter::from_fn(|| queue.take(now, 0)).count()
    });
}

/// A text of so many tokens, 384 dimensions: pooled by the mean, looked at for NaN, scaled to length 1.
#[divan::bench(args = [16, 450])]
fn pool_and_normalize(bencher: Bencher<'_, '_>, tokens: usize) {
    const DIMENSIONS: usize = 384;
    let rows = { RANDOM }.unit_vectors(tokens, DIMENSIONS).concat();
    bencher.counter(BytesCount::of_slice(&rows)).bench_local(|| {
        let mut vector = Vec::with_capacity(DIMENSIONS);
        Pooling::Mean.pool(divan::black_box(&rows), DIMENSIONS, 0, &mut vector);
        assert_eq!(pooling::defect(&vector), None);
        pooling::normalize(&mut vector);
        vector
    });
}

/// 10,000 records of a file, one text a line, or one JSON object.
#[divan::bench(args = ["lines", "jsonl"])]
fn read_10000(bencher: Bencher<'_, '_>, format: &str) {
    const RECORDS: usize = 10_000;
    let line = |text: String| match format {
        "jsonl" => serde_json::json!({ "text": text }).to_string() + "\n",
        _ => text + "\n",
    };
    let content: String = texts().into_iter().cycle().take(RECORDS).map(line).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(format!("texts.{format}"));
    std::fs::write(&path, &content).unwrap();
    bencher.counter(ItemsCount::new(RECORDS)).counter(BytesCount::of_str(&content)).bench_local(|| {
        let records = input::open(std::slice::from_ref(&path), &input::Options::default()).unwrap();
        let bytes = records.map(|record| record.unwrap().content.map_or(0, |Text { text, .. }| text.len()));
        assert!(bytes.sum::<usize>() > RECORDS);
    });
}
