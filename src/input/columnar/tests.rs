#![allow(clippy::unwrap_used)]
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder, StringDictionaryBuilder};
use arrow_array::types::Int8Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, LargeStringArray,
    RecordBatch, StringArray, StringViewArray, StructArray, UInt64Array,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields};
use parquet::arrow::ArrowWriter;

use crate::input::{self, InputError, Options, Record};
use crate::kept::KeptValue;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn texts(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

/// The same batches as Parquet, an Arrow file and an Arrow stream.
fn files(batches: &[RecordBatch]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let schema = batches[0].schema();
    let mut parquet = ArrowWriter::try_new(Vec::new(), schema.clone(), None).unwrap();
    let mut file = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &schema).unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &schema).unwrap();
    for batch in batches {
        parquet.write(batch).unwrap();
        file.write(batch).unwrap();
        stream.write(batch).unwrap();
    }
    file.finish().unwrap();
    stream.finish().unwrap();
    let contents = [
        ("a.parquet", parquet.into_inner().unwrap()),
        ("a.arrow", file.into_inner().unwrap()),
        ("a.arrows", stream.into_inner().unwrap()),
    ];
    let write = |(name, bytes): (&str, Vec<u8>)| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let paths = contents.into_iter().map(write).collect();
    (folder, paths)
}

fn read(path: &PathBuf, options: &Options) -> Result<Vec<Record>, InputError> {
    input::open(std::slice::from_ref(path), options)?.collect()
}

fn shown(path: &PathBuf, options: &Options) -> Vec<String> {
    let name = format!("{}:", path.display());
    read(path, options).unwrap().iter().map(|record| record.shown().replace(&name, "f:")).collect()
}

#[test]
fn strings_of_every_layout() {
    let words = ["one", "two", "", "one"];
    let mut dictionary = StringDictionaryBuilder::<Int8Type>::new();
    words.iter().for_each(|word| dictionary.append_value(word));
    let layouts: [ArrayRef; 4] = [
        Arc::new(StringArray::from(words.to_vec())),
        Arc::new(LargeStringArray::from(words.to_vec())),
        Arc::new(StringViewArray::from(words.to_vec())),
        Arc::new(dictionary.finish()),
    ];
    for layout in layouts {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(-7), None, Some(1 << 40), Some(0)]));
        let what = layout.data_type().to_string();
        let first = batch(vec![("x", ids.clone()), ("Body", layout.clone()), ("id", ids)]);
        let (_folder, paths) = files(&[first.clone(), first.slice(1, 2)]);
        let options = Options { field: Some("body".into()), ..Options::default() };
        for path in &paths {
            let expected = ["1:-7:one", "2::two", "3:1099511627776:", "4:0:one", "5::two", "6:1099511627776:"];
            assert_eq!(shown(path, &options), expected, "{what} {}", path.display());
            let by_text = Options { id_field: Some("Body".into()), ..options.clone() };
            assert_eq!(shown(path, &by_text)[0], "1:\"one\":one");
        }
    }
}

#[test]
fn structs_templates_nulls_and_the_only_column() {
    let inner: Fields = vec![Field::new("b", DataType::Utf8, true)].into();
    let nulls = NullBuffer::from(vec![true, false, true, true]);
    let values = texts(&[Some("inner"), Some("hidden"), None, Some("last")]);
    let nested: ArrayRef = Arc::new(StructArray::new(inner, vec![values], Some(nulls)));
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), Some(2.0), None, Some(3.0)]));
    let (_folder, paths) = files(&[batch(vec![("a", nested), ("n", numbers)])]);
    for path in &paths {
        let options = Options { field: Some("a.b".into()), ..Options::default() };
        let rows = shown(path, &options);
        assert_eq!([&rows[0], &rows[3]], ["1::inner", "4::last"]);
        assert_eq!(rows[1], "2:!f:2: field \"a.b\" must be a string, but is null");
        assert_eq!(rows[2], "3:!f:3: field \"a.b\" must be a string, but is null");
        let options = Options { template: Some("{a.b}|{n}".parse().unwrap()), ..Options::default() };
        let rows = shown(path, &options);
        assert_eq!([&rows[0], &rows[1], &rows[3]], ["1::inner|1.5", "2::|2.0", "4::last|3.0"]);
        assert_eq!(rows[2], "3:!f:3: every field of --template is missing or null");
    }
    let (_folder, paths) = files(&[batch(vec![("any", texts(&[Some("x"), None]))])]);
    for path in &paths {
        assert_eq!(shown(path, &Options::default())[0], "1::x");
    }
}

#[test]
fn kept_columns_keep_their_types() {
    let mut vectors = FixedSizeListBuilder::new(Float32Builder::new(), 2);
    vectors.values().append_slice(&[1.0, 2.0]);
    vectors.append(true);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("text", texts(&[Some("t")])),
        ("int", Arc::new(Int32Array::from(vec![-3]))),
        ("big", Arc::new(UInt64Array::from(vec![u64::MAX]))),
        ("float", Arc::new(Float64Array::from(vec![0.1]))),
        ("nan", Arc::new(Float64Array::from(vec![f64::NAN]))),
        ("bool", Arc::new(BooleanArray::from(vec![true]))),
        ("day", Arc::new(Date32Array::from(vec![20_000]))),
        ("list", Arc::new(vectors.finish())),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"ab"[..]]))),
        ("null", Arc::new(Int32Array::from(vec![None]))),
    ];
    let keep: Vec<String> = columns.iter().skip(1).map(|(name, _)| (*name).to_owned()).collect();
    let (_folder, paths) = files(&[batch(columns)]);
    for path in &paths {
        let options = Options { keep: keep.clone(), ..Options::default() };
        let json = serde_json::to_string(&read(path, &options).unwrap()[0].kept).unwrap();
        let expected = "[-3,18446744073709551615,0.1,\"NaN\",true,\"2024-10-04\",\"[1.0, 2.0]\",\"6162\",null]";
        assert_eq!(json, expected);
        let mut records = input::open(std::slice::from_ref(path), &options).unwrap();
        let types: Vec<DataType> = records.kept_columns().unwrap().into_iter().map(|column| column.data_type).collect();
        use DataType::{Boolean, Date32, Float64, Int32, UInt64, Utf8};
        assert_eq!(types, [Int32, UInt64, Float64, Float64, Boolean, Date32, Utf8, Utf8, Int32]);
    }
    // Of different types in two files: text.
    let (_other, others) = files(&[batch(vec![("text", texts(&[Some("u")])), ("int", texts(&[Some("x")]))])]);
    let options = Options { keep: vec!["int".into()], ..Options::default() };
    let mut records = input::open(&[paths[0].clone(), others[1].clone()], &options).unwrap();
    assert_eq!(records.kept_columns().unwrap()[0].data_type, DataType::Utf8);
    let kept: Vec<KeptValue> = records.map(|record| record.unwrap().kept.remove(0)).collect();
    assert_eq!(kept, [KeptValue::Literal("-3".into()), KeptValue::Text("x".into())]);
}

#[test]
fn wrong_columns_are_the_files_trouble() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let lists: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let (_folder, paths) = files(&[batch(vec![("text", numbers), ("score", lists), ("body", texts(&[Some("b")]))])]);
    for path in &paths {
        let error = |options: Options| {
            let error = read(path, &options).unwrap_err();
            assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
            format!("{error} ({})", error.hint().unwrap_or_default())
        };
        let text = error(Options::default());
        assert!(text.contains("the column \"text\" is of type Int64, but --field needs strings"), "{text}");
        let body = Some("body".to_owned());
        let id = error(Options { field: body.clone(), id_field: Some("score".into()), ..Options::default() });
        assert!(id.contains("\"score\" is of type Float64, but --id-field needs strings or whole numbers"), "{id}");
        let keep = error(Options { field: body, keep: vec!["scores".into()], ..Options::default() });
        assert!(keep.contains("no column \"scores\"") && keep.contains("did you mean --keep score?"), "{keep}");
        let template = error(Options { template: Some("{bod}".parse().unwrap()), ..Options::default() });
        assert!(template.contains("did you mean --template body?"), "{template}");
    }
}

#[test]
fn damaged_files_are_errors_and_rows_before_are_kept() {
    let many: Vec<String> = (0..5000).map(|i| format!("text number {i}")).collect();
    let many = many.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>();
    let batch = batch(vec![("text", texts(&many))]);
    let (folder, paths) = files(&[batch.slice(0, 2500), batch.slice(2500, 2500)]);
    let count = |path: &PathBuf| {
        let records = input::open(std::slice::from_ref(path), &Options::default());
        let records: Vec<_> = records.into_iter().flatten().collect();
        (records.iter().filter(|record| record.is_ok()).count(), records.last().is_some_and(Result::is_err))
    };
    for path in &paths {
        assert_eq!(count(path), (5000, false));
        let whole = fs::read(path).unwrap();
        let cut = folder.path().join("cut");
        fs::write(&cut, &whole[..whole.len() * 3 / 4]).unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "parquet" => assert!(input::open(std::slice::from_ref(&cut), &Options::default()).is_err()),
            _ => assert_eq!(count(&cut), (2500, true), "{}", path.display()),
        }
        // Any byte may be wrong: an error or other texts, but no panic and no end of memory.
        for at in (0..whole.len()).step_by(whole.len() / 40 + 1) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            fs::write(&cut, bytes).unwrap();
            count(&cut);
        }
    }
}

#[test]
fn compressed_and_piped() {
    use std::io::Write;
    let (folder, paths) = files(&[batch(vec![("text", texts(&[Some("a"), Some("b")]))])]);
    for path in &paths {
        let bytes = fs::read(path).unwrap();
        let packed = folder.path().join("packed.gz");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        fs::write(&packed, encoder.finish().unwrap()).unwrap();
        assert_eq!(shown(&packed, &Options::default()), ["1::a", "2::b"]);
        let (pipe, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&bytes).unwrap();
        drop(writer);
        use std::os::fd::AsRawFd;
        let pipe_path = PathBuf::from(format!("/dev/fd/{}", pipe.as_raw_fd()));
        assert_eq!(shown(&pipe_path, &Options::default()), ["1::a", "2::b"]);
    }
}
