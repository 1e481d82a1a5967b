//! The columns that are read.

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type};
use parquet::schema::types::{SchemaDescriptor, Type as Node};

use super::super::super::error::Names;

/// Names of a column with vectors; the first present one counts.
const VECTORS: [&str; 4] = ["embedding", "vector", "embeddings", "vectors"];
const IDS: [&str; 2] = ["id", "_id"];
const INDEX: &str = "index";
const TEXT: &str = "text";

/// The columns that are read, by their places among all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    pub vectors: Vectors,
    pub id: Option<(usize, Scalar)>,
    pub index: Option<(usize, Scalar)>,
    pub text: Option<(usize, Scalar)>,
}

/// A column of lists of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vectors {
    pub leaf: usize,
    pub number: Number,
    /// The definition level from which on a list has an entry.
    pub entry: i16,
    /// The definition level of an entry that is not null.
    pub full: i16,
}

/// The number format of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    F16,
    F32,
    F64,
}

/// The type of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Text,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    Uuid,
}

/// The error of a schema without usable columns.
#[derive(Debug, PartialEq)]
pub(super) struct Refused {
    pub reason: String,
    pub hint: &'static str,
}

impl Columns {
    pub(crate) fn of(schema: &SchemaDescriptor) -> Result<Self, Refused> {
        let name = |leaf: usize| schema.get_column_root(leaf).name();
        let all = 0..schema.num_columns();
        let lists: Vec<Vectors> = all.clone().filter_map(|leaf| Vectors::of(schema, leaf)).collect();
        let named = |wanted: &str| lists.iter().find(|list| name(list.leaf).eq_ignore_ascii_case(wanted));
        let vectors = match (VECTORS.iter().find_map(|wanted| named(wanted)), &lists[..]) {
            (Some(list), _) | (None, [list]) => *list,
            (None, []) => {
                let columns = names(schema.root_schema().get_fields().iter().map(|field| field.name()));
                let reason = format!("no column holds vectors, lists of float16, float32 or float64; {columns}");
                return Err(Refused { reason, hint: "save vectors as lists in a column \"embedding\"" });
            }
            (None, several) => {
                let columns = names(several.iter().map(|list| name(list.leaf)));
                let reason = format!("which of several columns of vectors is meant, is not clear; {columns}");
                return Err(Refused { reason, hint: "name the one that is meant \"embedding\"" });
            }
        };
        let plain = |wanted: &str| {
            let is = |leaf: &usize| {
                schema.column(*leaf).path().parts() == [wanted] && schema.column(*leaf).max_rep_level() == 0
            };
            all.clone().find(is)
        };
        let id = match IDS.iter().find_map(|wanted| plain(wanted)) {
            None => None,
            Some(leaf) => match Scalar::of(schema, leaf) {
                Some(scalar) => Some((leaf, scalar)),
                None => {
                    let kind = schema.column(leaf).physical_type();
                    let reason = format!("the column {:?} holds ids of a type ({kind}) that is not read", name(leaf));
                    return Err(Refused { reason, hint: "save ids as strings or whole numbers" });
                }
            },
        };
        // Another column of this name is no place among inputs.
        let whole = |scalar: &Scalar| matches!(scalar, Scalar::I32 | Scalar::U32 | Scalar::I64 | Scalar::U64);
        let index = plain(INDEX).and_then(|leaf| Some((leaf, Scalar::of(schema, leaf).filter(whole)?)));
        let string = |scalar: &Scalar| *scalar == Scalar::Text;
        let text = plain(TEXT).and_then(|leaf| Some((leaf, Scalar::of(schema, leaf).filter(string)?)));
        Ok(Self { vectors, id, index, text })
    }

    /// The places of the columns of one value a row.
    pub(super) fn scalars(&self) -> impl Iterator<Item = usize> {
        [self.id, self.index, self.text].into_iter().flatten().map(|(leaf, _)| leaf)
    }
}

impl Vectors {
    /// The column as one of lists, if it is: LIST in three or two levels, or a repeated number
    /// (<https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists>).
    fn of(schema: &SchemaDescriptor, leaf: usize) -> Option<Self> {
        let column = schema.column(leaf);
        let number = match (column.physical_type(), column.type_length(), column.logical_type_ref()) {
            (Type::FLOAT, _, _) => Number::F32,
            (Type::DOUBLE, _, _) => Number::F64,
            (Type::FIXED_LEN_BYTE_ARRAY, 2, Some(LogicalType::Float16)) => Number::F16,
            _ => return None,
        };
        let root = schema.get_column_root(leaf);
        let length = column.path().parts().len();
        let is_list = match length {
            1 => true,
            2 | 3 => is_list(root) && root.get_fields().len() == 1,
            _ => false,
        };
        if column.max_rep_level() != 1 || !is_list {
            return None;
        }
        let (mut level, mut node) = (0, root);
        for depth in 1..=length {
            match node.get_basic_info().repetition() {
                Repetition::REQUIRED => {}
                Repetition::OPTIONAL => level += 1,
                Repetition::REPEATED => {
                    return Some(Self { leaf, number, entry: level + 1, full: column.max_def_level() });
                }
            }
            if depth < length {
                node = node.get_fields().first()?;
            }
        }
        None
    }
}

fn is_list(node: &Node) -> bool {
    let info = node.get_basic_info();
    info.converted_type() == ConvertedType::LIST || matches!(info.logical_type_ref(), Some(LogicalType::List))
}

impl Scalar {
    fn of(schema: &SchemaDescriptor, leaf: usize) -> Option<Self> {
        let column = schema.column(leaf);
        let unsigned = matches!(
            column.converted_type(),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        );
        let whole = matches!(column.logical_type_ref(), None | Some(LogicalType::Integer(_)))
            && (unsigned
                || matches!(
                    column.converted_type(),
                    ConvertedType::NONE
                        | ConvertedType::INT_8
                        | ConvertedType::INT_16
                        | ConvertedType::INT_32
                        | ConvertedType::INT_64
                ));
        Some(match column.physical_type() {
            Type::INT32 if whole => {
                if unsigned {
                    Self::U32
                } else {
                    Self::I32
                }
            }
            Type::INT64 if whole => {
                if unsigned {
                    Self::U64
                } else {
                    Self::I64
                }
            }
            Type::FLOAT => Self::F32,
            Type::DOUBLE => Self::F64,
            Type::BYTE_ARRAY if column.converted_type() != ConvertedType::DECIMAL => Self::Text,
            Type::FIXED_LEN_BYTE_ARRAY
                if column.type_length() == 16 && matches!(column.logical_type_ref(), Some(LogicalType::Uuid)) =>
            {
                Self::Uuid
            }
            _ => return None,
        })
    }
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> Names {
    let mut names = Names::default();
    all.for_each(|name| names.push(name));
    names
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn columns(fields: &str) -> Result<Columns, Refused> {
        let schema = parse_message_type(&format!("message schema {{ {fields} }}")).unwrap();
        Columns::of(&SchemaDescriptor::new(Arc::new(schema)))
    }

    fn list(fields: &str) -> Vectors {
        columns(fields).unwrap().vectors
    }

    #[test]
    fn all_shapes_of_lists() {
        for (fields, number, entry, full) in [
            ("optional group v (LIST) { repeated group list { optional float element; } }", Number::F32, 2, 3),
            ("required group v (LIST) { repeated group list { optional double item; } }", Number::F64, 1, 2),
            ("optional group v (LIST) { repeated group list { required float element; } }", Number::F32, 2, 2),
            (
                "required group v (LIST) { repeated group list { required fixed_len_byte_array(2) x (FLOAT16); } }",
                Number::F16,
                1,
                1,
            ),
            ("optional group v (LIST) { repeated float array; }", Number::F32, 2, 2),
            ("repeated double v;", Number::F64, 1, 1),
        ] {
            assert_eq!(list(fields), Vectors { leaf: 0, number, entry, full }, "{fields}");
        }
    }

    const OTHERS: &str = "optional group a (LIST) { repeated group list { optional int32 element; } }
        optional group b (MAP) { repeated group key_value { required float key; optional float value; } }
        optional group c (LIST) { repeated group list { optional group element { optional float x; } } }
        optional group d { optional group v (LIST) { repeated group list { optional float element; } } }
        optional group e (LIST) { repeated group list { optional group element (LIST) { repeated group list { optional float element; } } } }
        optional group f { repeated float g; }
        required fixed_len_byte_array(2) h; optional float i; repeated fixed_len_byte_array(2) j;";

    #[test]
    fn columns_that_are_not_lists_of_numbers_are_refused() {
        let refused = columns(OTHERS).unwrap_err();
        let expected = "there are: \"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"h\", \"i\", \"j\"";
        assert!(refused.reason.ends_with(expected), "{}", refused.reason);
        assert_eq!(list(&format!("{OTHERS} repeated float v;")).leaf, 10);
    }

    #[test]
    fn the_column_of_vectors_is_found_by_its_name() {
        assert_eq!(list("repeated float x; repeated float vector; repeated float Embedding;").leaf, 2);
        assert_eq!(list("repeated float x; repeated float vectors;").leaf, 1);
        assert_eq!(list("repeated int32 embedding; repeated float x;").leaf, 1);
        let refused = columns("repeated float title; repeated double body; optional float embedding;").unwrap_err();
        assert!(refused.reason.ends_with("there are: \"title\", \"body\""), "{}", refused.reason);
    }

    #[test]
    fn ids_and_places() {
        let found = |fields: &str| {
            let columns = columns(&format!("{fields} repeated float embedding;")).unwrap();
            (columns.id, columns.index)
        };
        for (kind, scalar) in [
            ("optional binary id (STRING);", Scalar::Text),
            ("required binary id;", Scalar::Text),
            ("optional int32 id;", Scalar::I32),
            ("optional int64 id (INTEGER(64,true));", Scalar::I64),
            ("optional int32 id (UINT_8);", Scalar::U32),
            ("optional int64 id (INTEGER(64,false));", Scalar::U64),
            ("optional double id;", Scalar::F64),
            ("optional fixed_len_byte_array(16) id (UUID);", Scalar::Uuid),
        ] {
            assert_eq!(found(kind), (Some((0, scalar)), None), "{kind}");
        }
        assert_eq!(
            found("required int64 index; optional int32 _id;"),
            (Some((1, Scalar::I32)), Some((0, Scalar::I64)))
        );
        assert_eq!(found("required int32 _id; required int64 id;").0, Some((1, Scalar::I64)));
        assert_eq!(found("required binary index; repeated int32 id;"), (None, None));
        for kind in [
            "required boolean id;",
            "optional int32 id (DATE);",
            "optional int64 id (TIMESTAMP_MILLIS);",
            "optional int96 id;",
        ] {
            let refused = columns(&format!("{kind} repeated float embedding;")).unwrap_err();
            assert!(refused.reason.starts_with("the column \"id\" holds ids of a type"), "{}", refused.reason);
        }
    }
}
