use bytes::Bytes;
use half::f16;
use parquet::basic::{Encoding, GzipLevel, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;

use std::path::Path;

use super::*;

/// One column of a row group: values, definition levels, repetition levels.
enum Column {
    F32(Vec<f32>, Vec<i16>, Vec<i16>),
    F64(Vec<f64>, Vec<i16>, Vec<i16>),
    F16(Vec<f32>, Vec<i16>, Vec<i16>),
    Text(Vec<&'static str>, Vec<i16>),
    I32(Vec<i32>, Vec<i16>),
    I64(Vec<i64>, Vec<i16>),
    Bytes(Vec<Vec<u8>>, Vec<i16>),
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_created_by(String::new())
}

fn file_with(fields: &str, properties: WriterPropertiesBuilder, groups: &[Vec<Column>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message schema {{ {fields} }}")).unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties.build())).unwrap();
    for group in groups {
        let mut row_group = writer.next_row_group().unwrap();
        for column in group {
            let mut writer = row_group.next_column().unwrap().unwrap();
            macro_rules! write {
                ($kind:ty, $values:expr, $definitions:expr, $repetitions:expr) => {
                    writer
                        .typed::<$kind>()
                        .write_batch($values, Some(&$definitions[..]).filter(|levels| !levels.is_empty()), $repetitions)
                        .unwrap()
                };
            }
            match column {
                Column::F32(values, d, r) => write!(FloatType, values, d, Some(r)),
                Column::F64(values, d, r) => write!(DoubleType, values, d, Some(r)),
                Column::F16(values, d, r) => {
                    let halves =
                        values.iter().map(|x| ByteArray::from(f16::from_f32(*x).to_le_bytes().to_vec()).into());
                    write!(FixedLenByteArrayType, &halves.collect::<Vec<_>>(), d, Some(r))
                }
                Column::Text(values, d) => {
                    write!(ByteArrayType, &values.iter().map(|x| ByteArray::from(*x)).collect::<Vec<_>>(), d, None)
                }
                Column::I32(values, d) => write!(Int32Type, values, d, None),
                Column::I64(values, d) => write!(Int64Type, values, d, None),
                Column::Bytes(values, d) => {
                    let values = values.iter().map(|x| ByteArray::from(x.clone()).into());
                    write!(FixedLenByteArrayType, &values.collect::<Vec<_>>(), d, None)
                }
            };
            writer.close().unwrap();
        }
        row_group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

fn file(fields: &str, group: Vec<Column>) -> Vec<u8> {
    file_with(fields, properties(), &[group])
}

fn read_bytes(bytes: impl Into<Vec<u8>>) -> Result<VectorSet, VectorsError> {
    read_from(&Storage::Memory(Bytes::from(bytes.into())), Builder::new("a.parquet".into()))
}

/// From memory, and from a file.
#[track_caller]
fn both(bytes: &[u8]) -> VectorSet {
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), bytes).unwrap();
    let memory = read_bytes(bytes).unwrap();
    let file = crate::input::vectors::read::read(path.path()).unwrap();
    assert_eq!(format!("{:?} {:?}", file.rows, file.numbers), format!("{:?} {:?}", memory.rows, memory.numbers));
    memory
}

#[track_caller]
fn message(bytes: impl Into<Vec<u8>>) -> String {
    let error = read_bytes(bytes).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("a.parquet: "), "{text}");
    text
}

const LIST: &str = "optional group embedding (LIST) { repeated group list { optional float element; } }";
const SIX: [f32; 6] = [1.0, -0.5, 0.25, 4.0, 0.0, 1024.0];

/// Two vectors of three numbers each.
fn two() -> Column {
    Column::F32(SIX.to_vec(), vec![3; 6], vec![0, 1, 1, 0, 1, 1])
}

fn places(found: &VectorSet) -> Vec<Option<std::ops::Range<usize>>> {
    found.rows.iter().map(|row| row.place.clone()).collect()
}

#[test]
fn all_shapes_of_lists_and_widths_of_numbers() {
    let repetitions = || vec![0, 1, 1, 0, 1, 1];
    let wide = || SIX.iter().map(|x| f64::from(*x)).collect();
    let three = "repeated group list { required fixed_len_byte_array(2) element (FLOAT16); }";
    for (fields, column) in [
        (LIST, two()),
        ("repeated float vector;", Column::F32(SIX.to_vec(), vec![1; 6], repetitions())),
        ("required group x (LIST) { repeated float array; }", Column::F32(SIX.to_vec(), vec![1; 6], repetitions())),
        (
            "required group vectors (LIST) { repeated group list { required double item; } }",
            Column::F64(wide(), vec![1; 6], repetitions()),
        ),
        (&format!("optional group y (LIST) {{ {three} }}"), Column::F16(SIX.to_vec(), vec![2; 6], repetitions())),
    ] {
        let found = both(&file(fields, vec![column]));
        assert_eq!((&found.numbers[..], places(&found)), (&SIX[..], vec![Some(0..3), Some(3..6)]), "{fields}");
        assert_eq!((found.rows[0].index, &found.rows[0].id), (None, &None), "{fields}");
    }
}

#[test]
fn all_compressions_and_encodings() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
        Compression::LZ4,
    ] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for dictionary in [true, false] {
                let properties = || {
                    let properties = properties().set_compression(compression).set_writer_version(version);
                    properties.set_dictionary_enabled(dictionary)
                };
                // Many rows in many pages of several row groups.
                let rows = 300;
                let group = || {
                    let values: Vec<f32> = (0..rows * 5).map(|x| (x % 7) as f32).collect();
                    let repetitions = (0..rows * 5).map(|x| i16::from(x % 5 > 0)).collect();
                    let ids = Column::I64((0..rows).collect(), vec![1; rows as usize]);
                    vec![ids, Column::F32(values, vec![3; rows as usize * 5], repetitions)]
                };
                let fields = format!("optional int64 id; {LIST}");
                let properties = properties().set_data_page_size_limit(512).set_write_batch_size(16);
                let found = both(&file_with(&fields, properties, &[group(), group()]));
                let what = format!("{compression:?} {version:?} {dictionary}");
                assert_eq!((found.rows.len(), found.numbers.len()), (600, 3000), "{what}");
                assert!((0..3000).all(|x| found.numbers[x] == (x % 1500 % 7) as f32), "{what}");
                assert!((0..600).all(|x| found.rows[x].id == Some((x % 300).to_string())), "{what}");
                assert!((0..600).all(|x| found.rows[x].place == Some(x * 5..x * 5 + 5)), "{what}");
            }
        }
    }
    let split = properties().set_dictionary_enabled(false).set_encoding(Encoding::BYTE_STREAM_SPLIT);
    assert_eq!(both(&file_with(LIST, split, &[vec![two()]])).numbers, SIX);
    for (encoding, read) in [(Encoding::DELTA_LENGTH_BYTE_ARRAY, true), (Encoding::DELTA_BYTE_ARRAY, false)] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for (fields, levels) in [("optional binary id (STRING);", vec![1, 1]), ("required binary id;", vec![])] {
                let properties = properties().set_dictionary_enabled(false).set_writer_version(version);
                let properties = properties.set_column_encoding("id".into(), encoding);
                let group = vec![Column::Text(vec!["a", "ab"], levels), two()];
                let bytes = file_with(&format!("{fields} {LIST}"), properties, &[group]);
                if read {
                    assert_eq!(both(&bytes).rows[1].id.as_deref(), Some("ab"));
                } else {
                    assert!(message(bytes).contains("the column \"id\" is in DELTA_BYTE_ARRAY, which is not read"));
                }
            }
        }
    }
}

#[test]
fn nulls_and_empty_lists() {
    // A vector, null, an empty list, one with a null in it, and one of nulls.
    let definitions = vec![3, 3, 0, 1, 3, 2, 2, 2];
    let column = || Column::F32(vec![1.0, 2.0, 3.0], definitions.clone(), vec![0, 1, 0, 0, 0, 1, 0, 1]);
    let ids = || Column::Text(vec!["a", "b", "c", "d"], vec![1, 1, 1, 0, 1]);
    let index = || Column::I32(vec![0, 4, 2], vec![1, 1, 0, 1, 0]);
    let fields = format!("optional binary id (STRING); optional int32 index; {LIST}");
    let found = both(&file(&fields, vec![ids(), index(), column()]));
    assert_eq!(places(&found), [Some(0..2), None, None, Some(2..4), Some(4..6)]);
    assert_eq!(found.numbers[..3], [1.0, 2.0, 3.0]);
    assert!(found.numbers[3..].iter().all(|x| x.is_nan()));
    let rows: Vec<_> = found.rows.iter().map(|row| (row.index, row.id.as_deref())).collect();
    assert_eq!(
        rows,
        [(Some(0), Some("a")), (Some(4), Some("b")), (None, Some("c")), (Some(2), None), (None, Some("d"))]
    );
}

#[test]
fn ids_of_all_kinds() {
    let id = |field: &str, column| {
        let found = both(&file(&format!("{field} {LIST}"), vec![column, two()]));
        found.rows.into_iter().map(|row| row.id.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(id("optional binary id (STRING);", Column::Text(vec!["ü", ""], vec![1, 1])), ["ü", ""]);
    assert_eq!(id("required int32 _id;", Column::I32(vec![-7, 3], vec![])), ["-7", "3"]);
    assert_eq!(id("optional int32 id (UINT_32);", Column::I32(vec![-1, 3], vec![1, 1])), ["4294967295", "3"]);
    assert_eq!(id("optional int64 id (UINT_64);", Column::I64(vec![-1, 3], vec![1, 1])), ["18446744073709551615", "3"]);
    let uuids = vec![vec![0xab; 16], vec![1; 16]];
    let uuid = id("optional fixed_len_byte_array(16) id (UUID);", Column::Bytes(uuids, vec![1, 1]));
    assert_eq!(uuid, ["abababab-abab-abab-abab-abababababab", "01010101-0101-0101-0101-010101010101"]);
}

#[test]
fn parquet_errors_name_the_row_or_column() {
    let negative = file(&format!("optional int64 index; {LIST}"), vec![Column::I64(vec![0, -2], vec![1, 1]), two()]);
    assert_eq!(message(negative), "a.parquet: the index of row 2 is -2, which is not a position");
    let binary = vec![Column::Bytes(vec![vec![0xff; 4], vec![0xff; 4]], vec![1, 1]), two()];
    let bytes = file(&format!("optional fixed_len_byte_array(4) id; {LIST}"), binary);
    assert!(message(bytes).starts_with("a.parquet: the column \"id\" holds ids of a type"));
    let none = file("optional int32 x;", vec![Column::I32(vec![1], vec![1])]);
    let expected = "a.parquet: no column holds vectors, lists of float16, float32 or float64; there are: \"x\"";
    assert_eq!(message(none.clone()), expected);
    assert!(read_bytes(none).unwrap_err().hint().unwrap().contains("embedding"));
    let several = LIST.replace("embedding", "a") + &LIST.replace("embedding", "b");
    let text = message(file(&several, vec![two(), two()]));
    assert_eq!(text, "a.parquet: which of several columns of vectors is meant, is not clear; there are: \"a\", \"b\"");
    assert!(read_bytes(file_with(LIST, properties(), &[])).unwrap().rows.is_empty());
}

#[test]
fn parquet_through_a_pipe_is_bounded() {
    let bytes = file(LIST, vec![two()]);
    let pipe = |most| piped(Box::new(std::io::Cursor::new(bytes.clone())), &"stdin".into(), most);
    assert_eq!(read_from(&pipe(1 << 30).unwrap(), Builder::new("stdin".into())).unwrap().numbers, SIX);
    let error = pipe(100).unwrap_err();
    assert!(error.to_string().starts_with("stdin: Parquet of more than") && error.hint().is_some(), "{error}");
}

/// A small file with everything in it.
fn small(properties: WriterPropertiesBuilder) -> Vec<u8> {
    let fields = format!("optional binary id (STRING); optional int32 index; {LIST}");
    let column = Column::F32(vec![1.0, 2.0, 1.0, 2.0, 3.0], vec![3, 3, 0, 3, 2, 3, 3], vec![0, 1, 0, 0, 1, 0, 1]);
    let ids = Column::Text(vec!["aa", "bb", "cc"], vec![1, 0, 1, 1]);
    file_with(&fields, properties, &[vec![ids, Column::I32(vec![0, 1, 2, 3], vec![1; 4]), column]])
}

#[test]
fn cut_off_parquet_is_an_error() {
    let bytes = small(properties());
    assert!(read_bytes(bytes.clone()).is_ok());
    for end in 0..bytes.len() {
        let text = message(&bytes[..end]);
        assert!(text.contains("this Parquet file is damaged: "), "{end}: {text}");
    }
    assert!(message([&bytes[..], b"x"].concat()).contains("it is not whole"));
}

#[test]
fn no_flipped_bit_makes_a_panic_or_takes_much_memory() {
    let v2 = || properties().set_writer_version(WriterVersion::PARQUET_2_0).set_dictionary_enabled(false);
    for (bytes, flips) in [
        (small(properties()), &[1, 2, 4, 8, 16, 32, 64, 128, 255][..]),
        (small(properties().set_compression(Compression::SNAPPY)), &[1, 255]),
        (small(properties().set_compression(Compression::ZSTD(ZstdLevel::default()))), &[1, 128]),
        (small(v2().set_column_encoding("id".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)), &[1, 64, 128]),
    ] {
        for at in 0..bytes.len() {
            for flip in flips {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                match read_bytes(damaged) {
                    Ok(found) => assert!(found.numbers.capacity() < 10_000 && found.rows.len() < 100, "{at} {flip}"),
                    Err(error) => assert!(error.to_string().len() < 1000, "{error}"),
                }
            }
        }
    }
}

/// One page after the other, each as its head and the bytes after it.
fn pages(pages: &[(&[u8], usize)], compression: Compression, kind: &str) -> Result<u64, String> {
    let bytes = pages.iter().flat_map(|(head, length)| [*head, &vec![0; *length]].concat()).collect::<Vec<u8>>();
    let schema = SchemaDescriptor::new(Arc::new(parse_message_type(&format!("message m {{ {kind} }}")).unwrap()));
    let chunk = ColumnChunkMetaData::builder(schema.column(0)).set_compression(compression);
    let chunk = chunk.set_total_compressed_size(bytes.len() as i64).set_data_page_offset(0).build().unwrap();
    crate::input::vectors::parquet::pages::check(&Storage::Memory(bytes.into()), &chunk)
        .map_err(|problem| format!("{problem:?}"))
}

/// The head of a page: kind, sizes, and the field with its number of values and their encoding.
fn head(kind: u64, size: u64, stored: u64, field: u8, values: u64, encoding: u64) -> Vec<u8> {
    let varint = |number: u64| {
        let (mut number, mut bytes) = (number << 1, Vec::new());
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    };
    let mut bytes = Vec::new();
    for number in [kind, size, stored] {
        bytes.push(0x15);
        bytes.extend(varint(number));
    }
    bytes.push((field - 3) << 4 | 0x0c);
    bytes.push(0x15);
    bytes.extend(varint(values));
    bytes.push(if field == 8 { 0x35 } else { 0x15 });
    bytes.extend(varint(encoding));
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn page_headers_are_checked_against_the_bytes() {
    let float = "repeated float x;";
    let one = |head: &[u8], length, compression| pages(&[(head, length)], compression, float);
    let (plain, snappy) = (Compression::UNCOMPRESSED, Compression::SNAPPY);
    assert_eq!(one(&head(0, 8, 8, 5, 2, 0), 8, plain), Ok(2));
    assert_eq!(one(&head(3, 8, 8, 8, 2, 0), 8, plain), Ok(2));
    let data = head(0, 8, 8, 5, 1 << 30, 0);
    assert_eq!(pages(&[(&head(2, 8, 8, 7, 2, 0), 8), (&data, 8), (&data, 8)], plain, float), Ok(1 << 31));
    assert!(crate::input::vectors::parquet::pages::plausible(1000) < 1 << 25);
    let error = |result: Result<u64, String>, expected: &str| {
        let error = result.unwrap_err();
        assert!(error.contains(expected), "{error} for {expected}");
    };
    error(one(&head(0, 9, 8, 5, 2, 0), 8, plain), "promises more bytes");
    error(one(&head(0, 1 << 30, 8, 5, 2, 0), 8, snappy), "promises more bytes");
    error(one(&head(0, 1 << 30, 8, 5, 2, 0), 8, Compression::ZSTD(ZstdLevel::default())), "promises more bytes");
    error(one(&head(2, 8, 8, 7, 3, 0), 8, plain), "promises more values");
    error(one(&head(2, 8, 8, 7, 1 << 30, 0), 8, plain), "promises more values");
    error(one(&head(0, 9, 9, 5, 2, 0), 8, plain), "is not whole");
    error(one(&head(0, 8, 8, 5, 2, 7), 8, plain), "DELTA_BYTE_ARRAY");
    error(one(&head(0, 8, 8, 5, 2, 5), 8, plain), "encoding 5");
    error(one(&head(0, 8, 8, 8, 2, 0), 8, plain), "is damaged");
    error(one(&[0x15, 1, 0x15, 16, 0x15, 16, 0], 8, plain), "is damaged");
    error(one(&[0xff; 20], 8, plain), "is damaged");
    error(one(&[0; 20], 8, plain), "is damaged");
    error(pages(&[], plain, float).and(one(&[], 1, plain)), "is damaged");
}

/// A whole file around a footer.
fn around(footer: &[u8]) -> Vec<u8> {
    [b"PAR1", footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

#[test]
fn footers_are_checked_against_the_bytes() {
    let element = |children: &[u8]| [&[0x48, 1, b'x', 0x15][..], children, &[0]].concat();
    // Version, then a list of columns.
    let footer = |columns: &[Vec<u8>]| {
        let size = columns.len();
        let size =
            if size < 15 { vec![(size as u8) << 4 | 0x0c] } else { vec![0xfc, size as u8 | 0x80, (size >> 7) as u8] };
        [&[0x15, 2, 0x19][..], &size, &columns.concat(), &[0x16, 0, 0x19, 0x0c, 0]].concat()
    };
    let damaged = "a.parquet: this Parquet file is damaged: its footer is damaged";
    // A column with 2^31 - 1 children, with fewer than none, and with one too many.
    for children in [&[0xfe, 0xff, 0xff, 0xff, 0x0f][..], &[0x03], &[0x02]] {
        assert_eq!(message(around(&footer(&[element(children)]))), damaged);
    }
    // Columns within columns.
    let mut deep = vec![element(&[2]); 10_000];
    deep.push(element(&[0]));
    assert_eq!(message(around(&footer(&deep))), damaged);
    // Lists of 2^31 - 1 elements in the place of the columns, and of the row groups.
    for footer in [&[0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 7, 0][..], &[0x49, 0xfc, 0xff, 0xff, 0xff, 0xff, 7, 0], &[]] {
        assert!(message(around(footer)).starts_with(damaged));
    }
    let mut long = around(&[0]);
    long[5..9].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(message(long).ends_with("its footer claims to be longer than the file"));
    assert!(message(b"PAR1\0\0\0\0PARE".to_vec()).ends_with("it is encrypted"));
}

/// Files of pyarrow 26.0.1:
///
/// ```python
/// h, plain = numpy.float16, {"write_statistics": False, "store_schema": False}
/// lists = pa.array([[h(1), h(-.5), h(.25)], None, [h(4), None, h(1024)], []], pa.list_(pa.float16()))
/// table = pa.table({"id": ["a", "b", None, "d"], "embedding": lists})
/// pq.write_table(table, "pyarrow.parquet", compression="zstd", **plain)
/// fixed = pa.FixedSizeListArray.from_arrays(pa.array([1., 2., 3., 4.], pa.float32()), 2)
/// table = pa.table({"embedding": fixed})
/// pq.write_table(table, "brotli.parquet", compression="brotli", data_page_version="2.0", **plain)
/// ```
#[test]
fn files_of_pyarrow() {
    let path = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/vectors").join(name);
    let found = crate::input::vectors::read::read(&path("pyarrow.parquet")).unwrap();
    assert_eq!(places(&found), [Some(0..3), None, Some(3..6), None]);
    assert_eq!(found.numbers[..4], [1.0, -0.5, 0.25, 4.0]);
    assert!(found.numbers[4].is_nan() && found.numbers[5] == 1024.0);
    let ids: Vec<_> = found.rows.iter().map(|row| row.id.as_deref()).collect();
    assert_eq!(ids, [Some("a"), Some("b"), None, Some("d")]);
    let error = crate::input::vectors::read::read(&path("brotli.parquet")).unwrap_err();
    assert!(error.to_string().ends_with("it is compressed by Brotli, which is not read"), "{error}");
    assert!(error.hint().unwrap().contains("zstd"));
}
