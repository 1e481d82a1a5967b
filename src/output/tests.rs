#![allow(clippy::unwrap_used)]
use super::*;
use std::fs;

pub(super) fn vector(embedding: &[f32]) -> Result<Vector<'_>, &str> {
    Ok(Vector { embedding: Numbers::Dense(embedding), tokens: Some(7), truncated: Some(false) })
}

/// The bytes of a file with `rows`.
pub(super) fn written(format: Format, dimensions: usize, rows: &[Row<'_>]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut writer = open(format, &Destination::File(path.clone()), Shape::Dense(dimensions), None).unwrap();
    for row in rows {
        writer.write(row).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::read(path).unwrap()
}

#[test]
fn a_vector_of_the_wrong_length_is_refused() {
    for format in [Format::Jsonl, Format::Json, Format::Csv, Format::Npy] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = open(format, &Destination::File(folder.path().join("out")), Shape::Dense(3), None).unwrap();
        let row = Row { index: 4, id: None, outcome: vector(&[1.0]) };
        let error = writer.write(&row).unwrap_err();
        assert_eq!(error.to_string(), "the embedding of input 4 has 1 dimensions instead of 3");
    }
}

#[test]
fn only_json_holds_what_is_not_one_vector() {
    for shape in [Shape::Sparse, Shape::Tokens(2)] {
        for format in [Format::Csv, Format::Npy] {
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
    for format in [Format::Jsonl, Format::Json, Format::Csv, Format::Npy] {
        let mut writer = open(format, &Destination::File(path.clone()), Shape::Dense(1), None).unwrap();
        writer.write(&Row { index: 0, id: None, outcome: vector(&[1.0]) }).unwrap();
        writer.flush().unwrap();
        drop(writer);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_full_disk_is_called_that() {
    for format in [Format::Jsonl, Format::Json, Format::Csv, Format::Npy] {
        let mut writer = open(format, &Destination::File("/dev/full".into()), Shape::Dense(1), None).unwrap();
        writer.write(&Row { index: 0, id: None, outcome: vector(&[1.0]) }).unwrap();
        let error = writer.finish().unwrap_err();
        assert!(error.to_string().contains("/dev/full: the disk is full"), "{error}");
        assert!(error.hint().is_some());
        assert!(!error.is_broken_pipe());
    }
}
