#![allow(clippy::unwrap_used)]
#![allow(clippy::panic)]
use super::*;
use crate::kept::{KeptColumn, KeptValue};
use crate::record_id::RecordId;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type, UInt32Type};
use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_ipc::reader::StreamReader;
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs;

pub(super) fn vector(embedding: &[f32]) -> Result<Vector<'_>, &str> {
    Ok(Vector { embedding: Numbers::Dense(embedding), tokens: Some(7), truncated: Some(false) })
}

const ALL: [Format; 8] =
    [Format::Jsonl, Format::Json, Format::Csv, Format::Npy, Format::Npz, Format::Parquet, Format::Arrow, Format::F32];

/// The bytes of a file with `rows`.
pub(super) fn written(format: Format, dimensions: usize, rows: &[Row<'_>]) -> Vec<u8> {
    written_with(format, &Settings::new(Shape::Dense(dimensions), None), rows)
}

fn written_with(format: Format, settings: &Settings, rows: &[Row<'_>]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut writer = open_with(format, || Sink::open(&Destination::File(path.clone())), settings).unwrap();
    for row in rows {
        writer.write(row).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::read(path).unwrap()
}

#[test]
fn a_vector_of_the_wrong_length_is_refused() {
    for format in ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = open(format, &Destination::File(folder.path().join("out")), Shape::Dense(3), None).unwrap();
        let row = Row { index: 4, id: None, kept: &[], outcome: vector(&[1.0]) };
        let error = writer.write(&row).unwrap_err();
        assert_eq!(error.to_string(), "the embedding of input 4 has 1 dimensions instead of 3");
    }
}

#[test]
fn json_and_tables_alone_hold_what_is_not_one_vector() {
    for shape in [Shape::Sparse, Shape::Tokens(2)] {
        for format in [Format::Csv, Format::Npy, Format::Npz, Format::F32] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("out");
            let Err(error) = open(format, &Destination::File(path), shape, None) else { panic!("{format:?}") };
            assert!(error.to_string().contains("cannot hold"), "{error}");
            assert!(error.hint().unwrap().contains("jsonl"));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}

#[test]
fn an_unfinished_file_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    fs::write(&path, "old").unwrap();
    for format in ALL {
        let mut writer = open(format, &Destination::File(path.clone()), Shape::Dense(1), None).unwrap();
        writer.write(&Row { index: 0, id: None, kept: &[], outcome: vector(&[1.0]) }).unwrap();
        writer.flush().unwrap();
        drop(writer);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_full_disk_is_called_that() {
    for format in ALL {
        let mut writer = open(format, &Destination::File("/dev/full".into()), Shape::Dense(1), None).unwrap();
        writer.write(&Row { index: 0, id: None, kept: &[], outcome: vector(&[1.0]) }).unwrap();
        let error = writer.finish().unwrap_err();
        assert!(error.to_string().contains("/dev/full: the disk is full"), "{error}");
        assert!(error.hint().is_some());
        assert!(!error.is_broken_pipe());
    }
}

#[test]
fn kept_columns_follow_the_id() {
    let kept = [KeptValue::Text("a,b".into()), KeptValue::Literal("[1, 2]".into()), KeptValue::Null];
    let column = |name: &str| KeptColumn { name: name.into(), data_type: DataType::Utf8 };
    let keep = vec![column("t"), column("l"), column("n")];
    let settings = Settings { keep, ..Settings::new(Shape::Dense(1), None) };
    let rows = [
        Row { index: 0, id: None, kept: &kept, outcome: vector(&[0.5]) },
        Row { index: 1, id: None, kept: &kept, outcome: Err("bad") },
        Row { index: 2, id: None, kept: &[], outcome: Err("worse") },
    ];
    let text = |format| String::from_utf8(written_with(format, &settings, &rows)).unwrap();
    assert_eq!(
        text(Format::Jsonl),
        concat!(
            "{\"index\":0,\"t\":\"a,b\",\"l\":[1, 2],\"n\":null,\"embedding\":[0.5],\"tokens\":7,\"truncated\":false}\n",
            "{\"index\":1,\"t\":\"a,b\",\"l\":[1, 2],\"n\":null,\"error\":\"bad\"}\n",
            "{\"index\":2,\"t\":null,\"l\":null,\"n\":null,\"error\":\"worse\"}\n",
        )
    );
    assert_eq!(
        text(Format::Csv),
        concat!(
            "index,id,t,l,n,tokens,truncated,error,e0\n",
            "0,,\"a,b\",\"[1, 2]\",,7,false,,0.5\n",
            "1,,\"a,b\",\"[1, 2]\",,,,bad,\n",
            "2,,,,,,,worse,\n",
        )
    );
    for (name, format, message) in [
        ("tokens", Format::Jsonl, "rows have a column of this name already"),
        ("e12", Format::Csv, "rows have a column of this name already"),
        ("x", Format::Npy, "cannot hold the column \"x\""),
    ] {
        let settings = Settings { keep: vec![column(name)], ..Settings::new(Shape::Dense(1), None) };
        let error = check(format, &settings).unwrap_err();
        assert!(error.to_string().contains(message) && error.hint().is_some(), "{error}");
    }
    let settings = Settings { keep: vec![column("e1"), column("e1")], ..Settings::new(Shape::Dense(1), None) };
    assert!(check(Format::Jsonl, &settings).unwrap_err().to_string().contains("named twice"));
}

/// The batches of a table, read back.
fn table(format: Format, settings: &Settings, rows: &[Row<'_>]) -> Vec<RecordBatch> {
    let bytes = bytes::Bytes::from(written_with(format, settings, rows));
    match format {
        Format::Parquet => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
            builder.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect()
        }
        _ => StreamReader::try_new(std::io::Cursor::new(bytes), None).unwrap().map(Result::unwrap).collect(),
    }
}

#[test]
fn tables_hold_all_kinds_of_rows() {
    let vectors = [[0.5, -0.5, 1.0, -1.0, 0.25, 0.0, 0.125, -0.25], [1.0; 8]];
    let ids = [RecordId::Text("a".into()), RecordId::Literal("7".into())];
    let kept = [KeptValue::Literal("5".into()), KeptValue::Text("2024-10-04".into())];
    let typed = |name: &str, data_type| KeptColumn { name: name.into(), data_type };
    let keep = vec![typed("n", DataType::Int16), typed("day", DataType::Date32)];
    let row = |index, id, outcome| Row { index, id, kept: &kept, outcome };
    for format in [Format::Parquet, Format::Arrow] {
        for (dtype, data_type) in [
            (Dtype::Float32, DataType::Float32),
            (Dtype::Float16, DataType::Float16),
            (Dtype::Int8, DataType::Int8),
            (Dtype::Ubinary, DataType::UInt8),
        ] {
            let encoding = Encoding { dtype, ranges: None };
            let settings = Settings { keep: keep.clone(), encoding, ..Settings::new(Shape::Dense(8), None) };
            let rows = [
                row(0, Some(&ids[0]), vector(&vectors[0])),
                row(1, None, Err("bad")),
                row(2, Some(&ids[1]), vector(&vectors[1])),
            ];
            let batch = &table(format, &settings, &rows)[0];
            let lists = batch.column_by_name("embedding").unwrap().as_fixed_size_list();
            assert_eq!((lists.len(), lists.is_null(1), lists.value_type()), (3, true, data_type.clone()), "{format:?}");
            let numbers = cast(&lists.value(0), &DataType::Float32).unwrap();
            let expected: &[f32] = match dtype {
                Dtype::Float32 | Dtype::Float16 => &vectors[0],
                Dtype::Int8 => &[63.0, -64.0, 126.0, -128.0, 31.0, 0.0, 15.0, -32.0],
                _ => &[f32::from(0b1010_1010_u8)],
            };
            assert_eq!(numbers.as_primitive::<Float32Type>().values(), expected, "{format:?} {dtype}");
            let texts = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().iter().collect::<Vec<_>>();
            assert_eq!(
                (texts("id"), texts("error")),
                (vec![Some("a"), None, Some("7")], vec![None, Some("bad"), None])
            );
            let types = ["n", "day"].map(|name| batch.column_by_name(name).unwrap().data_type().clone());
            assert_eq!(types, [DataType::Int16, DataType::Date32]);
            assert_eq!(batch.column_by_name("day").unwrap().null_count(), 0);
        }
        let rows = [
            row(0, None, Ok(Vector { embedding: Numbers::Sparse { indices: &[3, 9], values: &[0.5, 2.0] }, ..SHORT })),
            row(1, None, Err("bad")),
        ];
        let batch = &table(format, &Settings::new(Shape::Sparse, None), &rows)[0];
        let list = |name: &str| batch.column_by_name(name).unwrap().as_list::<i32>().clone();
        assert_eq!(list("indices").value(0).as_primitive::<UInt32Type>().values(), &[3, 9]);
        assert_eq!(list("values").value(0).as_primitive::<Float32Type>().values(), &[0.5, 2.0]);
        assert!(list("values").is_null(1));
        let tokens = Numbers::Tokens { vectors: &[1.0, 0.5, -1.0, 0.0], dimensions: 2 };
        let rows = [row(0, None, Ok(Vector { embedding: tokens, ..SHORT })), row(1, None, Err("bad"))];
        let batch = &table(format, &Settings::new(Shape::Tokens(2), None), &rows)[0];
        let lists = batch.column_by_name("embeddings").unwrap().as_list::<i32>();
        let second = lists.value(0).as_fixed_size_list().value(1);
        assert_eq!((second.as_primitive::<Float32Type>().values().to_vec(), lists.is_null(1)), (vec![-1.0, 0.0], true));
        assert!(table(format, &Settings::new(Shape::Dense(2), None), &[]).iter().all(|batch| batch.num_rows() == 0));
    }
}

const SHORT: Vector<'static> = Vector { embedding: Numbers::Dense(&[]), tokens: Some(2), truncated: Some(false) };

#[test]
fn many_rows_are_several_batches_in_order() {
    let numbers = [0.5; 256];
    let rows: Vec<_> = (0..20_000).map(|index| Row { index, id: None, kept: &[], outcome: vector(&numbers) }).collect();
    for format in [Format::Parquet, Format::Arrow] {
        let batches = table(format, &Settings::new(Shape::Dense(256), None), &rows);
        let index = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
        let found: Vec<i64> = batches.iter().flat_map(index).collect();
        assert_eq!(found, (0..20_000).collect::<Vec<i64>>());
        assert!(format == Format::Parquet || batches.len() > 3);
    }
}

#[test]
fn npz_holds_vectors_and_ids() {
    use std::io::Read;
    let (text, number) = (RecordId::Text("ä\u{1f431}b".into()), RecordId::Literal("7".into()));
    let row = |index, id| Row { index, id, kept: &[], outcome: vector(&[1.0, -0.5]) };
    let arrays = |rows: &[Row<'_>]| {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(written(Format::Npz, 2, rows))).unwrap();
        ["vectors.npy", "ids.npy"].map(|name| {
            let mut bytes = Vec::new();
            archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
            let body = bytes.split_off(128);
            (String::from_utf8_lossy(&bytes).into_owned(), body)
        })
    };
    let [vectors, ids] = arrays(&[row(0, Some(&text)), row(1, None)]);
    assert!(vectors.0.contains("'<f4'") && vectors.0.contains("(2, 2)"), "{}", vectors.0);
    assert_eq!(vectors.1, [1.0_f32, -0.5, 1.0, -0.5].map(f32::to_le_bytes).concat());
    assert!(ids.0.contains("'<U3'") && ids.0.contains("(2,)"), "{}", ids.0);
    let expected: Vec<u8> =
        ['ä', '\u{1f431}', 'b', '\0', '\0', '\0'].iter().flat_map(|c| u32::from(*c).to_le_bytes()).collect();
    assert_eq!(ids.1, expected);
    let [_, ids] = arrays(&[row(0, Some(&number)), row(1, Some(&number))]);
    assert!(ids.0.contains("'<i8'"), "{}", ids.0);
    assert_eq!(ids.1, [7_i64.to_le_bytes(), 7_i64.to_le_bytes()].concat());
    let [_, ids] = arrays(&[row(0, None), row(1, None)]);
    assert_eq!(ids.1, [0_i64.to_le_bytes(), 1_i64.to_le_bytes()].concat());
}

#[test]
fn text_is_compressed_and_binary_formats_refuse_it() {
    use std::io::Read;
    let rows: Vec<_> = (0..9999).map(|index| Row { index, id: None, kept: &[], outcome: vector(&[0.25]) }).collect();
    let plain = written(Format::Csv, 1, &rows);
    for compression in [Compression::Gzip, Compression::Zstd] {
        let settings = Settings { compression, ..Settings::new(Shape::Dense(1), None) };
        let packed = written_with(Format::Csv, &settings, &rows);
        assert!(packed.len() < plain.len() / 2);
        let mut unpacked = Vec::new();
        match compression {
            Compression::Gzip => flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap(),
            _ => zstd::stream::read::Decoder::new(&packed[..]).unwrap().read_to_end(&mut unpacked).unwrap(),
        };
        assert_eq!(unpacked, plain);
        let error = check(Format::Npy, &settings).unwrap_err();
        assert!(error.to_string().contains("--format npy is not compressed"), "{error}");
    }
}

#[test]
fn whole_numbers_in_text_and_arrays() {
    let encoding = Encoding { dtype: Dtype::Int8, ranges: None };
    let settings = Settings { encoding, ..Settings::new(Shape::Dense(2), None) };
    let rows = [
        Row { index: 0, id: None, kept: &[], outcome: vector(&[1.0, -1.0]) },
        Row { index: 1, id: None, kept: &[], outcome: Err("x") },
    ];
    let text = |format| String::from_utf8(written_with(format, &settings, &rows)).unwrap();
    assert!(text(Format::Jsonl).contains("\"embedding\":[126,-128],"), "{}", text(Format::Jsonl));
    assert!(text(Format::Csv).contains("0,,7,false,,126,-128\n1,,,,x,,\n"), "{}", text(Format::Csv));
    let npy = written_with(Format::Npy, &settings, &rows);
    assert!(String::from_utf8_lossy(&npy[..128]).contains("'|i1'"));
    assert_eq!(npy[128..], [126, 128, 0, 0]);
    assert_eq!(written_with(Format::F32, &settings, &rows), [126, 128, 0, 0]);
    for (dtype, format, dimensions) in
        [(Dtype::Float16, Format::Csv, 8), (Dtype::Binary, Format::Npy, 12), (Dtype::Ubinary, Format::Jsonl, 7)]
    {
        let encoding = Encoding { dtype, ranges: None };
        let settings = Settings { encoding, ..Settings::new(Shape::Dense(dimensions), None) };
        let folder = tempfile::tempdir().unwrap();
        let Err(error) = open_with(format, || Sink::open(&Destination::File(folder.path().join("out"))), &settings)
        else {
            panic!("{dtype} {format:?}")
        };
        assert!(error.to_string().contains(&dtype.to_string()), "{error}");
    }
}
