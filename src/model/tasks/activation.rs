//! Functions between logits and scores, each of one number.
//!
//! Computed in f64: a sigmoid in f32 is 1 from a logit of 17 on, and documents that differ would score alike.

/// A function of PyTorch's that turns a logit into a score. All of them rise, or stay level, with their argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `torch.nn.Identity`
    Identity,
    /// `torch.nn.Sigmoid`
    Sigmoid,
    /// `torch.nn.Tanh`
    Tanh,
    /// `torch.nn.ReLU`
    Relu,
    /// `torch.nn.LogSigmoid`
    LogSigmoid,
    /// `torch.nn.Softplus`
    Softplus,
}

/// The largest number below 1.
const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

impl Activation {
    /// By the path under which sentence-transformers writes it down (`torch.nn.modules.activation.Sigmoid`).
    pub fn parse(path: &str) -> Option<Self> {
        let class = path.strip_prefix("torch.nn.")?;
        let class = class.strip_prefix("modules.").and_then(|rest| rest.split_once('.')).map_or(class, |(_, c)| c);
        Some(match class {
            "Identity" => Self::Identity,
            "Sigmoid" => Self::Sigmoid,
            "Tanh" => Self::Tanh,
            "ReLU" => Self::Relu,
            "LogSigmoid" => Self::LogSigmoid,
            "Softplus" => Self::Softplus,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "the logit as it is",
            Self::Sigmoid => "sigmoid of the logit",
            Self::Tanh => "tanh of the logit",
            Self::Relu => "ReLU of the logit",
            Self::LogSigmoid => "log-sigmoid of the logit",
            Self::Softplus => "softplus of the logit",
        }
    }

    /// The score of a logit. A sigmoid stays below 1, however large the logit.
    pub fn apply(self, logit: f32) -> f64 {
        let x = f64::from(logit);
        match self {
            Self::Identity => x,
            Self::Sigmoid => sigmoid(x),
            Self::Tanh => x.tanh().clamp(-BELOW_ONE, BELOW_ONE),
            Self::Relu => x.max(0.0),
            Self::LogSigmoid => -softplus(-x),
            Self::Softplus => softplus(x),
        }
    }
}

/// 1 / (1 + e^-x), below 1.
pub(crate) fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { (1.0 / (1.0 + e)).min(BELOW_ONE) }
}

/// log(1 + e^x)
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// e^x of each over the sum of all.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |m, &x| m.max(x));
    let powers: Vec<f64> = logits.iter().map(|&x| (f64::from(x) - f64::from(largest)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_torch() {
        let cases = [
            ("torch.nn.modules.activation.Sigmoid", Some(Activation::Sigmoid)),
            ("torch.nn.modules.linear.Identity", Some(Activation::Identity)),
            ("torch.nn.Sigmoid", Some(Activation::Sigmoid)),
            ("torch.nn.modules.activation.ReLU", Some(Activation::Relu)),
            ("torch.nn.modules.activation.Softmax", None),
            ("torch.nn.modules.activation.", None),
            ("mine.Sigmoid", None),
            ("Sigmoid", None),
        ];
        for (path, expected) in cases {
            assert_eq!(Activation::parse(path), expected, "{path}");
        }
    }

    #[test]
    fn values() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(Activation::Sigmoid.apply(0.0), 0.5);
        close(Activation::Sigmoid.apply(2.0), 0.880_797_077_977_882_4);
        close(Activation::Sigmoid.apply(-2.0), 1.0 - 0.880_797_077_977_882_4);
        close(Activation::Tanh.apply(0.5), 0.462_117_157_260_009_8);
        close(Activation::Softplus.apply(1.0), 1.313_261_687_518_222_8);
        close(Activation::LogSigmoid.apply(-1.0), -1.313_261_687_518_222_8);
        close(Activation::Relu.apply(-1.0), 0.0);
        close(softmax(&[1.0, 2.0, 1000.0])[2], 1.0);
        close(softmax(&[0.0, 0.0])[0], 0.5);
    }

    #[test]
    fn a_sigmoid_does_not_saturate() {
        let scores: Vec<f64> =
            [-700.0, -40.0, 0.0, 16.0, 17.0, 18.0, 30.0, 36.0].map(|x| Activation::Sigmoid.apply(x)).into();
        assert!(scores.windows(2).all(|w| w[0] < w[1]), "{scores:?}");
        assert!(scores[0] > 0.0);
        assert!(Activation::Sigmoid.apply(f32::MAX) < 1.0);
        assert_eq!(Activation::Sigmoid.apply(f32::MIN), 0.0);
    }
}
