//! The agents that are known by name.

use trunkline_core::Environment;

use crate::{Gateway, Launch, claude_code, codex};

/// A coding agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    /// Anthropic's, which speaks Messages.
    ClaudeCode,
    /// OpenAI's, which speaks Responses.
    Codex,
}

impl Agent {
    /// What the agent must be told so that it asks this gateway, for `model` if one is named.
    ///
    /// `environment` is the one that the agent will inherit: it says what must be taken out of it or kept.
    pub fn launch(self, gateway: &Gateway, model: Option<&str>, environment: &Environment) -> Launch {
        let mut launch = match self {
            Self::ClaudeCode => claude_code::launch(gateway, model, environment),
            Self::Codex => codex::launch(gateway, model),
        };
        launch.variables.extend(gateway.past_proxies(environment));
        launch
    }
}
