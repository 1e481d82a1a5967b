//! `infa serve`.

use std::net::IpAddr;

use clap::Args;

use super::{ModelArgs, TextArgs};

/// Flags of `infa serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", env = "INFA_HOST", hide_env = true)]
    pub host: IpAddr,

    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 7997, env = "INFA_PORT", hide_env = true)]
    pub port: u16,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub model: ModelArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub text: TextArgs,
}
