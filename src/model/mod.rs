//! A model: its source, files, tokenizer, prompts and pooling.

mod error;
mod files;
pub mod hub;
mod read;
mod setting;
mod tasks;
mod text;
pub mod weights;

pub use error::ModelError;
pub use files::fingerprint;
pub use files::modules;
pub(crate) use files::required::wanted_of;
pub use files::sentence;
pub use hub::cache;
pub use hub::package::DEFAULT_MODEL;
pub use hub::short_names;
pub use hub::source;
pub use read::{Model, task_in};
pub use setting::{Setting, SettingError};
pub use tasks::activation;
pub use tasks::generative;
pub use tasks::labels;
pub use tasks::late_interaction;
pub use tasks::m3;
pub use tasks::pooling;
pub use tasks::similarity;
pub use tasks::splade;
pub use tasks::task;
pub use text::tokenizer;
pub use weights::lora;
pub use weights::static_embedding;
pub use weights::torch;
