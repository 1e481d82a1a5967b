//! Values that have several JSON shapes.

/// Implements `Deserialize` for a type whose value may be a string, a list, an object …: the functions are those of a
/// [`serde::de::Visitor`], one for each accepted shape; the error for other shapes names the expected ones.
macro_rules! deserialize_shapes {
    ($type:ty, $expected:expr, { $($functions:tt)* }) => {
        impl<'de> ::serde::de::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::de::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
                struct Shapes;

                impl<'de> ::serde::de::Visitor<'de> for Shapes {
                    type Value = $type;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str($expected)
                    }

                    $($functions)*
                }
                json.deserialize_any(Shapes)
            }
        }
    };
}

/// The functions for numbers of a visitor, all with the same result.
macro_rules! visit_numbers {
    ($result:ty, $value:expr) => {
        fn visit_u64<E: ::serde::de::Error>(self, _: u64) -> Result<$result, E> {
            $value
        }

        fn visit_i64<E: ::serde::de::Error>(self, _: i64) -> Result<$result, E> {
            $value
        }

        fn visit_f64<E: ::serde::de::Error>(self, _: f64) -> Result<$result, E> {
            $value
        }
    };
}

pub(in crate::server) use {deserialize_shapes, visit_numbers};
