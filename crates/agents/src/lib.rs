//! How programs reach a Trunkline gateway: what coding agents must be told, and what a start prints.
//!
//! Pure: what is known goes in as values, and a [`Launch`] comes out, which is printed for a shell or carried out
//! by whoever asked for it.
//!
//! ```
//! use trunkline_agents::{Agent, Gateway, Key};
//! use trunkline_core::Environment;
//!
//! let environment = Environment::from_iter([("LITELLM_MASTER_KEY", "sk-very-private")]);
//! let key = Key::chosen(None, environment.secret("LITELLM_MASTER_KEY"), &environment);
//! let gateway = Gateway::new("http://127.0.0.1:4000/v1", key)?;
//! let launch = Agent::ClaudeCode.launch(&gateway, Some("anthropic/claude-sonnet-4.5"), &environment);
//! let script = launch.script()?;
//! assert!(script.contains("export ANTHROPIC_BASE_URL=http://127.0.0.1:4000;"));
//! assert!(script.contains("export ANTHROPIC_AUTH_TOKEN=\"$LITELLM_MASTER_KEY\";"));
//! # Ok::<(), trunkline_core::Error>(())
//! ```

mod agent;
pub mod arguments;
mod claude_code;
mod codex;
mod gateway;
mod key;
mod launch;
mod shell;
mod start_text;

pub use agent::Agent;
pub use gateway::Gateway;
pub use key::Key;
pub use launch::{Launch, Value, Variable};
pub use start_text::{Origin, StartText};
