//! Plain tensors come out as they went in; any other content of a file is refused by name.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::StateDict;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn expected() -> Json {
    serde_json::from_slice(&std::fs::read(fixture("torch/expected.json")).unwrap()).unwrap()
}

fn floats(value: &Json) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn check_linear(path: &Path, tolerance: f32) {
    let (state, expected) = (StateDict::read(path).unwrap(), expected());
    for (name, shape) in [("weight", &[3, 5][..]), ("bias", &[3])] {
        let numbers = state.float_tensor(name, shape).unwrap();
        let expected = floats(&expected["linear"][name]);
        assert_eq!(numbers.as_slice().len(), expected.len());
        for (number, expected) in numbers.as_slice().iter().zip(&expected) {
            assert!((number - expected).abs() <= tolerance, "{}: {name}: {number}, not {expected}", path.display());
        }
    }
    assert!(!state.has("other"));
    let missing = state.float_tensor("other", &[3]).err().unwrap().to_string();
    assert!(missing.contains("\"other\" is missing"), "{missing}");
    let shape = state.float_tensor("weight", &[5, 3]).err().unwrap().to_string();
    assert!(shape.contains("\"weight\"") && shape.contains("[3, 5]"), "{shape}");
}

#[test]
fn plain_tensors_in_every_form() {
    let forms =
        [("float", 0.0), ("half", 1e-3), ("bfloat16", 1e-2), ("double", 0.0), ("old", 0.0), ("parameters", 0.0)];
    for (name, tolerance) in forms {
        check_linear(&fixture(&format!("torch/{name}.pt")), tolerance);
    }
}

#[test]
fn views_of_one_storage() {
    let state = StateDict::read(&fixture("torch/views.pt")).unwrap();
    for (name, view) in expected()["views"].as_object().unwrap() {
        let shape: Vec<usize> = view[0].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        assert_eq!(state.float_tensor(name, &shape).unwrap().as_slice(), floats(&view[1]), "{name}");
    }
}

fn refusal(path: &Path) -> String {
    let error = StateDict::read(path).unwrap_err();
    assert!(error.hint().is_some());
    error.to_string()
}

#[test]
fn a_file_that_ends_at_any_place_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["float", "old"] {
        let whole = std::fs::read(fixture(&format!("torch/{name}.pt"))).unwrap();
        let path = dir.path().join(name);
        for length in (0..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(StateDict::read(&path).is_err(), "{name}: {length} of {} bytes", whole.len());
        }
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_read_does_no_harm() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let whole = std::fs::read(fixture("torch/old.pt")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights.pt");
    std::fs::write(&path, &whole).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            while !done.load(Ordering::SeqCst) {
                file.set_len(0).unwrap();
                std::fs::write(&path, &whole).unwrap();
            }
        });
        for _ in 0..500 {
            // Whole or refused.
            if let Ok(state) = StateDict::read(&path) {
                assert!(state.has("weight"));
            }
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_file_larger_than_any_such_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.pt");
    std::fs::File::create(&path).unwrap().set_len((1 << 30) + 1).unwrap();
    let refusal = refusal(&path);
    assert!(refusal.contains("large.pt") && refusal.contains("1073741824"), "{refusal}");
}

#[test]
fn what_is_more_than_plain_tensors_is_refused_by_name() {
    for (name, words) in [
        ("module", &["torch.nn.modules.linear.Linear"][..]),
        ("shell", &["system"]),
        ("pickle", &["not written by torch.save"]),
        ("integers", &["torch.LongStorage"]),
        ("nested", &["\"state_dict\"", "not a tensor"]),
        ("tensor", &["no state dict"]),
    ] {
        let error = refusal(&fixture(&format!("torch/refused-{name}.pt")));
        assert!(words.iter().all(|word| error.contains(word)), "{name}: {error}");
    }
    assert!(!Path::new("/tmp/infa-was-here").exists());
    assert!(refusal(&fixture("torch/nothing.pt")).contains("nothing.pt"));
    assert!(refusal(&fixture("torch")).contains("not a regular file"));
}

/// Reads these bytes as a file; the error, if any.
fn read(bytes: &[u8]) -> Result<StateDict, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    StateDict::read(file.path()).map_err(|e| e.to_string())
}

/// Reads the tensors that a damaged file claims to have; their numbers do not matter.
fn survive(bytes: &[u8]) {
    if let Ok(state) = read(bytes) {
        let _ = state.float_tensor("weight", &[3, 5]);
        let _ = state.float_tensor("bias", &[3]);
    }
}

#[test]
fn truncated_anywhere() {
    for name in ["float", "old"] {
        let bytes = std::fs::read(fixture(&format!("torch/{name}.pt"))).unwrap();
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{name}, {length} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn every_byte_changed() {
    // The old form has no check sums: every change reaches the pickle machine.
    let bytes = std::fs::read(fixture("torch/old.pt")).unwrap();
    for at in 0..bytes.len() {
        for change in [0x00, 0x01, 0x28, 0x29, 0x2e, 0x52, 0x65, 0x71, 0x75, 0x80, 0x86, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = change;
            survive(&bytes);
        }
    }
    let bytes = std::fs::read(fixture("torch/float.pt")).unwrap();
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x55;
        survive(&bytes);
    }
}

/// An archive as torch.save makes them, around this pickle and these numbers.
fn archive(pickle: &[u8], numbers: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [("x/data.pkl", pickle), ("x/byteorder", b"little"), ("x/data/0", numbers)] {
        zip.start_file(name, stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The pickle of one tensor "weight" over `count` numbers.
fn tensor(count: &str, offset: &str, size: &str, stride: &str) -> Vec<u8> {
    let bytes = |text: &str| -> Vec<u8> {
        text.split_whitespace().flat_map(|n| [b"J", &n.parse::<i32>().unwrap().to_le_bytes()[..]].concat()).collect()
    };
    let tuple = |text: &str| [b"(", &bytes(text)[..], b"t"].concat();
    let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    [
        &b"\x80\x02}"[..],
        &text("weight"),
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        &bytes(count),
        b"tQ",
        &bytes(offset),
        &tuple(size),
        &tuple(stride),
        b"\x89NtRs.",
    ]
    .concat()
}

#[test]
fn crafted_tensors() {
    let numbers: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let fine = read(&archive(&tensor("6", "1", "2 2", "1 2"), &numbers)).unwrap();
    assert_eq!(fine.float_tensor("weight", &[2, 2]).unwrap().as_slice(), [1.0, 3.0, 2.0, 4.0]);
    for (pickle, shape) in [
        (tensor("6", "0", "7", "1"), &[7][..]),
        (tensor("6", "6", "1", "1"), &[1]),
        (tensor("6", "2147483647", "2", "2147483647"), &[2]),
        // One number, over and over: a small file must not become a huge tensor.
        (tensor("6", "0", "2147483647 2147483647", "0 0"), &[2_147_483_647, 2_147_483_647]),
        (tensor("6", "0", "100000", "0"), &[100_000]),
    ] {
        let error = read(&archive(&pickle, &numbers)).unwrap().float_tensor("weight", shape).err().unwrap();
        assert!(error.to_string().contains("reaches beyond its numbers"), "{error}");
    }
    for pickle in [
        tensor("7", "0", "6", "1"),
        tensor("2147483647", "0", "6", "1"),
        tensor("-1", "0", "6", "1"),
        tensor("6", "0", "-6", "1"),
        tensor("6", "-1", "6", "1"),
        tensor("6", "0", "6 1", "1"),
        tensor("6", "0", "1 1 1 1 1 1 1 1 6", "1 1 1 1 1 1 1 1 1"),
    ] {
        assert!(read(&archive(&pickle, &numbers)).is_err());
    }
}

#[test]
fn crafted_pickles() {
    let cycle = b"\x80\x02]q\x00h\x00a.";
    let marks = [&b"\x80\x02"[..], &[b'('; 100_000], b"."].concat();
    let nested = [&b"\x80\x02"[..], &[b']'; 1000], &[b'a'; 999], b"."].concat();
    // Each tuple holds the one before twice: 2⁶⁰ leaves.
    let laughs = [&b"\x80\x02)q\x00"[..], &b"h\x00h\x00\x86q\x00".repeat(60), b"."].concat();
    let endless = b"N".repeat(1 << 19);
    for pickle in [
        &cycle[..],
        &marks,
        &nested,
        &laughs,
        &endless,
        b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
        b"\x80\x02cbuiltins\neval\n.",
        b"\x80\x02X\xff\xff\xff\xffabc.",
        b"\x80\x02X\x02\x00\x00\x00\xff\xfe.",
        b"\x80\x02\x8a\xff.",
        b"\x80\x02h\x07.",
        b"\x80\x02Q.",
        b"\x80\x02)Q.",
        b"\x80\x02ccollections\nOrderedDict\n(K\x01tR.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"\x80\x02ctorch._utils\n_rebuild_parameter\n(NNNtR.",
        b"\x80\x02(u.",
        b"\x80\x02}(K\x01u.",
        b"\x80\x02}K\x01K\x02s.",
        b"\x80\x02(0.",
        b"\x80\x02NNb.",
        b"\x80\x09N.",
        b".",
        b"",
    ] {
        let error = read(&archive(pickle, b"")).unwrap_err();
        assert!(error.contains("not a file of plain tensors"), "{error}");
    }
    // A dict without tensors is one, if of no use.
    assert!(!read(&archive(b"\x80\x02}.", b"")).unwrap().has("weight"));
}

#[test]
fn compressed_members_and_other_byte_orders() {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("x/data.pkl", SimpleFileOptions::default()).unwrap();
    zip.write_all(&vec![b'N'; 100_000]).unwrap();
    let error = read(&zip.finish().unwrap().into_inner()).unwrap_err();
    assert!(error.contains("compressed"), "{error}");

    let bytes = archive(&tensor("1", "0", "1", "1"), &[0; 4]);
    let at = bytes.windows(6).position(|w| w == b"little").unwrap();
    let mut big = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    big.start_file("x/data.pkl", stored).unwrap();
    big.write_all(b"\x80\x02}.").unwrap();
    big.start_file("x/byteorder", stored).unwrap();
    big.write_all(b"big").unwrap();
    let error = read(&big.finish().unwrap().into_inner()).unwrap_err();
    assert!(error.contains("not little-endian"), "{error}");
    assert!(at > 0 && read(b"PK\x03\x04").is_err());
}
