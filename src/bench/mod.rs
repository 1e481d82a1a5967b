//! `infa bench`: what is measured, and how figures become fair ones.

pub mod dataset;
pub mod fidelity;
mod random;
