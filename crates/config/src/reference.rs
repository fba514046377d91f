//! `os.environ/NAME`: values that stand in the environment.

use std::collections::BTreeSet;

use trunkline_core::Environment;

use crate::Location;
use crate::diagnostic::Report;
use crate::node::{Node, Value};

const PREFIX: &str = "os.environ/";

/// A reference to a variable that is not set.
pub(crate) struct Missing {
    /// The path of the value.
    pub(crate) path: String,
    pub(crate) location: Location,
    pub(crate) variable: String,
}

/// Puts the environment's texts in for every reference in the tree, in mappings and lists alike, and returns
/// those that could not be found. They become empty values.
pub(crate) fn resolve(
    node: &mut Node,
    path: &str,
    environment: &Environment,
    report: &mut Report,
) -> Vec<Missing> {
    let mut missing = Vec::new();
    walk(node, path, environment, report, &mut missing);
    missing
}

/// Resolves what only deployments depend on, says which variables are missing and what that costs, and returns
/// their names.
pub(crate) fn missing_variables(
    node: &mut Node,
    path: &str,
    environment: &Environment,
    cost: &str,
    report: &mut Report,
) -> BTreeSet<String> {
    let mut variables = BTreeSet::new();
    for missing in resolve(node, path, environment, report) {
        let message = format!("refers to {}, which is not set; {cost}", missing.variable);
        report.error(&missing.location, missing.path, message);
        variables.insert(missing.variable);
    }
    variables
}

/// The variable that a text refers to, if it is a reference.
pub(crate) fn variable(text: &str) -> Option<&str> {
    text.trim().strip_prefix(PREFIX)
}

fn walk(
    node: &mut Node,
    path: &str,
    environment: &Environment,
    report: &mut Report,
    missing: &mut Vec<Missing>,
) {
    match &mut node.value {
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {}
        Value::Text(text) => {
            let Some(variable) = variable(text) else {
                if text.contains(PREFIX) {
                    let message = "holds `os.environ/` inside a text, where it is taken literally; let the variable hold the whole text";
                    report.warn(&node.location, path, message);
                }
                return;
            };
            let variable = variable.to_owned();
            node.value = match environment.get(&variable) {
                Some(value) => Value::Text(value.to_owned()),
                None => {
                    missing.push(Missing {
                        path: path.to_owned(),
                        location: node.location.clone(),
                        variable,
                    });
                    Value::Null
                }
            };
        }
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}[{index}]"), environment, report, missing);
            }
        }
        Value::Map(members) => {
            for member in members {
                walk(&mut member.node, &join(path, &member.key), environment, report, missing);
            }
        }
    }
}

/// The path of a key below another.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
