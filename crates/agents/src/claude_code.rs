//! Claude Code, which is told everything by variables.

use trunkline_core::Environment;

use crate::{Gateway, Launch, Value, Variable};

/// The names that Claude Code picks by itself, for background work, subagents and `/model`.
const ALIASES: [&str; 4] = [
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
];

/// What would lead elsewhere. With `ANTHROPIC_API_KEY` set, Claude Code sends that key along in a header of its own.
const ELSEWHERE: [&str; 7] = [
    "ANTHROPIC_API_KEY",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_GATEWAY",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_VERTEX",
];

pub(crate) fn launch(gateway: &Gateway, model: Option<&str>, environment: &Environment) -> Launch {
    let plain = |name, text: &str| Variable { name, value: Value::Plain(text.to_owned()) };
    let mut variables = vec![
        plain("ANTHROPIC_BASE_URL", gateway.url()),
        Variable { name: "ANTHROPIC_AUTH_TOKEN", value: Value::Key(gateway.key.clone()) },
        // `/model` then lists the gateway's models.
        plain("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1"),
    ];
    let mut remarks = Vec::new();
    if let Some(model) = model {
        variables.push(plain("ANTHROPIC_MODEL", model));
        // One that the user has set stays: a smaller model for background work, for example.
        let unset = ALIASES.into_iter().filter(|name| environment.get(name).is_none());
        variables.extend(unset.map(|name| plain(name, model)));
    } else if environment.get("ANTHROPIC_MODEL").is_none() {
        remarks.push(
            "no model is named, so Claude Code asks for its own default; name one of the gateway's with --model"
                .to_owned(),
        );
    }
    let unset = ELSEWHERE.into_iter().filter(|name| environment.get(name).is_some()).collect();
    let (program, package) = ("claude", "@anthropic-ai/claude-code");
    Launch { program, package, arguments: Vec::new(), variables, unset, remarks }
}

#[cfg(test)]
mod tests {
    use trunkline_core::Secret;

    use super::*;
    use crate::{Agent, Key};

    fn script(model: Option<&str>, variables: &[(&str, &str)]) -> String {
        let key = Key::Given(Secret::new("sk-1"));
        let gateway = Gateway::new("http://127.0.0.1:4000", key).expect("a good URL");
        let launch = Agent::ClaudeCode.launch(&gateway, model, &variables.iter().copied().collect());
        launch.script().expect("the key was given")
    }

    #[test]
    fn everything_is_a_variable() {
        assert_eq!(
            script(Some("anthropic/claude-sonnet-4.5"), &[]),
            "export ANTHROPIC_BASE_URL=http://127.0.0.1:4000;\n\
             export ANTHROPIC_AUTH_TOKEN=sk-1;\n\
             export CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1;\n\
             export ANTHROPIC_MODEL=anthropic/claude-sonnet-4.5;\n\
             export ANTHROPIC_DEFAULT_OPUS_MODEL=anthropic/claude-sonnet-4.5;\n\
             export ANTHROPIC_DEFAULT_SONNET_MODEL=anthropic/claude-sonnet-4.5;\n\
             export ANTHROPIC_DEFAULT_HAIKU_MODEL=anthropic/claude-sonnet-4.5;\n\
             export ANTHROPIC_DEFAULT_FABLE_MODEL=anthropic/claude-sonnet-4.5;\n",
        );
    }

    #[test]
    fn what_leads_elsewhere_is_taken_out_and_a_chosen_alias_stays() {
        let variables = [
            ("ANTHROPIC_API_KEY", "sk-ant-real"),
            ("CLAUDE_CODE_USE_VERTEX", "1"),
            ("ANTHROPIC_DEFAULT_HAIKU_MODEL", "anthropic/claude-haiku-4.5"),
        ];
        let script = script(Some("m"), &variables);
        assert!(script.starts_with("unset ANTHROPIC_API_KEY CLAUDE_CODE_USE_VERTEX;\n"), "{script}");
        assert!(!script.contains("HAIKU") && !script.contains("sk-ant-real"), "{script}");
    }

    #[test]
    fn without_a_model_it_is_said_which_one_is_asked_for() {
        let gateway = Gateway::new("http://127.0.0.1:4000", Key::None).expect("a good URL");
        let remarks =
            |environment: &Environment| Agent::ClaudeCode.launch(&gateway, None, environment).remarks;
        assert_eq!(
            remarks(&Environment::empty()),
            [
                "no model is named, so Claude Code asks for its own default; name one of the gateway's with --model"
            ]
        );
        assert!(remarks(&Environment::from_iter([("ANTHROPIC_MODEL", "m")])).is_empty());
    }
}
