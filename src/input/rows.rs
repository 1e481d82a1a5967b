//! CSV and TSV: the header names the columns of text and id, every further row is a record.
//!
//! Of equal column names the first one counts. Blank lines are skipped; an empty text in a file of one column is
//! written `""`.

use std::sync::Arc;

use super::error::{Names, Problem};
use super::files::reader::Reader;
use super::origin::Origin;
use super::table::{MAX_COLUMNS, RowInfo, Table};
use super::template::Template;
use super::{InputError, Options, Record, RecordError, Text};
use crate::kept::KeptValue;

/// Separators of other formats: a single column with one of them in its name is several columns.
const OTHER_SEPARATORS: [char; 4] = [';', '\t', '|', ','];

/// Every row after the header is a record.
pub(super) struct Rows {
    table: Table,
    name: Arc<str>,
    max: usize,
    columns: usize,
    texts: Vec<Column>,
    template: Option<Template>,
    id: Option<Column>,
    pair: Option<Column>,
    keep: Vec<Column>,
}

/// A column that is read.
struct Column {
    index: usize,
    name: String,
}

impl Rows {
    /// Reads the header of the file called `name` and finds the columns in it.
    pub(crate) fn new(
        reader: Reader,
        delimiter: u8,
        max: usize,
        name: Arc<str>,
        options: &Options,
    ) -> Result<Self, InputError> {
        let mut table = Table::new(reader, delimiter, max);
        let bad = |reason: String| Err(InputError::Header { file: name.clone(), reason });
        let header = match table.advance() {
            Ok(Some(RowInfo { open_quote: Some(line), .. })) => {
                return bad(format!("the quote that opens on line {line}, in the header row, is not closed"));
            }
            Ok(Some(row)) if row.too_long => return bad(format!("the header row is longer than {max} bytes")),
            Ok(Some(row)) if row.columns > MAX_COLUMNS => {
                return bad(format!("the header row has more than {MAX_COLUMNS} columns"));
            }
            Ok(Some(row)) => row,
            Ok(None) => return bad("there is no header row: the file is empty".into()),
            Err(source) => {
                let origin = Origin { file: name, line: table.line() };
                return Err(InputError::Read { origin, source });
            }
        };
        let columns: Vec<String> = table.fields().map(|f| String::from_utf8_lossy(f).into_owned()).collect();
        let find =
            |wanted: &str| index_of(wanted, &columns).map(|index| Column { index, name: columns[index].clone() });
        let missing = |column: &str, flag| {
            let mut present = Names::default();
            columns.iter().for_each(|c| present.push(c));
            InputError::Column { file: name.clone(), column: column.to_owned(), present, flag }
        };
        if let (None, None, [only]) = (&options.field, &options.template, &columns[..])
            && let Some(other) =
                OTHER_SEPARATORS.into_iter().find(|&other| u8::try_from(other) != Ok(delimiter) && only.contains(other))
        {
            return Err(InputError::Separator { file: name, other, header: only.clone() });
        }
        let named = |field: &String, flag| find(field).ok_or_else(|| missing(field, flag));
        let texts = match (&options.template, &options.field, &columns[..]) {
            (Some(template), ..) => {
                template.fields().iter().map(|field| named(field, "--template")).collect::<Result<_, _>>()?
            }
            (None, Some(field), _) => vec![named(field, "--field")?],
            (None, None, [only]) => vec![Column { index: 0, name: only.clone() }],
            (None, None, _) => vec![named(&"text".to_owned(), "--field")?],
        };
        let id = match &options.id_field {
            Some(field) => Some(named(field, "--id-field")?),
            None => {
                find("id").filter(|id| options.template.is_some() || texts.iter().all(|text| id.index != text.index))
            }
        };
        let pair = options.pair_field.as_ref().map(|field| named(field, "--pair-field")).transpose()?;
        let keep: Vec<Column> = options.keep.iter().map(|field| named(field, "--keep")).collect::<Result<_, _>>()?;
        // Nothing says which of both is meant.
        let twice = |of: &&Column| columns.iter().filter(|column| **column == of.name).count() > 1;
        if let Some(column) = texts.iter().chain(&id).chain(&pair).chain(&keep).find(twice) {
            let reason = format!("the header row has the column {:?} twice", column.name);
            return Err(InputError::Header { file: name, reason });
        }
        let template = options.template.clone();
        Ok(Self { table, name, max, columns: header.columns, texts, template, id, pair, keep })
    }

    fn record(&self, row: RowInfo) -> Record {
        if let Some((line, problem)) = row.problem(self.columns, self.max) {
            // Without an id: the columns of the fields are unknown.
            let origin = Origin { file: self.name.clone(), line };
            let content = Err(RecordError::new(&origin, problem));
            return Record { id: None, content, kept: Vec::new(), origin };
        }
        let origin = Origin { file: self.name.clone(), line: row.line };
        let wrong = |problem| RecordError::new(&origin, problem);
        let field = |column: &Column| {
            let bytes = self.table.field(column.index);
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
                let position = error.valid_up_to();
                let byte = bytes.get(position).copied().unwrap_or_default();
                wrong(Problem::Utf8Column { name: column.name.clone(), byte, position: position + 1 })
            })
        };
        let text = || {
            let mut texts = self.texts.iter().map(field).collect::<Result<Vec<String>, _>>()?;
            Ok(match &self.template {
                // Tables have no null: an empty field is an empty text.
                Some(template) => {
                    let values: Vec<_> = texts.into_iter().map(|text| Some(text.into())).collect();
                    template.fill(&values).unwrap_or_default()
                }
                None => texts.pop().unwrap_or_default(),
            })
        };
        let content = || Ok(Text { text: text()?, pair: self.pair.as_ref().map(field).transpose()? });
        let kept = self.keep.iter().map(|column| field(column).map(KeptValue::Text)).collect();
        match (self.id.as_ref().map(field).transpose(), kept) {
            (Ok(id), Ok(kept)) => Record { id: id.map(Into::into), content: content(), kept, origin },
            (Err(error), _) | (_, Err(error)) => Record { id: None, content: Err(error), kept: Vec::new(), origin },
        }
    }
}

/// The index of a column: the one of that name, or else the only one that differs from it in capitals alone.
pub(super) fn index_of(wanted: &str, columns: &[String]) -> Option<usize> {
    let exact = columns.iter().position(|column| column == wanted);
    exact.or_else(|| {
        let wanted = wanted.to_lowercase();
        let mut alike = columns.iter().enumerate().filter(|(_, column)| column.to_lowercase() == wanted);
        let only = alike.next().map(|(index, _)| index);
        only.filter(|_| alike.next().is_none())
    })
}

impl Iterator for Rows {
    type Item = Result<Record, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.table.advance() {
            Ok(row) => Some(Ok(self.record(row?))),
            Err(source) => {
                let origin = Origin { file: self.name.clone(), line: self.table.line() };
                Some(Err(InputError::Read { origin, source }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn open(bytes: &'static [u8], field: Option<&str>, id: Option<&str>) -> Result<Rows, InputError> {
        let options = Options { field: field.map(Into::into), id_field: id.map(Into::into), ..Options::default() };
        Rows::new(Box::new(bytes), b',', 50, "f".into(), &options)
    }

    /// Each record as `line:id:text` or `line:id!error`.
    fn read(bytes: &'static [u8], field: Option<&str>, id: Option<&str>) -> Vec<String> {
        open(bytes, field, id).unwrap().map(|record| record.unwrap().shown()).collect()
    }

    #[test]
    fn the_usual_columns_are_found() {
        let bytes = b"\xef\xbb\xbfid,text,x\n1,\"a, \"\"b\"\"\nc\",9\n2,,\n";
        assert_eq!(read(bytes, None, None), ["2:\"1\":a, \"b\"\nc", "4:\"2\":"]);
        assert_eq!(read(bytes, Some("x"), Some("text"))[0], "2:\"a, \\\"b\\\"\\nc\":9");
        assert_eq!(read(b"whatever\na\n\"\"\n", None, None), ["2::a", "3::"]);
        assert_eq!(read(b"id\na\n", None, None), ["2::a"]);
        assert!(read(b"text\n", None, None).is_empty());
    }

    #[test]
    fn a_pair_is_two_columns() {
        let options = Options { pair_field: Some("b".into()), field: Some("a".into()), ..Options::default() };
        let rows = Rows::new(Box::new(&b"a,b\n1,2\n,\n"[..]), b',', 50, "f".into(), &options).unwrap();
        let rows: Vec<_> = rows.map(|record| record.unwrap().shown()).collect();
        assert_eq!(rows, ["2::1+2", "3::+"]);
        let options = Options { pair_field: Some("c".into()), ..options };
        let error = Rows::new(Box::new(&b"a,b\n"[..]), b',', 50, "f".into(), &options).err().unwrap();
        assert!(error.hint().unwrap().contains("--pair-field"), "{error}");
    }

    #[test]
    fn a_template_joins_columns_and_kept_columns_travel() {
        let options = Options {
            template: Some("{a}: {B}".parse().unwrap()),
            keep: vec!["c".into(), "a".into()],
            ..Options::default()
        };
        let open = |bytes: &'static [u8]| Rows::new(Box::new(bytes), b',', 50, "f".into(), &options);
        let rows: Vec<_> = open(b"id,a,b,c\n1,x,y,z\n2,,,\n").unwrap().map(Result::unwrap).collect();
        assert_eq!([rows[0].shown(), rows[1].shown()], ["2:\"1\":x: y", "3:\"2\":: "]);
        assert_eq!(rows[0].kept, [KeptValue::Text("z".into()), KeptValue::Text("x".into())]);
        let error = open(b"a,c\n").err().unwrap();
        assert!(
            error.to_string().contains("no column \"B\"") && error.hint().unwrap().contains("--template"),
            "{error}"
        );
        let error = open(b"a,b\n").err().unwrap();
        assert!(error.to_string().contains("no column \"c\"") && error.hint().unwrap().contains("--keep"), "{error}");
    }

    #[test]
    fn missing_columns_are_the_files_trouble() {
        let error = |field, id| open(b"a,b\n1,2\n", field, id).err().unwrap();
        let text = error(None, None);
        assert_eq!(text.to_string(), "f: there is no column \"text\"; there are: \"a\", \"b\"");
        assert!(text.hint().unwrap().contains("--field"));
        let id = error(Some("a"), Some("z"));
        assert_eq!(id.to_string(), "f: there is no column \"z\"; there are: \"a\", \"b\"");
        assert!(id.hint().unwrap().contains("--id-field"));
        let empty = open(b"\n\n", None, None).err().unwrap();
        assert_eq!(empty.to_string(), "f: there is no header row: the file is empty");
    }

    #[test]
    fn bad_rows_are_their_own_trouble() {
        assert_eq!(
            read(b"id,text\n1\n2,a,b\n3,x\xffy\n\xfe,b\n4,ok\n", None, None),
            [
                "2:!f:2: the row has 1 field where the header has 2",
                "3:!f:3: the row has 3 fields where the header has 2",
                "4:\"3\"!f:4: invalid UTF-8 in column \"text\" (byte 0xff at byte 2 of the field)",
                "5:!f:5: invalid UTF-8 in column \"id\" (byte 0xfe at byte 1 of the field)",
                "6:\"4\":ok",
            ]
        );
        let long = read(b"text\naaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeef\nok", None, None);
        assert_eq!(long, ["2:!f:2: the record is longer than 50 bytes", "3::ok"]);
    }

    #[test]
    fn quotes_that_swallow_rows_are_named() {
        assert_eq!(
            read(b"text\nok\n\"unclosed\nrow 1\nrow 2\n", None, None),
            ["2::ok", "3:!f:3: the quote that opens here is not closed: lines 3 to 5 became one row"]
        );
        assert_eq!(
            read(b"id,text\n1,\"x", None, None),
            ["2:!f:2: the quote that opens here is not closed before the end of the file"]
        );
        assert_eq!(
            read(b"id,text\n\"1,unclosed\n2,b\n3,c\"\n4,d\n", None, None),
            [
                "2:!f:2: the row has 1 field where the header has 2, as its quotes hold lines 2 to 4 together",
                "5:\"4\":d"
            ]
        );
        let header = open(b"\"id,text\n1,a\n", None, None).err().unwrap();
        assert_eq!(header.to_string(), "f: the quote that opens on line 1, in the header row, is not closed");
    }

    #[test]
    fn capitals_of_a_column_do_not_matter_where_one_is_meant() {
        let texts = |bytes: &'static [u8], field: Option<&str>, id: Option<&str>| {
            let rows = open(bytes, field, id)?;
            let record = |record: Result<Record, InputError>| {
                let record = record.unwrap();
                (record.id, record.content.unwrap().text)
            };
            Ok::<_, InputError>(rows.map(record).collect::<Vec<_>>())
        };
        let one = || vec![(Some("7".to_owned().into()), "cats".to_owned())];
        assert_eq!(texts(b"ID,Text\n7,cats\n", None, None).unwrap(), one());
        assert_eq!(texts(b"Key,Body\n7,cats\n", Some("body"), Some("KEY")).unwrap(), one());
        // An exact name goes first; two that are alike are refused.
        assert_eq!(texts(b"id,TEXT,text\n7,x,cats\n", None, None).unwrap(), one());
        assert!(matches!(texts(b"Text,TEXT\na,b\n", None, None), Err(InputError::Column { .. })));
        for twice in [&b"text,id,text\na,b,c\n"[..], b"id,text,id\na,b,c\n"] {
            let Err(error) = texts(twice, None, None) else { panic!("{twice:?}") };
            assert!(error.to_string().contains("twice"), "{error}");
        }
        assert!(texts(b"x,text,x\na,b,c\n", None, None).is_ok());
        assert!(matches!(texts(b"Texts,ID\na,b\n", None, None), Err(InputError::Column { .. })));
    }
}
