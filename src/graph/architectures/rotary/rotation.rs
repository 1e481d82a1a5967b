//! Rotary positions: their settings in config.json, and their angles.

use super::scaling;
use crate::graph::GraphError;
use crate::graph::builder::{Builder, GrowingRotary, Rope, Rotary};
use serde_json::Value as Json;

/// Maximum size of a head: far above any model's, against a damaged config.json.
const LONGEST_HEAD: usize = 1 << 16;

/// The rotation of a model's queries and keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rotation {
    /// By the same angles in all texts.
    Fixed(Rotary),
    /// By angles that shrink in long texts.
    Growing(GrowingRotary),
}

/// Values outside of the rotary settings that they depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings {
    /// The base where the settings have none.
    pub base: f64,
    /// Numbers of a head that turn.
    pub dim: usize,
    /// `max_position_embeddings`.
    pub positions: usize,
    /// `original_max_position_embeddings` beside the settings; it overrides the one among them.
    pub trained: Option<usize>,
}

impl Rotation {
    /// Reads `config`, the parsed config.json, for heads of `dim` numbers. `base` is the default; `positions` is
    /// `max_position_embeddings`.
    pub(crate) fn read(config: &Json, base: f64, dim: usize, positions: usize) -> Result<Self, GraphError> {
        let scaling = object(config, "rope_scaling")?.filter(|object| !object.is_empty());
        let parameters = match scaling {
            Some(scaling) => Some(scaling),
            None => object(config, "rope_parameters")?,
        };
        let parameters = parameters.cloned().map_or(Json::Null, Json::Object);
        let base = number(config, "rope_theta")?.unwrap_or(base);
        if number(&parameters, "partial_rotary_factor")?.is_none() {
            refuse_partial(config)?;
        }
        let trained = count(config, "original_max_position_embeddings")?;
        Self::of(&parameters, Surroundings { base, dim, positions, trained })
    }

    /// Reads `parameters` alone: an object like `rope_parameters`, or null.
    pub(crate) fn of(parameters: &Json, around: Surroundings) -> Result<Self, GraphError> {
        if !parameters.is_null() && !parameters.is_object() {
            return Err(GraphError::Config(format!("the settings of rotary embeddings are {parameters}, no object")));
        }
        refuse_partial(parameters)?;
        if let Some((name, _)) = parameters.as_object().and_then(|all| all.iter().find(|(_, value)| value.is_object()))
        {
            return Err(GraphError::NotImplemented { key: "rope_parameters", value: format!("{{\"{name}\": …}}") });
        }
        let Surroundings { base, dim, positions, trained } = around;
        let base = number(parameters, "rope_theta")?.unwrap_or(base);
        let kind = ["rope_type", "type"].into_iter().find_map(|key| parameters.get(key).filter(|kind| !kind.is_null()));
        let trained = || -> Result<f64, GraphError> {
            let among = count(parameters, "original_max_position_embeddings")?;
            Ok(trained.or(among).unwrap_or(positions) as f64)
        };
        check(dim)?;
        let plain = Rotary::plain(base, dim, positions);
        let rotation = match kind.map(|kind| kind.as_str().ok_or(kind)) {
            None | Some(Ok("default")) => Self::Fixed(plain),
            Some(Ok("linear")) => Self::Fixed(scaling::linear(plain, needed(parameters, "factor")?)),
            Some(Ok("llama3")) => Self::Fixed(scaling::llama3(
                plain,
                &scaling::Llama3 {
                    factor: needed(parameters, "factor")?,
                    low: needed(parameters, "low_freq_factor")?,
                    high: needed(parameters, "high_freq_factor")?,
                    trained: trained()?,
                },
            )),
            Some(Ok("yarn")) => {
                let trained = trained()?;
                let truncate = parameters.get("truncate").filter(|value| !value.is_null());
                Self::Fixed(scaling::yarn(
                    plain,
                    base,
                    &scaling::Yarn {
                        factor: number(parameters, "factor")?.unwrap_or(positions as f64 / trained),
                        attention: number(parameters, "attention_factor")?,
                        mscale: number(parameters, "mscale")?.zip(number(parameters, "mscale_all_dim")?),
                        beta_fast: number(parameters, "beta_fast")?.unwrap_or(32.0),
                        beta_slow: number(parameters, "beta_slow")?.unwrap_or(1.0),
                        trained,
                        whole: truncate.is_none_or(|value| value.as_bool() != Some(false)),
                    },
                ))
            }
            Some(Ok("dynamic")) => {
                let factor = needed(parameters, "factor")?;
                Self::Growing(GrowingRotary { base, dim, factor, trained: positions, interleaved: false })
            }
            Some(kind) => {
                let value = kind.map_or_else(Json::to_string, |kind| format!("\"{kind}\""));
                return Err(GraphError::NotImplemented { key: "rope_type", value });
            }
        };
        Ok(rotation)
    }

    /// The same for texts of any length: `max_position_embeddings` is then a recommendation, not a limit.
    pub(crate) fn endless(self) -> Self {
        match self {
            Self::Fixed(rotary) => Self::Fixed(Rotary { positions: usize::MAX, ..rotary }),
            Self::Growing(_) => self,
        }
    }

    /// Its tables in the graph.
    pub(crate) fn rope(&self, b: &mut Builder<'_>) -> Rope {
        match self {
            Self::Fixed(rotary) => b.rope(rotary),
            Self::Growing(rotary) => b.growing_rope(rotary),
        }
    }
}

/// Refuses heads that cannot be turned, of `dim` numbers.
fn check(dim: usize) -> Result<(), GraphError> {
    if dim < 4 || !dim.is_multiple_of(2) || dim > LONGEST_HEAD {
        return Err(GraphError::Config(format!("heads of {dim} numbers cannot have rotary embeddings")));
    }
    Ok(())
}

/// Refuses to turn a part of each head only.
fn refuse_partial(settings: &Json) -> Result<(), GraphError> {
    match number(settings, "partial_rotary_factor")? {
        Some(part) if part != 1.0 => {
            Err(GraphError::NotImplemented { key: "partial_rotary_factor", value: part.to_string() })
        }
        _ => Ok(()),
    }
}

/// A setting that is there and not null.
fn some<'a>(settings: &'a Json, key: &str) -> Option<&'a Json> {
    settings.get(key).filter(|value| !value.is_null())
}

fn object<'a>(config: &'a Json, key: &str) -> Result<Option<&'a serde_json::Map<String, Json>>, GraphError> {
    let wrong = || GraphError::Config(format!("{key} is not an object"));
    some(config, key).map(|value| value.as_object().ok_or_else(wrong)).transpose()
}

/// A positive number, if it is there.
fn number(settings: &Json, key: &str) -> Result<Option<f64>, GraphError> {
    let positive = |value: &Json| {
        let number = value.as_f64().filter(|&n| n > 0.0);
        number.ok_or_else(|| GraphError::Config(format!("{key} = {value} is not a positive number")))
    };
    some(settings, key).map(positive).transpose()
}

/// A positive number that must be there.
fn needed(parameters: &Json, key: &str) -> Result<f64, GraphError> {
    let missing = || GraphError::Config(format!("the settings of rotary embeddings have no {key}"));
    number(parameters, key)?.ok_or_else(missing)
}

/// A positive whole number, if it is there.
fn count(settings: &Json, key: &str) -> Result<Option<usize>, GraphError> {
    let whole = |n: f64| {
        if n.fract() == 0.0 {
            Ok(n as usize)
        } else {
            Err(GraphError::Config(format!("{key} = {n} is not a whole number")))
        }
    };
    number(settings, key)?.map(whole).transpose()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: Json) -> Result<Rotation, String> {
        Rotation::read(&config, 500.0, 4, 64).map_err(|e| e.to_string())
    }

    #[test]
    fn both_spellings() {
        let plain = |base| Ok(Rotation::Fixed(Rotary::plain(base, 4, 64)));
        assert_eq!(read(json!({})), plain(500.0));
        assert_eq!(read(json!({"rope_theta": 7, "rope_scaling": null})), plain(7.0));
        assert_eq!(read(json!({"rope_theta": 7, "rope_scaling": {}})), plain(7.0));
        let inner = json!({"rope_theta": 7, "rope_parameters": {"rope_theta": 9, "rope_type": "default"}});
        assert_eq!(read(inner), plain(9.0));
        let growing = GrowingRotary { base: 500.0, dim: 4, factor: 1.5, trained: 64, interleaved: false };
        let dynamic = read(json!({"rope_parameters": {"rope_type": "dynamic", "factor": 1.5}}));
        assert_eq!(dynamic, Ok(Rotation::Growing(growing)));
        let scaling =
            json!({"rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_type": "yarn"}});
        let Ok(Rotation::Fixed(linear)) = read(scaling) else { panic!("linear scaling is not read") };
        assert_eq!(linear.frequencies[0], 0.5);
    }

    #[test]
    fn what_is_not_implemented_is_named() {
        let refused = |config: Json, what: &str| {
            let error = read(config).unwrap_err();
            assert!(error.contains(what), "{error}");
        };
        refused(
            json!({"rope_scaling": {"rope_type": "longrope", "factor": 2}}),
            "rope_type = \"longrope\" is not impl",
        );
        refused(json!({"rope_scaling": {"type": 3}}), "rope_type = 3 is not implemented");
        refused(json!({"partial_rotary_factor": 0.5}), "partial_rotary_factor = 0.5 is not implemented");
        refused(json!({"rope_parameters": {"partial_rotary_factor": 0.5}}), "partial_rotary_factor = 0.5");
        refused(json!({"rope_parameters": {"full_attention": {}}}), "rope_parameters = {\"full_attention\": …}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |config: Json, what: &str| {
            let error = read(config).unwrap_err();
            assert!(error.contains(what), "{error}");
        };
        refused(json!({"rope_scaling": {"type": "linear"}}), "have no factor");
        refused(json!({"rope_scaling": {"rope_type": "llama3", "factor": 2}}), "have no low_freq_factor");
        refused(json!({"rope_scaling": "ntk"}), "rope_scaling is not an object");
        refused(json!({"rope_theta": -1}), "rope_theta = -1");
        refused(json!({"original_max_position_embeddings": 1.5}), "is not a whole number");
        let odd = Rotation::read(&json!({}), 500.0, 5, 64).unwrap_err().to_string();
        assert!(odd.contains("heads of 5 numbers"), "{odd}");
    }
}
