//! `{"text": …}`: Jina's shape of a text.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess};

use crate::server::http::{deserialize_shapes, is_misspelling, missing_field};

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
pub(crate) struct TextObject(pub String);

deserialize_shapes!(TextObject, "an object with the string \"text\"", {
    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<TextObject, A::Error> {
        TextObject::read(fields)
    }
});

impl TextObject {
    pub(crate) fn read<'de, A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        let (mut text, mut misspelt) = (None, None);
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
                field => {
                    if misspelt.is_none() && is_misspelling(field, "text") {
                        misspelt = Some(field.to_owned());
                    }
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        text.map(Self).ok_or_else(|| missing_field("text", misspelt.as_deref()))
    }
}

/// An image or another medium: always an error.
#[derive(Debug)]
pub(crate) struct Medium;

/// A chat message: always an error.
#[derive(Debug)]
pub(crate) struct Chat;

impl<'de> Deserialize<'de> for Medium {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("invalid value: images, audio, video and documents are not supported; send texts"))
    }
}

impl<'de> Deserialize<'de> for Chat {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("invalid value: chat messages are not supported; send texts"))
    }
}
