//! The Open Inference Protocol, version 2, as Triton and KServe speak it: tensors in, tensors out.
//!
//! <https://github.com/kserve/open-inference-protocol>; tensors come back as bytes where the server has Triton's
//! extension for that, `binary_tensor_data`.
//!
//! Beside that, what the URL chooses: Triton's extension `generate`, one model behind an address of its own, and
//! Triton's frontend for OpenAI's API.

mod address;
mod interface;
mod protocol;
mod tensors;
#[cfg(test)]
mod tests;

pub(crate) use protocol::at;
