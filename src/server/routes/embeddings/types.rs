//! The number types of vectors in the words of all dialects, and their layout in a response.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, Error, SeqAccess};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::model::pooling::{ROUNDING, to_unit};
use crate::server::http::deserialize_shapes;
use crate::server::routes::embed_call::Vectors;
use crate::server::routes::inputs::one_of;
use crate::server::vectors::{EncodingFormat, VectorWriter};
use crate::server::{ApiError, EmbeddingDtype};

/// A type of vectors in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VectorType {
    /// Numbers of a type.
    Numbers(EmbeddingDtype),
    /// The bytes of float32 in base64 (Jina, Cohere).
    Base64,
}

/// All names; those of the dialects come before infa's own.
const WORDS: &[(&str, VectorType)] = &[
    ("float", VectorType::Numbers(EmbeddingDtype::Float32)),
    ("base64", VectorType::Base64),
    ("int8", VectorType::Numbers(EmbeddingDtype::Int8)),
    ("uint8", VectorType::Numbers(EmbeddingDtype::Uint8)),
    ("binary", VectorType::Numbers(EmbeddingDtype::Binary)),
    ("ubinary", VectorType::Numbers(EmbeddingDtype::Ubinary)),
    ("float32", VectorType::Numbers(EmbeddingDtype::Float32)),
];

const NAMES: &[&str] = &["float", "float32", "base64", "int8", "uint8", "binary", "ubinary"];

impl VectorType {
    /// The key of these vectors in a response with several types.
    pub(crate) fn name(self) -> &'static str {
        WORDS.iter().find(|(_, known)| *known == self).map_or("float", |(word, _)| word)
    }

    /// The writer of vectors of this type, as a list or in base64.
    pub(crate) fn writer(self, format: EncodingFormat) -> VectorWriter {
        match self {
            Self::Base64 => {
                VectorWriter { format: EncodingFormat::Base64, dtype: EmbeddingDtype::Float32, packed: true }
            }
            Self::Numbers(dtype) => VectorWriter { format, dtype, packed: true },
        }
    }
}

deserialize_shapes!(VectorType, "the name of a type of vectors", {
    fn visit_str<E: Error>(self, word: &str) -> Result<VectorType, E> {
        let found = WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, kind)| *kind).ok_or_else(|| E::unknown_variant(word, NAMES))
    }
});

/// One or more types of vectors, without repetitions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct VectorTypes(pub Vec<VectorType>);

deserialize_shapes!(VectorTypes, "the name of a type of vectors, or a list of such names", {
    fn visit_str<E: Error>(self, word: &str) -> Result<VectorTypes, E> {
        VectorType::deserialize(StrDeserializer::new(word)).map(|kind| VectorTypes(vec![kind]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<VectorTypes, A::Error> {
        let mut types = Vec::new();
        while let Some(kind) = items.next_element::<VectorType>()? {
            if !types.contains(&kind) {
                types.push(kind);
            }
        }
        Ok(VectorTypes(types))
    }
});

/// The layout of an input's vectors in a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One value.
    One(VectorWriter),
    /// An object with one value per type (Jina, for several types).
    ByType(Vec<VectorType>, EncodingFormat),
}

impl Layout {
    /// The layout for a request with the types in the fields `given`, which must agree. `default_type`: the number type
    /// unless the request names one.
    ///
    /// # Errors
    /// 400 if two fields disagree.
    pub(crate) fn resolve(
        given: &[(&'static str, Option<VectorTypes>)],
        format: Option<EncodingFormat>,
        default_type: EmbeddingDtype,
    ) -> Result<Self, ApiError> {
        let mut named: Option<(&str, &VectorTypes)> = None;
        for (field, types) in given {
            let Some(types) = types.as_ref().filter(|types| !types.0.is_empty()) else { continue };
            match named {
                Some((other, agreed)) if agreed != types => {
                    return Err(ApiError::bad_value(*field, format!("contradicts {other}; send one of them")));
                }
                _ => named = Some((field, types)),
            }
        }
        let format = format.unwrap_or_default();
        Ok(match named.map(|(_, types)| &types.0[..]) {
            None => Self::One(VectorWriter { format, dtype: default_type, packed: false }),
            // Clients that named no type read base64 as float32: `packed` is set only for named types.
            Some([one]) => Self::One(one.writer(format)),
            Some(several) => Self::ByType(several.to_vec(), format),
        })
    }

    /// True for numbers with a fixed range, for which vectors must have length 1.
    pub(crate) fn needs_length_one(&self) -> bool {
        matches!(self, Self::One(writer) if writer.dtype.needs_length_one())
    }

    /// The number of values per vector.
    pub(crate) fn copies(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::ByType(types, _) => types.len(),
        }
    }

    /// The estimated bytes of a response.
    pub(crate) fn response_size(&self, vectors: &Vectors) -> usize {
        let size = |&numbers: &usize| match self {
            Self::One(writer) => writer.size(numbers),
            Self::ByType(types, format) => types.iter().map(|kind| kind.writer(*format).size(numbers)).sum(),
        };
        vectors.numbers().iter().map(|numbers| 80 + size(numbers)).sum()
    }

    /// Appends the value of an input's vectors: one vector, or with a `width` one per token.
    pub(crate) fn write(&self, numbers: &[f32], width: Option<usize>, out: &mut Vec<u8>) {
        match self {
            Self::One(writer) => write(*writer, numbers, width, out),
            Self::ByType(types, format) => {
                for (i, kind) in types.iter().enumerate() {
                    out.extend_from_slice(if i == 0 { b"{\"" } else { b",\"" });
                    out.extend_from_slice(kind.name().as_bytes());
                    out.extend_from_slice(b"\":");
                    write(kind.writer(*format), numbers, width, out);
                }
                out.push(b'}');
            }
        }
    }
}

/// Appends the vector or vectors of an input. int8 and uint8 are computed from vectors of length 1.
pub(crate) fn write(writer: VectorWriter, numbers: &[f32], width: Option<usize>, out: &mut Vec<u8>) {
    let mut numbers = Cow::Borrowed(numbers);
    if writer.dtype.needs_length_one() {
        let row = width.unwrap_or(numbers.len()).max(1);
        numbers.to_mut().chunks_exact_mut(row).for_each(|row| to_unit(row, ROUNDING));
    }
    match width {
        None => writer.write(&numbers, out),
        Some(width) => writer.write_rows(&numbers, width, out),
    }
}

pub(crate) fn types_schema() -> Schema {
    let name = || ObjectBuilder::new().schema_type(Type::String).enum_values(Some(NAMES.iter().copied()));
    let null = ObjectBuilder::new().schema_type(Type::Null);
    let several = ArrayBuilder::new().items(name());
    let about =
        "The type of the vectors (Jina, NIM); with several types, each vector is an object with one value per type";
    one_of(OneOfBuilder::new().item(name()).item(several).item(null), about)
}
