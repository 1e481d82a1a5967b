use super::*;

fn read(text: impl AsRef<[u8]>, format: Format, options: &PairOptions) -> Result<ScoredPairs, PairsError> {
    read_from(Box::new(Cursor::new(text.as_ref().to_vec())), "f".into(), format, options)
}

fn plain(text: impl AsRef<[u8]>, format: Format) -> Result<ScoredPairs, PairsError> {
    read(text, format, &PairOptions::default())
}

fn of_split(split: &str) -> PairOptions {
    PairOptions { split: Some(split.into()), ..PairOptions::default() }
}

/// Each pair as `first|second|score`.
fn shown(pairs: &ScoredPairs) -> Vec<String> {
    pairs.pairs.iter().map(|pair| format!("{}|{}|{}", pair.first, pair.second, pair.score)).collect()
}

fn reported(pairs: &ScoredPairs) -> Vec<String> {
    pairs.skipped.first.iter().map(ToString::to_string).collect()
}

#[test]
fn all_formats_hold_the_same() {
    let expected = ["a b|c, d|4.5", "e|f|0"];
    for (text, format) in [
        (
            "{\"sentence1\":\"a b\",\"sentence2\":\"c, d\",\"score\":4.5}\n\n{\"score\":\"0\",\"sentence2\":\"f\",\"sentence1\":\"e\"}",
            Format::Jsonl,
        ),
        (
            "\u{feff}{\"sentence1\":\"a b\",\"sentence2\":\"c, d\",\"score\":4.5}\r\n{\"score\":0,\"sentence2\":\"f\",\"sentence1\":\"e\"}\r\n",
            Format::Lines,
        ),
        ("\u{feff}sentence1,sentence2,score\r\na b,\"c, d\",4.5\r\ne,f,0\r\n", Format::Csv),
        ("score,sentence2,sentence1\n4.5,\"c, d\",a b\n0,f,e", Format::Lines),
        ("\u{feff}score\tSentence1\tSentence2\r\n4.500\ta b\tc, d\r\n\r\n0\te\tf\r\n", Format::Tsv),
        ("sentence1\tsentence2\tscore\na b\tc, d\t4.5\ne\tf\t 0 ", Format::Lines),
    ] {
        let pairs = plain(text, format).unwrap();
        assert_eq!(shown(&pairs), expected, "{text}");
        assert_eq!((pairs.split, pairs.skipped.count, pairs.other_splits), (None, 0, 0), "{text}");
    }
}

#[test]
fn a_quote_that_is_never_closed_is_reported() {
    for format in [Format::Csv, Format::Lines] {
        let pairs = plain("sentence1,sentence2,score\na,b,1\nc,\"d,2\ne,f,3\n", format).unwrap();
        assert_eq!(shown(&pairs), ["a|b|1"]);
        assert_eq!(reported(&pairs), ["f:3: the quote that opens here is not closed: lines 3 to 4 became one row"]);
    }
    let header = plain("sentence1,sentence2,\"score\na,b,1\n", Format::Csv).unwrap_err();
    assert_eq!(header.to_string(), "f: a quote in the header row is not closed");
}

#[test]
fn names_that_are_given_win() {
    let options =
        PairOptions { first: Some("q".into()), second: Some("a".into()), score: Some("grade".into()), split: None };
    let text = "{\"sentence1\":\"x\",\"sentence2\":\"y\",\"score\":1,\"q\":\"Q\",\"a\":\"A\",\"grade\":3}";
    assert_eq!(shown(&read(text, Format::Jsonl, &options).unwrap()), ["Q|A|3"]);
    assert_eq!(shown(&read("q,a,grade\nQ,A,3\n", Format::Csv, &options).unwrap()), ["Q|A|3"]);
    let error = read("sentence1,sentence2,score\nx,y,1\n", Format::Csv, &options).unwrap_err();
    let message = "f: there is no column \"q\"; there are: \"sentence1\", \"sentence2\", \"score\"";
    assert_eq!(error.to_string(), message);
    assert!(error.hint().unwrap().contains("sentence_a"));
    // A misspelt name is suggested, after its own flag.
    for (text, format) in [
        ("{\"qq\":\"x\",\"a\":\"y\",\"grade\":1}", Format::Jsonl),
        ("a,qq,grade\nx,y,1\n", Format::Csv),
        ("a\tqq\tgrade\nx\ty\t1\n", Format::Tsv),
    ] {
        assert_eq!(read(text, format, &options).unwrap_err().hint().unwrap(), "did you mean --field qq?", "{text}");
    }
    let error = read("q,a,graed\nQ,A,3\n", Format::Csv, &options).unwrap_err();
    assert_eq!(error.hint().unwrap(), "did you mean --score-field graed?");
    // Both texts may be one field.
    let twice = PairOptions { first: Some("q".into()), second: Some("q".into()), ..options };
    assert_eq!(shown(&read("{\"q\":\"Q\",\"grade\":1}", Format::Jsonl, &twice).unwrap()), ["Q|Q|1"]);
}

/// Lines of the STS benchmark as GLUE has it: eight columns, carriage returns, and quotes that are no quotes.
const BENCHMARK: &str = "split\tgenre\tdataset\tyear\tsid\tscore\tsentence1\tsentence2\r\n\
    train\tmain-captions\tMSRvid\t2012test\t0001\t5.000\tA plane is taking off.\tAn air plane is taking off.\r\n\
    train\tmain-forum\tdeft-forum\t2014\t0001\t0.8\t\"Then the captain was gone.\tThen the captain came back.\r\n\
    dev\tmain-forum\tdeft-forum\t2014\t0035\t1.2\t\"Fairies don't exist\" - fine.\t\"Satyrs don't exist\" - fine.\r\n\
    test\tmain-news\theadlines\t2015\t1\t4.4\t\"no skiing\"\tsays \"\"twice\"\"\r\n\
    test\tmain-forum\tanswers\t2015\t2\t3\tthe \"\t\"the\r\n";

#[test]
fn in_the_sts_benchmark_a_quote_is_a_character() {
    let pairs = plain(BENCHMARK, Format::Tsv).unwrap();
    assert_eq!(shown(&pairs), ["\"no skiing\"|says \"\"twice\"\"|4.4", "the \"|\"the|3"]);
    assert_eq!((pairs.split.as_deref(), pairs.other_splits, pairs.skipped.count), (Some("test"), 3, 0));
    let train = read(BENCHMARK, Format::Tsv, &of_split("train")).unwrap();
    assert_eq!(train.pairs[1].first, "\"Then the captain was gone.");
    assert_eq!((train.pairs.len(), train.split.as_deref(), train.other_splits), (2, Some("train"), 3));
}

#[test]
fn a_tsv_with_quotes_of_csv_is_read_as_one() {
    // pandas: to_csv(sep="\t"), with quotes where they are needed.
    let text = "sentence1\tsentence2\tscore\n\"He said \"\"hi\"\".\"\tplain\t1\n\"\"\"q\"\"\"\tx\t2\n";
    assert_eq!(shown(&plain(text, Format::Tsv).unwrap()), ["He said \"hi\".|plain|1", "\"q\"|x|2"]);
    // All quoted: fields may have tabs and line breaks within.
    let text = "\u{feff}\"sentence1\"\t\"sentence2\"\t\"score\"\n\"a\tb\"\t\"c\nd\"\t\"1\"\n";
    assert_eq!(shown(&plain(text, Format::Tsv).unwrap()), ["a\tb|c\nd|1"]);
    // A single lone quote, and they are characters.
    let text = "sentence1\tsentence2\tscore\n\"He said \"\"hi\"\".\"\tpl\"ain\t1\n";
    assert_eq!(shown(&plain(text, Format::Tsv).unwrap()), ["\"He said \"\"hi\"\".\"|pl\"ain|1"]);
    // Nor does a text that is quoted as a whole make a CSV.
    assert_eq!(shown(&plain("s1\ts2\tscore\n\"a\"\t\"b\"\t1\n", Format::Tsv).unwrap()), ["\"a\"|\"b\"|1"]);
}

#[test]
fn splits() {
    let rows = |splits: &[&str]| {
        let rows = splits.iter().enumerate().map(|(i, split)| format!("{split},a{i},b{i},{i}\n"));
        format!("split,s1,s2,score\n{}", rows.collect::<String>())
    };
    let read_as = |splits: &[&str], wanted: Option<&str>| {
        let options = PairOptions { split: wanted.map(Into::into), ..PairOptions::default() };
        read(rows(splits), Format::Csv, &options)
    };
    let found = |splits: &[&str], wanted| {
        let pairs = read_as(splits, wanted).unwrap();
        (pairs.split.clone(), pairs.pairs.len(), pairs.other_splits)
    };
    assert_eq!(found(&["dev", "test", "dev", "test", "test"], None), (Some("test".into()), 3, 2));
    assert_eq!(found(&["dev", "test", "dev"], Some("dev")), (Some("dev".into()), 2, 1));
    assert_eq!(found(&["train", "train"], None), (Some("train".into()), 2, 0));
    assert_eq!(found(&["", "test"], None), (Some("test".into()), 1, 1));
    assert_eq!(found(&["", ""], None), (None, 2, 0));
    let error = read_as(&["train", "dev"], None).unwrap_err();
    let message = "f: there are several splits, and none is \"test\"; there are: \"train\", \"dev\"";
    assert_eq!(error.to_string(), message);
    assert!(error.hint().is_some());
    let error = read_as(&["train", "dev"], Some("test")).unwrap_err();
    assert_eq!(error.to_string(), "f: there is no split \"test\"; there are: \"train\", \"dev\"");
    let none = read("s1,s2,score\na,b,1\n", Format::Csv, &of_split("dev")).unwrap_err();
    assert!(none.to_string().ends_with("\"dev\": it has no field or column called split"), "{none}");
    // In JSON, too.
    let text = "{\"split\":\"test\",\"s1\":\"a\",\"s2\":\"b\",\"score\":1}\n{\"split\":null,\"s1\":\"c\",\"s2\":\"d\",\"score\":2}";
    let pairs = plain(text, Format::Jsonl).unwrap();
    assert_eq!((shown(&pairs), pairs.other_splits), (vec!["a|b|1".to_owned()], 1));
}

#[test]
fn bad_rows_are_passed_over_and_counted() {
    let text = [
        "{\"s1\":\"a\"}",
        "{\"s1\":\"a\",\"s2\":\"b\",\"score\":1,\"label\":9}",
        "{\"s1\":\"a\",\"s2\":\"b\",\"label\":2}",
        "{\"s1\":3,\"s2\":\"b\",\"score\":2}",
        "{\"s1\":\"a\",\"s2\":\" \\n\",\"score\":2}",
        "{\"s1\":\"a\",\"s2\":\"b\",\"score\":\"high\"}",
        "{\"s1\":\"a\",\"s2\":\"b\",\"score\":null}",
        "[1,2]",
        "{\"s1\":\"a\",\"s2\":\"b\",\"sco",
        "{\"s1\":\"c\",\"s2\":\"d\",\"score\":\"3\"}",
    ];
    let pairs = plain(text.join("\n"), Format::Jsonl).unwrap();
    assert_eq!(shown(&pairs), ["a|b|1", "c|d|3"]);
    assert_eq!(pairs.skipped.count, 8);
    assert_eq!(
        reported(&pairs),
        [
            "f:1: there are no columns with two texts; there are: \"s1\"",
            "f:3: there is no field \"score\"; there are: \"s1\", \"s2\", \"label\"",
            "f:4: field \"s1\" must be a string, but is a number",
            "f:5: field \"s2\" is blank",
            "f:6: field \"score\" must be a finite number, but is \"high\"",
        ]
    );
    let table = b"s1\ts2\tscore\na\tb\t1\na\tb\na\tb\tc\td\na\t\t1\na\tb\tnan\na\tb\tinf\na\xff\tb\t1\n\"x\ty\t2\n";
    let pairs = plain(table, Format::Tsv).unwrap();
    assert_eq!(shown(&pairs), ["a|b|1", "\"x|y|2"]);
    assert_eq!(
        reported(&pairs),
        [
            "f:3: the row has 2 fields where the header has 3",
            "f:4: the row has 4 fields where the header has 3",
            "f:5: field \"s2\" is blank",
            "f:6: field \"score\" must be a finite number, but is \"nan\"",
            "f:7: field \"score\" must be a finite number, but is \"inf\"",
        ]
    );
    assert_eq!(pairs.skipped.count, 6);
    let csv = b"s1,s2,score\na,b,1\na,b\na\xffb,c,1\n,b,1\n";
    let pairs = plain(csv, Format::Csv).unwrap();
    assert_eq!(reported(&pairs)[0], "f:3: the row has 2 fields where the header has 3");
    let utf8 = "f:4: invalid UTF-8 in column \"s1\" (byte 0xff at byte 2 of the field)";
    assert_eq!((reported(&pairs)[1].as_str(), pairs.skipped.count), (utf8, 3));
}

#[test]
fn bad_rows_of_other_splits_are_not_counted() {
    let text = "split,s1,s2,score\ntest,a,b,1\ntrain,a,b,x\ntest,,b,1\ntrain,a,b,2\nragged\n";
    let pairs = plain(text, Format::Csv).unwrap();
    assert_eq!((pairs.pairs.len(), pairs.other_splits, pairs.skipped.count), (1, 1, 2));
    assert!(
        reported(&pairs)[0].starts_with("f:4: ") && reported(&pairs)[1].starts_with("f:6: "),
        "{:?}",
        reported(&pairs)
    );
}

#[test]
fn a_row_that_is_too_long_is_passed_over() {
    let long = "x".repeat(crate::input::MAX_RECORD_BYTES + 1);
    let text = format!("s1\ts2\tscore\n{long}\tb\t1\na\tb\t1\n");
    let pairs = plain(&text, Format::Tsv).unwrap();
    assert_eq!((pairs.pairs.len(), reported(&pairs)), (1, vec!["f:2: the record is longer than 16 MiB".to_owned()]));
    let header = plain(format!("{long}\ts2\tscore\na\tb\t1\n"), Format::Tsv).unwrap_err();
    assert_eq!(header.to_string(), "f: the header row is too long");
    let tabs = plain("\t".repeat(1 << 20) + "\n", Format::Tsv).unwrap_err();
    assert!(!tabs.to_string().is_empty());
}

#[test]
fn files_without_any_pair() {
    let message = |text: &[u8], format| {
        let error = plain(text, format).unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    };
    for format in [Format::Jsonl, Format::Csv, Format::Tsv, Format::Lines] {
        assert_eq!(message(b"", format), "f: holds no pairs");
        assert_eq!(message(b"\xef\xbb\xbf\r\n\n", format), "f: holds no pairs");
    }
    assert_eq!(message(b"s1,s2,score\n", Format::Csv), "f: holds no pairs");
    assert_eq!(message(b"s1\ts2\tscore", Format::Tsv), "f: holds no pairs");
    let header = message(b"A plane.\tAn air plane.\t5.0\nx\ty\t1\n", Format::Tsv);
    assert_eq!(header, "f: there are no columns with two texts; there are: \"A plane.\", \"An air plane.\", \"5.0\"");
    assert!(message(b"{\"a\":1}\n{\"b\":2}\n", Format::Jsonl).ends_with("two texts; there are: \"a\""));
    assert!(message(b"just some text\nand more\n", Format::Lines).contains("no columns with two texts"));
    let unusable = message(b"s1,s2,label\na,b,entailment\nc,d,neutral\n", Format::Csv);
    let expected =
        "none of the 2 rows can be used. f:2: field \"label\" must be a finite number, but is \"entailment\"";
    assert_eq!(unusable, expected);
    assert!(
        message(b"{\"s1\":\"a\n", Format::Jsonl).starts_with("none of the 1 rows can be used. f:1: malformed JSON")
    );
    assert!(message(b"\xff\xfe{\x00", Format::Jsonl).contains("f:1: invalid UTF-8"));
    for (bytes, what) in [
        (&b"\x1f\x8b\x08\0"[..], "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"PK\x03\x04", "ZIP"),
        (b"PAR1\x15", "Parquet"),
        (b"[{\"s1\":1}]", "a JSON array"),
    ] {
        assert!(message(bytes, Format::Lines).contains(what), "{what}");
    }
}

#[test]
fn files_that_are_none() {
    let error = read_pairs(Path::new("/nowhere/pairs.tsv"), &PairOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "/nowhere/pairs.tsv: no such file");
    let dir = tempfile::tempdir().unwrap();
    assert!(read_pairs(dir.path(), &PairOptions::default()).unwrap_err().to_string().ends_with("is a directory"));
    let path = dir.path().join("pairs.tab");
    std::fs::write(&path, BENCHMARK).unwrap();
    let pairs = read_pairs(&path, &PairOptions::default()).unwrap();
    assert_eq!((pairs.pairs.len(), &*pairs.name), (2, path.to_str().unwrap()));
}
