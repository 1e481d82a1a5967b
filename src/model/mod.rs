//! A model: its source, files, tokenizer, prompts and pooling.

mod error;
mod files;
pub(crate) mod hub;
mod read;
mod setting;
mod tasks;
mod text;
pub(crate) mod weights;

pub use error::ModelError;
pub(crate) use files::fingerprint;
pub(crate) use files::modules;
pub(crate) use files::required::wanted_of;
pub(crate) use files::sentence;
pub(crate) use hub::cache;
pub use hub::package::DEFAULT_MODEL;
pub(crate) use hub::short_names;
pub(crate) use hub::source;
pub use read::Model;
pub(crate) use read::task_in;
pub use setting::{Setting, SettingError};
pub(crate) use tasks::activation;
pub(crate) use tasks::generative;
pub(crate) use tasks::labels;
pub(crate) use tasks::late_interaction;
pub(crate) use tasks::m3;
pub(crate) use tasks::pooling;
pub(crate) use tasks::similarity;
pub(crate) use tasks::splade;
pub(crate) use tasks::task;
pub(crate) use text::tokenizer;
pub(crate) use weights::lora;
pub(crate) use weights::static_embedding;
