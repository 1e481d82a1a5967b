//! The address and protocol in the URL of a Triton.

use reqwest::Url;

use crate::engine::remote::http::percent_decoded;

/// The target of requests, and their shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// `…[/v2/models/MODEL[/versions/VERSION]/infer|generate]`: a server that describes its models.
    Server { base: Url, model: Option<Model>, call: Call },
    /// `…/infer`, `…/generate`, `…/embeddings`: what stands before a model; requests go there as it is.
    Model {
        call: Call,
        /// The input's name, which no metadata can provide.
        input: &'static str,
    },
    /// `…/v1/embeddings`: Triton's frontend that speaks OpenAI's API.
    OpenAi { base: Url },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Model {
    pub name: String,
    pub version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Call {
    /// Tensors in, tensors out.
    #[default]
    Infer,
    /// An object of inputs in, an object of outputs out.
    Generate,
}

impl Address {
    pub(crate) fn of(url: &Url) -> Self {
        let segments: Vec<String> =
            url.path().split('/').filter(|segment| !segment.is_empty()).map(percent_decoded).collect();
        let base = |length: usize| {
            let mut base = url.clone();
            // It fails where there are no paths, which no http URL is.
            if let Ok(mut path) = base.path_segments_mut() {
                path.clear().extend(&segments[..length]);
            }
            base
        };
        let models = segments.windows(2).position(|pair| pair == ["v2", "models"]);
        let (last, before) = match segments.split_last() {
            Some((last, before)) => (last.as_str(), before),
            None => ("", &[][..]),
        };
        let call = match last {
            "infer" => Some(Call::Infer),
            "generate" => Some(Call::Generate),
            _ => None,
        };
        if let Some(at) = models {
            let named = if call.is_some() { &before[at + 2..] } else { &segments[at + 2..] };
            let model = match named {
                [name @ .., versions, version] if versions == "versions" && !name.is_empty() => {
                    Some(Model { name: name.join("/"), version: Some(version.clone()) })
                }
                [] => None,
                name => Some(Model { name: name.join("/"), version: None }),
            };
            return Self::Server { base: base(at), model, call: call.unwrap_or_default() };
        }
        match (last, call) {
            ("embeddings", _) if before.last().is_some_and(|version| version == "v1") => {
                Self::OpenAi { base: base(before.len()) }
            }
            ("embeddings", _) => Self::Model { call: Call::Infer, input: "input_text" },
            (_, Some(Call::Generate)) => Self::Model { call: Call::Generate, input: "text_input" },
            (_, Some(Call::Infer)) => Self::Model { call: Call::Infer, input: "text" },
            (_, None) => Self::Server { base: url.clone(), model: None, call: Call::Infer },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn server(base: &str, model: Option<(&str, Option<&str>)>, call: Call) -> Address {
        let model = model.map(|(name, version)| Model { name: name.to_owned(), version: version.map(str::to_owned) });
        Address::Server { base: url(base), model, call }
    }

    #[test]
    fn servers_and_their_models() {
        let (infer, generate) = (Call::Infer, Call::Generate);
        for (text, expected) in [
            ("http://a:1", server("http://a:1", None, infer)),
            ("http://me:p@a:1/x/y/?k=v", server("http://me:p@a:1/x/y/?k=v", None, infer)),
            ("http://a/v2/models/m/infer", server("http://a/", Some(("m", None)), infer)),
            ("http://a/v2/models/m/generate/?k=v", server("http://a/?k=v", Some(("m", None)), generate)),
            ("http://a/v2/models/m", server("http://a/", Some(("m", None)), infer)),
            ("http://a/v2/models", server("http://a/", None, infer)),
            ("http://a/v2/models/generate", server("http://a/", None, generate)),
            ("http://a/x/v2/models/m/versions/2/infer", server("http://a/x", Some(("m", Some("2"))), infer)),
            // Models of infa's have slashes in their names.
            ("http://a/v2/models/o%2Fm%20n/infer", server("http://a/", Some(("o/m n", None)), infer)),
            ("http://a/v2/models/o/m/generate", server("http://a/", Some(("o/m", None)), generate)),
        ] {
            assert_eq!(Address::of(&url(text)), expected, "{text}");
        }
    }

    #[test]
    fn one_model_and_another_protocol() {
        let of = |text: &str| Address::of(&url(text));
        assert_eq!(of("http://a:9000/v1/embeddings"), Address::OpenAi { base: url("http://a:9000/v1") });
        assert_eq!(of("http://a/t/embeddings"), Address::Model { call: Call::Infer, input: "input_text" });
        assert_eq!(of("http://a/generate"), Address::Model { call: Call::Generate, input: "text_input" });
        assert_eq!(of("http://a/m/infer/"), Address::Model { call: Call::Infer, input: "text" });
    }
}
