//! The outputs that an engine is opened for, and sets of them.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputKind {
    /// One vector an input.
    Embedding,
    /// The lexical weights of an input.
    Sparse,
    /// One vector a token, for late interaction.
    TokenVectors,
    /// The last layer's output for each token, of any encoder.
    HiddenStates,
    /// The logits of a classification head.
    Logits,
    /// The relevance of a pair's second text to its first, as the engine itself scores it.
    Score,
    /// Labels with their scores, as the engine itself names them.
    Labels,
}

/// A set of outputs, computed in one pass. Today's engines are opened for one output and compute that alone; a model
/// with several heads (dense, sparse and token vectors of BGE-M3) can give them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outputs(u8);

impl OutputKind {
    const ALL: [Self; 7] = [
        Self::Embedding,
        Self::Sparse,
        Self::TokenVectors,
        Self::HiddenStates,
        Self::Logits,
        Self::Score,
        Self::Labels,
    ];

    /// Its name in messages: "this model gives no …".
    pub fn noun(self) -> &'static str {
        match self {
            Self::Embedding => "vectors",
            Self::Sparse => "sparse vectors",
            Self::TokenVectors => "vectors of tokens",
            Self::HiddenStates => "hidden states of tokens",
            Self::Logits => "logits",
            Self::Score => "scores of documents",
            Self::Labels => "labels",
        }
    }
}

impl Outputs {
    pub fn contains(self, output: OutputKind) -> bool {
        self.0 & Self::from(output).0 != 0
    }

    /// The outputs in words, such as "vectors and sparse vectors".
    pub fn names(self) -> String {
        let kinds = OutputKind::ALL.into_iter().filter(|&kind| self.contains(kind));
        kinds.map(OutputKind::noun).collect::<Vec<_>>().join(" and ")
    }

    pub fn with(self, output: OutputKind) -> Self {
        Self(self.0 | Self::from(output).0)
    }
}

impl From<OutputKind> for Outputs {
    fn from(output: OutputKind) -> Self {
        Self(1 << output as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_a_set() {
        let set = Outputs::from(OutputKind::Embedding).with(OutputKind::Sparse);
        assert!(set.contains(OutputKind::Embedding) && set.contains(OutputKind::Sparse));
        assert!(!set.contains(OutputKind::Labels) && !Outputs::default().contains(OutputKind::Embedding));
        assert_eq!(set, set.with(OutputKind::Sparse));
    }
}
