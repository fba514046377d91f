//! Deployments that stand in no file: rows that a store keeps, read as rows of `model_list` are.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::deployment;
use crate::deployment_settings::DeploymentSettings;
use crate::diagnostic::{Diagnostic, Report};
use crate::load::Loaded;
use crate::location::Location;
use crate::node::{self, Node, Value};
use crate::reference::variable;
use crate::review::Allowances;

/// Variables that no such row may refer to: they open the gateway itself, and whoever adds a row says where keys are sent.
const OWN_SECRETS: [&str; 2] = ["DATABASE_URL", "DIRECT_URL"];
const OWN_PREFIXES: [&str; 2] = ["LITELLM_", "TRUNKLINE_"];

/// A row that stands in no file.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// What findings name it by: `model 5f1c…`.
    pub name: String,
    /// The row as JSON: `model_name`, `litellm_params`, and `model_info` with its `id`.
    pub json: String,
}

/// It may hold keys.
impl fmt::Debug for StoredRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StoredRow").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Reads rows that stand in no file, with the defaults and the credentials that the file has for its own. A row that
    /// cannot be used as it is written is told of and left out; no finding about it is fatal.
    pub fn stored_deployments(&self, rows: &[StoredRow]) -> (Vec<DeploymentSettings>, Vec<Diagnostic>) {
        let mut report = Report::default();
        let of_file = self.settings.deployments.iter().filter_map(|deployment| deployment.id.as_deref());
        let ids: BTreeSet<&str> = of_file.collect();
        let mut deployments = Vec::with_capacity(rows.len());
        for row in rows {
            let mut own = Report::default();
            let read = self.stored_deployment(row, &mut own);
            let read = read.filter(|deployment| match deployment.id.as_deref() {
                Some(id) if ids.contains(id) => {
                    let message =
                        format!("`{id}` is also the id of a deployment of the file, which goes before it");
                    own.error(&deployment.location, "model_info.id", message);
                    false
                }
                Some(_) | None => true,
            });
            let is_refused = own.diagnostics.iter().any(|finding| finding.fatal);
            deployments.extend(read.filter(|_| !is_refused));
            report
                .diagnostics
                .extend(own.diagnostics.into_iter().map(|finding| Diagnostic { fatal: false, ..finding }));
        }
        (deployments, report.diagnostics)
    }

    fn stored_deployment(&self, row: &StoredRow, report: &mut Report) -> Option<DeploymentSettings> {
        let name: Arc<str> = row.name.as_str().into();
        let whole = Location::whole(&name);
        let Ok(mut node) = node::read(&row.json, &name, report) else {
            report.error(&whole, "", "cannot be read");
            return None;
        };
        put_at(&mut node, &whole);
        if let Some(secret) = own_secret(&node) {
            report.error(&whole, "litellm_params", format!("refers to {secret}, which is the gateway's own"));
            return None;
        }
        deployment::read_row(
            &node,
            "",
            &self.environment,
            &self.row_defaults,
            &mut Allowances::new(&[]),
            report,
        )
    }
}

/// The first variable of the gateway's own that a row refers to.
fn own_secret(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => {
            let name = variable(text)?;
            let is_own =
                OWN_SECRETS.contains(&name) || OWN_PREFIXES.iter().any(|start| name.starts_with(start));
            is_own.then(|| name.to_owned())
        }
        Value::List(items) => items.iter().find_map(own_secret),
        Value::Map(members) => members.iter().find_map(|member| own_secret(&member.node)),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => None,
    }
}

/// Puts a tree in one place: lines of a text that nobody has written tell nobody anything.
fn put_at(node: &mut Node, place: &Location) {
    node.location = place.clone();
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| put_at(item, place)),
        Value::Map(members) => {
            for member in members {
                member.location = place.clone();
                put_at(&mut member.node, place);
            }
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {}
    }
}
