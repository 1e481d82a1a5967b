//! The tensors in a file of `torch.save`, for small modules without a safetensors file.
//!
//! Such a file holds a pickle, a program that builds objects. It is never executed: [`pickle`] interprets only the
//! instructions of a state dict of plain tensors, and refuses others by name. A model's own weights are read from
//! safetensors alone; this is for a Dense layer of sentence-transformers in `2_Dense/pytorch_model.bin` and for the
//! heads of BGE-M3.
//!
//! Both containers are read. Since PyTorch 1.6: a ZIP archive with `NAME/data.pkl`, the numbers in `NAME/data/KEY`.
//! Before: consecutive pickles (magic number, protocol version, system, state dict, keys), then for each key a count
//! and the numbers. Source: `torch/serialization.py`.

mod pickle;
mod state_dict;
mod tensor;
#[cfg(test)]
mod tests;

pub(crate) use state_dict::StateDict;
