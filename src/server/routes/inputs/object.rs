//! `{"text": …}`: Jina's shape of a text.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Unexpected};

use crate::server::http::deserialize_shapes;

/// Fields of such an object for other media (Jina, SGLang, vLLM, Voyage). Ignoring them would give the vector of a part
/// of the input.
const MEDIA: &[&str] = &[
    "image",
    "images",
    "image_url",
    "image_base64",
    "image_embeds",
    "audio",
    "audio_url",
    "input_audio",
    "video",
    "video_url",
    "pdf",
    "url",
    "bytes",
];

/// True for fields of other media.
pub(super) fn is_medium(field: &str) -> bool {
    MEDIA.contains(&field)
}

/// Fields of a chat message.
const CHAT: &[&str] = &["role", "content", "messages"];

/// The text of an object `{"text": …}`. Unrelated fields are ignored, media are refused.
#[derive(Debug)]
pub struct TextObject(pub String);

deserialize_shapes!(TextObject, "an object with the string \"text\"", {
    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<TextObject, A::Error> {
        TextObject::read(fields)
    }
});

impl TextObject {
    pub fn read<'de, A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        let mut text = None;
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "text" if text.is_some() => return Err(A::Error::duplicate_field("text")),
                "text" => text = Some(fields.next_value()?),
                field if is_medium(field) => {
                    fields.next_value::<Option<Medium>>()?;
                }
                field if CHAT.contains(&field) => {
                    fields.next_value::<Option<Chat>>()?;
                }
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        text.map(Self).ok_or_else(|| A::Error::missing_field("text"))
    }
}

/// An image or another medium: always an error.
#[derive(Debug)]
pub struct Medium;

/// A chat message: always an error.
#[derive(Debug)]
pub struct Chat;

impl<'de> Deserialize<'de> for Medium {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        let expected = "a text; images, audio, video and documents are not supported";
        Err(D::Error::invalid_value(Unexpected::Other("not a text"), &expected))
    }
}

impl<'de> Deserialize<'de> for Chat {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::invalid_value(Unexpected::Other("a chat message"), &"a text; chat messages are not supported"))
    }
}
