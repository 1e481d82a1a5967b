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

pub(in crate::server) use deserialize_shapes;
