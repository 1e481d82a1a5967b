//! The activation functions that a Dense layer may name, with torch's formulas and defaults.
//!
//! Source: the documentation of `torch.nn`, "Non-linear Activations".

/// An activation function, by the name of its class in `torch.nn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x
    Identity,
    /// tanh x
    Tanh,
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// x, or x/100 below 0
    LeakyRelu,
    /// x · Φ(x), by erf
    Gelu,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// x · sigmoid(x)
    Silu,
    /// x · tanh(softplus(x))
    Mish,
    /// x, or eˣ - 1 below 0
    Elu,
    /// 1.0507 · (x, or 1.6733 · (eˣ - 1) below 0)
    Selu,
    /// ln(1 + eˣ)
    Softplus,
    /// x / (1 + |x|)
    Softsign,
    /// x within -1 and 1
    Hardtanh,
    /// x/6 + 1/2 within 0 and 1
    Hardsigmoid,
    /// x · hardsigmoid(x)
    Hardswish,
    /// ln sigmoid(x)
    LogSigmoid,
}

impl Activation {
    /// Of the full name that sentence-transformers writes: `torch.nn.modules.activation.Tanh`.
    pub fn parse(name: &str) -> Option<Self> {
        let class = name.strip_prefix("torch.nn.")?.rsplit('.').next()?;
        Some(match class {
            "Identity" => Self::Identity,
            "Tanh" => Self::Tanh,
            "ReLU" => Self::Relu,
            "ReLU6" => Self::Relu6,
            "LeakyReLU" => Self::LeakyRelu,
            "GELU" => Self::Gelu,
            "Sigmoid" => Self::Sigmoid,
            "SiLU" => Self::Silu,
            "Mish" => Self::Mish,
            // CELU's only parameter is 1 by default, which makes it ELU.
            "ELU" | "CELU" => Self::Elu,
            "SELU" => Self::Selu,
            "Softplus" => Self::Softplus,
            "Softsign" => Self::Softsign,
            "Hardtanh" => Self::Hardtanh,
            "Hardsigmoid" => Self::Hardsigmoid,
            "Hardswish" => Self::Hardswish,
            "LogSigmoid" => Self::LogSigmoid,
            _ => return None,
        })
    }

    /// The function itself.
    pub fn apply(self, x: f32) -> f32 {
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        // Neither form loses a large x of either sign.
        let softplus = |x: f32| x.max(0.0) + (-x.abs()).exp().ln_1p();
        let hardsigmoid = |x: f32| (x / 6.0 + 0.5).clamp(0.0, 1.0);
        match self {
            Self::Identity => x,
            Self::Tanh => x.tanh(),
            // Written so that NaN stays NaN, to be reported.
            Self::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::LeakyRelu => {
                if x < 0.0 {
                    0.01 * x
                } else {
                    x
                }
            }
            Self::Gelu => {
                (f64::from(x) * 0.5 * (1.0 + libm::erf(f64::from(x) * std::f64::consts::FRAC_1_SQRT_2))) as f32
            }
            Self::Sigmoid => sigmoid(x),
            Self::Silu => x * sigmoid(x),
            Self::Mish => x * softplus(x).tanh(),
            Self::Elu => {
                if x < 0.0 {
                    x.exp_m1()
                } else {
                    x
                }
            }
            Self::Selu => {
                const SCALE: f32 = 1.050_701;
                const ALPHA: f32 = 1.673_263_2;
                SCALE * if x < 0.0 { ALPHA * x.exp_m1() } else { x }
            }
            // torch goes over to x itself above 20, where the two are the same in f32.
            Self::Softplus => softplus(x),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Hardtanh => x.clamp(-1.0, 1.0),
            Self::Hardsigmoid => hardsigmoid(x),
            Self::Hardswish => x * hardsigmoid(x),
            Self::LogSigmoid => -softplus(-x),
        }
    }
}
