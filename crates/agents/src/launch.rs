//! How an agent is started: its program, arguments and variables, as values or as lines for a shell.

use std::fmt::Write;
use std::process::Command;

use trunkline_core::{Error, ErrorKind, Secret};

use crate::{Key, shell};

/// How an agent is started so that it asks the gateway.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program, as a shell finds it.
    pub program: &'static str,
    /// The npm package that brings the program.
    pub package: &'static str,
    /// What stands in front of the arguments that the user gives.
    pub arguments: Vec<String>,
    /// What is set in the environment of the agent.
    pub variables: Vec<Variable>,
    /// What is taken out of its environment, because it would lead elsewhere or carry another key.
    pub unset: Vec<&'static str>,
    /// What the user should know, one sentence each.
    pub remarks: Vec<String>,
}

/// A variable that is set for an agent.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is set to.
    pub value: Value,
}

/// What a variable is set to, by whether it may be printed.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text that anybody may see.
    Plain(String),
    /// The gateway's key.
    Key(Key),
}

impl Value {
    /// The text itself, to be put into the environment of a process. Without a key it is `unused`, since agents do
    /// not start without one.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Key(Key::None) => "unused",
            Self::Key(Key::Variable { secret, .. } | Key::Given(secret) | Key::Configured(secret)) => {
                secret.expose()
            }
        }
    }

    fn for_shell(&self) -> Result<String, Error> {
        let quoted = |secret: &Secret| shell::quoted(secret.expose());
        match self {
            Self::Plain(_) | Self::Key(Key::None) => Ok(shell::quoted(self.expose())),
            Self::Key(Key::Variable { name, .. }) => Ok(format!("\"${name}\"")),
            Self::Key(Key::Given(secret)) => Ok(quoted(secret)),
            Self::Key(Key::Configured(_)) => Err(Error::new(
                ErrorKind::Configuration,
                "the key stands in the configuration file, and is not printed: start the agent with --run, or put \
                 its key into the variable TRUNKLINE_API_KEY",
            )),
        }
    }
}

impl Launch {
    /// The command that starts the agent, with the user's own arguments behind ours.
    pub fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).args(arguments);
        command.envs(self.variables.iter().map(|variable| (variable.name, variable.value.expose())));
        for name in &self.unset {
            command.env_remove(name);
        }
        command
    }

    /// Lines that a POSIX shell evaluates: `eval "$(trunkline claude)"`.
    ///
    /// Each ends in `;`, so that an `eval` without the quotes does the same. Agents that are told by arguments
    /// become a function of their program's name.
    ///
    /// # Errors
    ///
    /// If the key stands in a file: what is printed ends up in terminals and logs.
    pub fn script(&self) -> Result<String, Error> {
        let mut script = String::new();
        if !self.unset.is_empty() {
            script.push_str(&format!("unset {};\n", self.unset.join(" ")));
        }
        for Variable { name, value } in &self.variables {
            script.push_str(&format!("export {name}={};\n", value.for_shell()?));
        }
        if !self.arguments.is_empty() {
            let program = self.program;
            write!(script, "{program}() {{ command {program}").expect("a String takes everything");
            for argument in &self.arguments {
                write!(script, " {}", shell::quoted(argument)).expect("a String takes everything");
            }
            script.push_str(" \"$@\"; };\n");
        }
        Ok(script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(value: Value) -> Launch {
        Launch {
            program: "codex",
            package: "@openai/codex",
            arguments: vec!["-c".to_owned(), "a=\"it's\"".to_owned()],
            variables: vec![Variable { name: "A", value }],
            unset: vec!["B", "C"],
            remarks: Vec::new(),
        }
    }

    #[test]
    fn lines_for_a_shell() {
        let script = launch(Value::Plain("x y".to_owned())).script().expect("nothing is secret");
        let expected =
            "unset B C;\nexport A='x y';\ncodex() { command codex -c 'a=\"it'\\''s\"' \"$@\"; };\n";
        assert_eq!(script, expected);
    }

    #[test]
    fn the_command_holds_the_key_in_its_environment_alone() {
        let launch = launch(Value::Key(Key::Configured(Secret::new("sk-1"))));
        let command = launch.command(&["exec".to_owned(), "hi".to_owned()]);
        assert_eq!(command.get_program(), "codex");
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["-c", "a=\"it's\"", "exec", "hi"]);
        let variables: Vec<_> = command.get_envs().collect();
        assert_eq!(
            variables,
            [("A".as_ref(), Some("sk-1".as_ref())), ("B".as_ref(), None), ("C".as_ref(), None)]
        );
    }

    #[test]
    fn a_key_is_printed_only_if_it_was_given() {
        let check = |key: Key, expected: &str| {
            let launch = launch(Value::Key(key));
            let line = launch.script().map(|script| script.lines().nth(1).unwrap_or_default().to_owned());
            assert_eq!(line.unwrap_or_else(|error| error.to_string()), expected);
            assert!(!format!("{launch:?}").contains("sk-1"), "Debug shows the key");
        };
        let secret = Secret::new("sk-1");
        check(Key::Given(secret.clone()), "export A=sk-1;");
        check(Key::Variable { name: "KEY".to_owned(), secret: secret.clone() }, "export A=\"$KEY\";");
        check(Key::None, "export A=unused;");
        check(
            Key::Configured(secret),
            "the key stands in the configuration file, and is not printed: start the agent with --run, or put its \
             key into the variable TRUNKLINE_API_KEY",
        );
    }
}
