//! Codex, which is told by overrides of its configuration, and takes the key from a variable.

use std::fmt::Write;

use crate::key::OWN_VARIABLE;
use crate::{Gateway, Key, Launch, Value, Variable};

pub(crate) fn launch(gateway: &Gateway, model: Option<&str>) -> Launch {
    let mut overrides = vec![
        ("model_provider", toml_text("trunkline")),
        ("model_providers.trunkline.name", toml_text("Trunkline")),
        ("model_providers.trunkline.base_url", toml_text(&gateway.openai_url())),
        ("model_providers.trunkline.wire_api", toml_text("responses")),
    ];
    let key = Variable { name: OWN_VARIABLE, value: Value::Key(gateway.key.clone()) };
    let variables = match &gateway.key {
        Key::None => Vec::new(),
        Key::Variable { name, .. } => {
            overrides.push(("model_providers.trunkline.env_key", toml_text(name)));
            Vec::new()
        }
        Key::Given(_) | Key::Configured(_) => {
            overrides.push(("model_providers.trunkline.env_key", toml_text(OWN_VARIABLE)));
            vec![key]
        }
    };
    let mut remarks = Vec::new();
    match model {
        Some(model) => overrides.push(("model", toml_text(model))),
        None => remarks.push(
            "no model is named, so Codex asks for its own default; name one of the gateway's with --model"
                .to_owned(),
        ),
    }
    let arguments =
        overrides.into_iter().flat_map(|(key, value)| ["-c".to_owned(), format!("{key}={value}")]).collect();
    let (program, package) = ("codex", "@openai/codex");
    Launch { program, package, arguments, variables, unset: Vec::new(), remarks }
}

/// A basic string of TOML.
fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(letter)).expect("a String takes everything");
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use trunkline_core::{Environment, Secret};

    use super::*;
    use crate::Agent;

    fn script(key: Key, model: Option<&str>) -> String {
        let gateway = Gateway::new("http://127.0.0.1:4000", key).expect("a good URL");
        let launch = Agent::Codex.launch(&gateway, model, &Environment::empty());
        launch.script().expect("nothing stands in a file")
    }

    #[test]
    fn a_key_that_is_in_a_variable_stays_there() {
        let key = Key::Variable { name: "LITELLM_MASTER_KEY".to_owned(), secret: Secret::new("sk-1") };
        assert_eq!(
            script(key, Some("openai/gpt-5.1-codex")),
            "codex() { command codex -c 'model_provider=\"trunkline\"' \
             -c 'model_providers.trunkline.name=\"Trunkline\"' \
             -c 'model_providers.trunkline.base_url=\"http://127.0.0.1:4000/v1\"' \
             -c 'model_providers.trunkline.wire_api=\"responses\"' \
             -c 'model_providers.trunkline.env_key=\"LITELLM_MASTER_KEY\"' \
             -c 'model=\"openai/gpt-5.1-codex\"' \"$@\"; };\n",
        );
    }

    #[test]
    fn a_key_that_was_given_becomes_a_variable() {
        let script = script(Key::Given(Secret::new("sk-1")), None);
        assert!(script.starts_with("export TRUNKLINE_API_KEY=sk-1;\ncodex() {"), "{script}");
        assert!(script.contains("env_key=\"TRUNKLINE_API_KEY\""), "{script}");
        assert!(!script.contains("'model="), "{script}");
    }

    #[test]
    fn an_open_gateway_needs_no_variable() {
        assert!(!script(Key::None, Some("m")).contains("env_key"));
    }

    #[test]
    fn texts_are_quoted_for_toml() {
        assert_eq!(toml_text("a\"b\\c\u{7}é"), "\"a\\\"b\\\\c\\u0007é\"");
    }
}
