//! Servers that infa starts and stops: those with a start in their recipe where they are installed, any other by its
//! command.
//!
//! [`Server::start`] runs a [`Command`], waits until the server is ready, and gives the [`EngineSpec`] of where it is;
//! it ends with [`Server::stop`], when it is dropped, and when this process is gone.

mod command;
mod default;
mod error;
mod options;
mod output;
mod process;
mod program;
mod readiness;
mod server;
mod view;

pub use self::command::Command;
pub use self::default::default_command;
pub use self::error::LaunchError;
pub use self::options::Launch;
pub use self::server::Server;
