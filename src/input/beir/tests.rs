use super::*;

const CORPUS: &str = "{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"one \",\"metadata\":{\"url\":[1,{\"_id\":\"x\"}]}}\n\
    \n{\"_id\": 2, \"text\": \" two\\n\"}\r\n{\"text\":\"\",\"title\":null,\"_id\":\"d3\"}\n{\"_id\":\"d4\",\"title\":\"\",\"text\":\"four\"}";
const QUERIES: &str = "{\"_id\":\"q2\",\"text\":\"second\"}\n{\"_id\":\"q1\",\"text\":\"first \",\"metadata\":{}}\n{\"_id\":\"q3\",\"text\":\"third\"}\n";
const QRELS: &str = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td3\t0\nq2\t2\t1\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("qrels")).unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        Self(dir)
    }

    fn read(&self) -> Result<RetrievalSet, BeirError> {
        read_beir(self.0.path(), None)
    }

    /// The message, without the folder.
    #[track_caller]
    fn message(&self) -> String {
        let error = self.read().unwrap_err();
        if !matches!(error, BeirError::Empty { .. }) {
            assert!(error.hint().is_some(), "{error}");
        }
        error.to_string().replace(self.0.path().to_str().unwrap(), "DIR")
    }
}

fn whole(corpus: impl AsRef<[u8]>, queries: impl AsRef<[u8]>, qrels: impl AsRef<[u8]>) -> Folder {
    Folder::new(&[
        ("corpus.jsonl", corpus.as_ref()),
        ("queries.jsonl", queries.as_ref()),
        ("qrels/test.tsv", qrels.as_ref()),
    ])
}

fn of_qrels(qrels: impl AsRef<[u8]>) -> Folder {
    whole(CORPUS, QUERIES, qrels)
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// Each judgement as `query document relevance`.
fn shown(set: &RetrievalSet) -> Vec<String> {
    let both = set.queries.iter().zip(&set.judgements);
    both.flat_map(|((query, _), judged)| judged.iter().map(move |(id, level)| format!("{query} {id} {level}")))
        .collect()
}

#[test]
fn a_whole_folder() {
    let folder = of_qrels(QRELS);
    let set = folder.read().unwrap();
    assert_eq!(set.name, folder.0.path().to_str().unwrap());
    assert!(set.qrels.ends_with("qrels/test.tsv"));
    assert_eq!(set.queries, pairs(&[("q2", "second"), ("q1", "first ")]));
    assert_eq!(set.documents, pairs(&[("d1", "T one"), ("2", "two"), ("d3", ""), ("d4", "four")]));
    assert_eq!(shown(&set), ["q2 2 1", "q1 d1 2", "q1 d3 0"]);
    assert_eq!(
        (set.unjudged_queries, set.unknown_queries, set.unknown_documents, set.queries_without_relevant),
        (1, 0, 0, 0)
    );
    assert!(set.warnings().is_empty());
    // The same with a mark of byte order in front of everything.
    let marked = |text: &str| format!("\u{feff}{text}");
    let second = whole(marked(CORPUS), marked(QUERIES), marked(QRELS)).read().unwrap();
    assert_eq!(
        (&second.queries, &second.documents, &second.judgements),
        (&set.queries, &set.documents, &set.judgements)
    );
}

#[test]
fn judgements_in_all_shapes() {
    for qrels in [
        "q1\td1\t2\nq1\td3\t0\nq2\t2\t1",
        "q1\td1\t2\r\n\r\nq1\td3\t0\r\nq2\t2\t1.0\r\n",
        "query_id\titeration\tdoc_id\trelevance\nq1\t0\td1\t2\nq1\t0\td3\t-2\nq2\t0\t2\t1\n",
        "q1 0 d1 2\nq1  Q0 d3   0\nq2 0 2 1\n",
        "\"q1\"\t\"d1\"\t\"2\"\nq1\td3\t0\nq2\t2\t1\nq1\td1\t2\n",
    ] {
        assert_eq!(shown(&of_qrels(qrels).read().unwrap()), ["q2 2 1", "q1 d1 2", "q1 d3 0"], "{qrels}");
    }
    // Python's csv module writes an id with a quote in it so.
    let queries = "{\"_id\":\"a \\\"b\\\"\",\"text\":\"x\"}";
    let set = whole(CORPUS, queries, "query-id\tcorpus-id\tscore\n\"a \"\"b\"\"\"\td1\t1\n").read().unwrap();
    assert_eq!(shown(&set), ["a \"b\" d1 1"]);
}

#[test]
fn unknown_and_irrelevant_judgements_are_reported() {
    let set =
        of_qrels("q1\td1\t1\nq1\tgone\t2\nq1\tgone0\t0\nq2\td1\t0\nq2\td3\t-1\nqx\td1\t1\nqx\td3\t1\n").read().unwrap();
    assert_eq!(shown(&set), ["q2 d1 0", "q2 d3 0", "q1 d1 1", "q1 gone 2", "q1 gone0 0"]);
    assert_eq!((set.unknown_documents, set.unknown_queries, set.queries_without_relevant), (2, 2, 1));
    let warnings = set.warnings();
    assert!(
        warnings[0].contains("test.tsv: 2 judgements are of documents that are not in corpus.jsonl"),
        "{warnings:?}"
    );
    assert!(warnings[1].contains("2 judgements are of queries that are not in queries.jsonl"), "{warnings:?}");
    assert!(warnings[2].contains("1 queries have no relevant document"), "{warnings:?}");
}

#[test]
fn which_judgements() {
    let files = [("corpus.jsonl", CORPUS.as_bytes()), ("queries.jsonl", QUERIES.as_bytes())];
    let folder = Folder::new(&files);
    assert_eq!(folder.message(), "DIR: there is no qrels/test.tsv");
    std::fs::write(folder.0.path().join("qrels/dev.tsv"), "q1\td1\t1\n").unwrap();
    std::fs::write(folder.0.path().join("qrels/README"), "x").unwrap();
    assert_eq!(shown(&folder.read().unwrap()), ["q1 d1 1"]);
    std::fs::write(folder.0.path().join("qrels/a.tsv"), "q2\td1\t1\n").unwrap();
    let message = folder.message();
    assert_eq!(message, "DIR/qrels: there is no test.tsv, but several others; there are: \"a.tsv\", \"dev.tsv\"");
    let other = folder.0.path().join("qrels/a.tsv");
    assert_eq!(shown(&read_beir(folder.0.path(), Some(&other)).unwrap()), ["q2 d1 1"]);
    std::fs::write(folder.0.path().join("qrels/test.tsv"), "q3\td1\t1\n").unwrap();
    assert_eq!(shown(&folder.read().unwrap()), ["q3 d1 1"]);
    let missing = read_beir(folder.0.path(), Some(Path::new("/nowhere.tsv"))).unwrap_err();
    assert_eq!(missing.to_string(), "/nowhere.tsv: no such file");
}

#[test]
fn folders_that_are_none() {
    assert_eq!(read_beir(Path::new("/nowhere"), None).unwrap_err().to_string(), "/nowhere: no such file");
    let folder = Folder::new(&[("a.txt", b"")]);
    assert_eq!(folder.message(), "DIR: there is no corpus.jsonl");
    let file = read_beir(&folder.0.path().join("a.txt"), None).unwrap_err();
    assert!(file.to_string().ends_with("a.txt: is not a folder") && file.hint().unwrap().contains("qrels/test.tsv"));
    std::fs::write(folder.0.path().join("corpus.jsonl.gz"), b"\x1f\x8b").unwrap();
    assert_eq!(folder.read().unwrap_err().hint().unwrap(), "decompress it first");
    std::fs::write(folder.0.path().join("corpus.jsonl"), CORPUS).unwrap();
    assert_eq!(folder.message(), "DIR: there is no queries.jsonl");
    std::fs::create_dir(folder.0.path().join("queries.jsonl")).unwrap();
    assert_eq!(folder.message(), "DIR/queries.jsonl: is a directory");
}

#[test]
fn bad_lines_of_texts() {
    for (line, expected) in [
        (&b"{\"_id\":\"d1\",\"text\":\"again\"}"[..], "the _id \"d1\" stands on line 1 already"),
        (b"{\"text\":\"x\"}", "there is no field \"_id\"; there are: \"text\""),
        (b"{\"id\":\"d9\",\"text\":\"x\"}", "there is no field \"_id\"; there are: \"id\", \"text\""),
        (b"{\"_id\":\"\",\"text\":\"x\"}", "the _id is empty"),
        (b"{\"_id\":null,\"text\":\"x\"}", "there is no field \"_id\"; there are: \"_id\", \"text\""),
        (b"{\"_id\":1.5,\"text\":\"x\"}", "field \"_id\" must be a string or a whole number, but is a fraction"),
        (b"{\"_id\":[1],\"text\":\"x\"}", "field \"_id\" must be a string or a whole number, but is an array"),
        (b"{\"_id\":1e2,\"text\":\"x\"}", "field \"_id\" must be a string or a whole number, but is a fraction"),
        (b"{\"_id\":\"d9\"}", "there is no field \"text\"; there are: \"_id\""),
        (b"{\"_id\":\"d9\",\"text\":7}", "field \"text\" must be a string, but is a number"),
        (b"{\"_id\":\"d9\",\"text\":\"x\",\"title\":[\"t\"]}", "field \"title\" must be a string, but is an array"),
        (b"[\"d9\",\"title\",\"text\"]", "expected a JSON object, found an array"),
        (b"\"text\"", "expected a JSON object, found a string"),
        (b"{\"_id\":\"d9\",\"te", "malformed JSON at column "),
        (b"{\"_id\":\"d9\",\"text\":\"x\"} {}", "malformed JSON at column "),
        (b"{\"_id\":\"d9\",\"text\":\"\xff\"}", "invalid UTF-8 (byte 0xff at column 21)"),
        (b"plain text", "malformed JSON at column 1: not a JSON value"),
    ] {
        let corpus = [b"{\"_id\":\"d1\",\"text\":\"x\"}\n\n", line, b"\n"].concat();
        let message = whole(&corpus, QUERIES, QRELS).message();
        let expected = format!("DIR/corpus.jsonl:3: {expected}");
        assert!(message.starts_with(&expected), "{message} for {expected}");
    }
    let message = whole(CORPUS, "{\"_id\":\"q1\",\"text\":\"x\"}\n{\"_id\":\"q1\",\"text\":\"x\"}", QRELS).message();
    assert_eq!(message, "DIR/queries.jsonl:2: the _id \"q1\" stands on line 1 already");
    let message = whole(CORPUS, "{\"_id\":\"q1\",\"text\":\" \"}", QRELS).message();
    assert_eq!(message, "DIR/queries.jsonl:1: field \"text\" is blank");
    let long = format!("{{\"_id\":\"d\",\"text\":\"{}\"}}\n", "x".repeat(crate::input::MAX_RECORD_BYTES));
    let message = whole(long, QUERIES, QRELS).message();
    assert_eq!(message, "DIR/corpus.jsonl:1: the record is longer than 16 MiB");
    let deep = format!("{{\"_id\":\"d\",\"x\":{}", "[".repeat(100_000));
    assert!(whole(deep, QUERIES, QRELS).message().contains("corpus.jsonl:1: malformed JSON"));
}

#[test]
fn bad_judgements() {
    for (line, expected) in [
        ("q1\td1", "the line has 2 fields, and those before it have 3"),
        ("q1\t0\td1\t1", "the line has 4 fields, and those before it have 3"),
        ("q1 d1 1 2 3 4 5 6 7 8", "the line has 5 fields, and those before it have 3"),
        ("q1\td1\thigh", "the relevance is \"high\", and must be a whole number"),
        ("q1\td1\t0.5", "the relevance is \"0.5\", and must be"),
        ("q1\td1\tnan", "the relevance is \"nan\", and must be"),
        ("q1\td1\tinf", "the relevance is \"inf\", and must be"),
        ("q1\td1\t4294967296", "the relevance is \"4294967296\", and must be"),
        ("q1\td1\t", "the relevance is \"\", and must be"),
        ("\td1\t1", "an id is empty"),
        ("q2\td3\t0", "the document \"d3\" is judged otherwise on line 2"),
    ] {
        let message = of_qrels(format!("query-id\tcorpus-id\tscore\nq2\td3\t1\n{line}\n")).message();
        assert!(message.starts_with(&format!("DIR/qrels/test.tsv:3: {expected}")), "{message}");
    }
    assert_eq!(of_qrels("a,b,c\n").message(), "DIR/qrels/test.tsv:1: the line has 1 fields");
    assert_eq!(of_qrels(b"q\xff\td1\t1\n").message(), "DIR/qrels/test.tsv:1: invalid UTF-8 (byte 0xff at column 2)");
    // One header is a header, a second is not.
    let twice = of_qrels("query-id\tcorpus-id\tscore\nquery-id\tcorpus-id\tscore\n").message();
    assert!(twice.starts_with("DIR/qrels/test.tsv:2: the relevance is \"score\""), "{twice}");
    let none = of_qrels("query-id\tcorpus-id\tscore\nq7\td1\t1\n").message();
    assert_eq!(none, "DIR/qrels/test.tsv: judges none of the queries of DIR/queries.jsonl");
}

#[test]
fn empty_files() {
    assert_eq!(whole("", QUERIES, QRELS).message(), "DIR/corpus.jsonl: is empty");
    assert_eq!(whole("\u{feff}\n\n", QUERIES, QRELS).message(), "DIR/corpus.jsonl: is empty");
    assert_eq!(whole(CORPUS, "", QRELS).message(), "DIR/queries.jsonl: is empty");
    assert_eq!(of_qrels("").message(), "DIR/qrels/test.tsv: is empty");
    assert_eq!(of_qrels("query-id\tcorpus-id\tscore\n").message(), "DIR/qrels/test.tsv: is empty");
}
