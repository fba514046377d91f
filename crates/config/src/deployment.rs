//! `model_list`: each row into one deployment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use trunkline_core::Environment;

use crate::credential::{self, Credential};
use crate::deployment_settings::{DeploymentSettings, Disabled};
use crate::diagnostic::Report;
use crate::keys::Section;
use crate::node::{Member, Node, member};
use crate::reader::{Reader, section};
use crate::reference::{self, join};
use crate::review::{self, Allowances};
use crate::{Location, info, params, prices};

const MODEL_LIST: &str = "model_list";
const CREDENTIAL_NAME: &str = "litellm_credential_name";
const COST: &str = "the deployment is out of service";
const PARAMS: &str = "litellm_params";
const INFO: &str = "model_info";

/// Whether a missing variable below this top-level key costs deployments, no more.
pub(crate) fn is_about_deployments(key: &str) -> bool {
    key == MODEL_LIST || key == credential::LIST
}

/// The rows of `model_list`, whatever they are worth.
pub(crate) fn rows(members: &[Member]) -> &[Node] {
    member(members, MODEL_LIST).and_then(|list| list.node.items()).unwrap_or_default()
}

/// Reads `model_list`. A row that cannot be read is told of and left out; the others stay.
pub(crate) fn read(
    members: &[Member],
    environment: &Environment,
    allowances: &mut Allowances<'_>,
    report: &mut Report,
) -> (Vec<DeploymentSettings>, RowDefaults) {
    let defaults = RowDefaults::read(members, environment, allowances, report);
    let rows = Reader::section(members, "", report).items(MODEL_LIST);
    let mut deployments = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let path = format!("{MODEL_LIST}[{index}]");
        deployments.extend(read_row(row, &path, environment, &defaults, allowances, report));
    }
    refuse_shared_ids(&deployments, report);
    (deployments, defaults)
}

/// Reads one row that stands at `path`.
pub(crate) fn read_row(
    row: &Node,
    path: &str,
    environment: &Environment,
    defaults: &RowDefaults,
    allowances: &mut Allowances<'_>,
    report: &mut Report,
) -> Option<DeploymentSettings> {
    let mut row = row.clone();
    let missing = reference::missing_variables(&mut row, path, environment, COST, report);
    let Some(members) = row.members() else {
        report.error(&row.location, path, format!("must be a mapping, not {}", row.kind()));
        return None;
    };
    review::review(Section::ModelList, members, path, allowances, report);
    let row = Row { members, path, location: &row.location, missing };
    row.read(defaults, allowances, report)
}

/// What stands outside the rows and holds where they are silent.
pub(crate) struct RowDefaults {
    credentials: Vec<Credential>,
    /// `router_settings.default_litellm_params`.
    params: Vec<Member>,
    /// The defaults for `max_parallel_requests`.
    max_parallel_requests: Option<u64>,
}

/// It holds credentials.
impl fmt::Debug for RowDefaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RowDefaults").finish_non_exhaustive()
    }
}

impl RowDefaults {
    fn read(
        members: &[Member],
        environment: &Environment,
        allowances: &mut Allowances<'_>,
        report: &mut Report,
    ) -> Self {
        const DEFAULTS: &str = "default_litellm_params";
        let quiet = &mut Report::default();
        let router = section(members, Section::RouterSettings, quiet);
        let general = section(members, Section::GeneralSettings, quiet);
        let credentials = credential::read(members, environment, allowances, report);

        let mut reader = Reader::section(general, "general_settings", report);
        let general_limit = reader.integer("max_parallel_requests");
        let mut reader = Reader::section(router, "router_settings", report);
        let max_parallel_requests = reader.integer("default_max_parallel_requests").or(general_limit);
        let params = reader.members(DEFAULTS);
        review::review(
            Section::LitellmParams,
            params,
            &format!("router_settings.{DEFAULTS}"),
            allowances,
            report,
        );
        Self { credentials, params: params.to_vec(), max_parallel_requests }
    }
}

/// A row of `model_list`, its references resolved.
struct Row<'a> {
    members: &'a [Member],
    path: &'a str,
    location: &'a Location,
    /// Variables that it refers to and that are not set.
    missing: BTreeSet<String>,
}

impl Row<'_> {
    fn read(
        mut self,
        defaults: &RowDefaults,
        allowances: &mut Allowances<'_>,
        report: &mut Report,
    ) -> Option<DeploymentSettings> {
        let mut row = Reader::part(self.members, self.path, report);
        let group = row.text("model_name");
        let blocked = row.boolean("blocked").unwrap_or(false);
        let own = row.members(PARAMS);
        let info = row.members(INFO);
        let mut failed = row.failed;
        if group.is_none() && self.missing.is_empty() {
            row.refuse("model_name", self.location, "is missing; the row is left out");
        }

        let params_path = join(self.path, PARAMS);
        let info_path = join(self.path, INFO);
        review::review(Section::LitellmParams, own, &params_path, allowances, report);
        review::review(Section::ModelInfo, info, &info_path, allowances, report);

        let params = self.layers(own, defaults, &params_path, report)?;
        let mut params = Reader::part(&params, &params_path, report);
        let model = params.text("model");
        if model.is_none() && self.missing.is_empty() {
            params.refuse("model", self.location, "is missing; the row is left out");
        }
        let mut deployment = params::read(&mut params, self.location);
        deployment.max_parallel_requests =
            deployment.max_parallel_requests.or(defaults.max_parallel_requests).filter(|limit| *limit > 0);
        failed |= params.failed;
        let params = params.all();

        let mut reader = Reader::part(info, &info_path, report);
        info::read(&mut deployment, &mut reader);
        let blocked = blocked || reader.boolean("blocked").unwrap_or(false);
        failed |= reader.failed;
        if !failed && self.missing.is_empty() {
            let parts = [(&*params_path, params), (&*info_path, info)];
            prices::warn_of_tiers_alone(&mut deployment, parts, report);
        }

        deployment.disabled = if self.missing.is_empty() {
            blocked.then_some(Disabled::Blocked)
        } else {
            Some(Disabled::MissingVariables(self.missing.into_iter().collect()))
        };
        // A name that stands in a missing variable is no name to be listed under.
        deployment.group = group?;
        deployment.model = match model {
            Some(model) => model,
            None if deployment.disabled.is_some() => String::new(),
            None => return None,
        };
        (!failed).then_some(deployment)
    }

    /// The row's own parameters, then those of its credential, then the router's defaults.
    fn layers(
        &mut self,
        own: &[Member],
        defaults: &RowDefaults,
        path: &str,
        report: &mut Report,
    ) -> Option<Vec<Member>> {
        let mut params = own.to_vec();
        let mut reader = Reader::part(own, path, report);
        if let Some(name) = reader.text(CREDENTIAL_NAME) {
            let Some(credential) = defaults.credentials.iter().find(|credential| credential.name == name)
            else {
                let message = "names no row of credential_list; the row is left out";
                reader.refuse(CREDENTIAL_NAME, self.location, message);
                return None;
            };
            add_absent(&mut params, &credential.values);
            self.missing.extend(credential.missing.iter().cloned());
        }
        add_absent(&mut params, &defaults.params);
        Some(params)
    }
}

fn add_absent(params: &mut Vec<Member>, more: &[Member]) {
    for new in more {
        if member(params, &new.key).is_none_or(|known| known.node.is_null()) {
            params.retain(|known| known.key != new.key);
            params.push(new.clone());
        }
    }
}

fn refuse_shared_ids(deployments: &[DeploymentSettings], report: &mut Report) {
    let mut seen: BTreeMap<&str, &Location> = BTreeMap::new();
    for deployment in deployments {
        let Some(id) = deployment.id.as_deref() else {
            continue;
        };
        if let Some(first) = seen.get(id) {
            let message = format!("`{id}` is also the id of the deployment at {first}; ids must differ");
            report.fatal(&deployment.location, "model_info.id", message);
        } else {
            seen.insert(id, &deployment.location);
        }
        // A name is looked up among ids first.
        let hides = deployments.iter().any(|other| other.group == id && other.id.as_deref() != Some(id));
        if hides {
            let message =
                format!("`{id}` is also the name of a group: who asks for that gets this deployment alone");
            report.warn(&deployment.location, "model_info.id", message);
        }
    }
}
