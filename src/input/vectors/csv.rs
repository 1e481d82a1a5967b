//! Vectors as CSV: a header, then a row an input; columns `e0`, `e1`, … hold the numbers.

use std::sync::Arc;

use super::super::table::{MAX_COLUMNS, RowInfo, Table};
use super::super::{InputError, MAX_RECORD_BYTES};
use super::VectorsError;
use super::set::{Builder, VectorSet, origin};
use crate::input::files::reader::Reader;

/// The indices of the columns.
struct Columns {
    all: usize,
    index: Option<usize>,
    id: Option<usize>,
    error: Option<usize>,
    text: Option<usize>,
    /// The columns of the numbers, in their order.
    numbers: Vec<usize>,
}

/// Reads `index,id,tokens,truncated,error,e0,…`; only the numbers are required.
pub(super) fn read(reader: Reader, mut builder: Builder<'_>) -> Result<VectorSet, VectorsError> {
    let name = Arc::clone(&builder.set.name);
    let mut table = Table::new(reader, b',', MAX_RECORD_BYTES);
    let wrong = |reason: &str| VectorsError::Header { file: Arc::clone(&name), reason: reason.to_owned() };
    let columns = match advance(&mut table, &name)? {
        None => return Err(VectorsError::Empty { file: name }),
        Some(row) if row.open_quote.is_some() => return Err(wrong("a quote in its header row is not closed")),
        Some(row) if row.too_long || row.columns > MAX_COLUMNS => return Err(wrong("the header row is too long")),
        Some(row) => Columns::of(&table, row.columns).map_err(wrong)?,
    };
    while let Some(row) = advance(&mut table, &name)? {
        columns.add(&table, row, &mut builder).map_err(|reason| match reason {
            Refused::Row(line, reason) => VectorsError::row(origin(&name, line), reason, None),
            Refused::All(error) => error,
        })?;
        builder.settle()?;
    }
    Ok(builder.set)
}

fn advance(table: &mut Table, name: &Arc<str>) -> Result<Option<RowInfo>, VectorsError> {
    table.advance().map_err(|source| InputError::Read { origin: origin(name, table.line()), source }.into())
}

/// The error of one row, or of the file.
enum Refused {
    /// Its line, and what is wrong.
    Row(u64, String),
    All(VectorsError),
}

impl Columns {
    fn of(table: &Table, all: usize) -> Result<Self, &'static str> {
        let names: Vec<&[u8]> = table.fields().collect();
        let find = |name: &str| names.iter().position(|found| *found == name.as_bytes());
        let mut numbers: Vec<(usize, usize)> = names
            .iter()
            .enumerate()
            .filter_map(|(at, name)| Some((std::str::from_utf8(name).ok()?.strip_prefix('e')?.parse().ok()?, at)))
            .collect();
        numbers.sort_unstable();
        if numbers.is_empty() {
            return Err("its first row names no columns e0, e1, … with the numbers of vectors");
        }
        if numbers.iter().enumerate().any(|(expected, (number, _))| expected != *number) {
            return Err("of the columns e0, e1, … one is missing or stands twice");
        }
        let numbers = numbers.into_iter().map(|(_, at)| at).collect();
        Ok(Self { all, index: find("index"), id: find("id"), error: find("error"), text: find("text"), numbers })
    }

    fn add(&self, table: &Table, row: RowInfo, builder: &mut Builder<'_>) -> Result<(), Refused> {
        let refused = |reason: String| Err(Refused::Row(row.line, reason));
        if let Some((line, problem)) = row.problem(self.all, MAX_RECORD_BYTES) {
            return Err(Refused::Row(line, problem.to_string()));
        }
        let text = |column: usize| String::from_utf8_lossy(table.field(column));
        let some = |column: Option<usize>| column.map(text).filter(|field| !field.is_empty());
        let index = match some(self.index).map(|index| index.parse().map_err(|_| index.into_owned())) {
            None => None,
            Some(Ok(index)) => Some(index),
            Some(Err(index)) => return refused(format!("the index {index:?} is not a number")),
        };
        let id = some(self.id).map(|id| id.into_owned());
        let content = some(self.text.filter(|_| builder.streams())).map(|text| text.into_owned());
        if some(self.error).is_some() {
            return builder.push(index, id, content, None::<std::iter::Empty<f32>>).map_err(Refused::All);
        }
        let mut numbers = Vec::with_capacity(self.numbers.len());
        for (dimension, &column) in self.numbers.iter().enumerate() {
            match text(column).trim().parse::<f32>() {
                Ok(number) => numbers.push(number),
                Err(_) => {
                    let field: String = text(column).chars().take(40).collect();
                    return refused(format!("e{dimension} is {field:?}, which is not a number"));
                }
            }
        }
        builder.push(index, id, content, Some(numbers.into_iter())).map_err(Refused::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<VectorSet, VectorsError> {
        read(Box::new(std::io::Cursor::new(text.as_bytes().to_vec())), Builder::new("a.csv".into()))
    }

    #[test]
    fn rows_as_infa_writes_them() {
        let text = "\u{feff}index,id,tokens,truncated,error,e0,e1\r\n0,\"a,b\",3,false,,0.5,-1e-3\r\n\
                    1,,,,\"too \"\"long\"\"\",,\r\n2,7,1,true,,NaN,inf\r\n";
        let found = read_text(text).unwrap();
        let rows: Vec<_> = found.rows.iter().map(|row| (row.index, row.id.as_deref(), row.place.clone())).collect();
        assert_eq!(rows, [(Some(0), Some("a,b"), Some(0..2)), (Some(1), None, None), (Some(2), Some("7"), Some(2..4))]);
        assert_eq!(found.numbers[..2], [0.5, -1e-3]);
        assert!(found.numbers[2].is_nan() && found.numbers[3] == f32::INFINITY);
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let found = read_text("e1,text,e0,id\n2,hello,1,x\n").unwrap();
        assert_eq!(
            (&found.numbers[..], found.rows[0].id.as_deref(), found.rows[0].index),
            (&[1.0, 2.0][..], Some("x"), None)
        );
    }

    #[test]
    fn csv_errors_name_the_cell() {
        for (text, expected) in [
            ("a,b\n1,2\n", "a.csv: its first row names no columns e0, e1, …"),
            ("some text\n", "a.csv: its first row names no columns"),
            ("e0,e2\n1,2\n", "a.csv: of the columns e0, e1, … one is missing"),
            ("e0,e0\n1,2\n", "a.csv: of the columns e0, e1, … one is missing"),
            ("e0,e1\n1,2\n3\n", "a.csv:3: the row has 1 field where the header has 2"),
            ("e0,e1\n1,x\u{1b}\n", "a.csv:2: e1 is \"x\\u{1b}\", which is not a number"),
            ("e0,e1\n1,\n", "a.csv:2: e1 is \"\", which is not a number"),
            ("index,e0\nten,1\n", "a.csv:2: the index \"ten\" is not a number"),
            ("", "a.csv: holds no vectors"),
            (
                "id,e0\n1,1\n\"2,2\n3,3\n",
                "a.csv:3: the quote that opens here is not closed: lines 3 to 4 became one row",
            ),
            ("\"id,e0\n1,1\n", "a.csv: a quote in its header row is not closed"),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(read_text("e0\n").unwrap().rows.is_empty());
    }
}
