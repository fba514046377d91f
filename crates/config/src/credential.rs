//! `credential_list`: credentials that several deployments share, each under a name.

use std::collections::BTreeSet;

use trunkline_core::Environment;

use crate::diagnostic::Report;
use crate::keys::Section;
use crate::node::Member;
use crate::reader::Reader;
use crate::reference::{self, join};
use crate::review::{self, Allowances};

const COST: &str = "deployments that use it are out of service";
const VALUES: &str = "credential_values";
pub(crate) const LIST: &str = "credential_list";

/// A row of `credential_list`.
pub(crate) struct Credential {
    pub(crate) name: String,
    pub(crate) values: Vec<Member>,
    /// Variables that it refers to and that are not set.
    pub(crate) missing: BTreeSet<String>,
}

/// Reads `credential_list`. A row that cannot be read is told of and left out.
pub(crate) fn read(
    members: &[Member],
    environment: &Environment,
    allowances: &mut Allowances<'_>,
    report: &mut Report,
) -> Vec<Credential> {
    let rows = Reader::section(members, "", report).items(LIST);
    let mut credentials = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let path = format!("{LIST}[{index}]");
        let mut row = row.clone();
        let missing = reference::missing_variables(&mut row, &path, environment, COST, report);
        let Some(members) = row.members() else {
            report.error(&row.location, path, format!("must be a mapping, not {}", row.kind()));
            continue;
        };
        let mut reader = Reader::part(members, &path, report);
        let values = reader.members(VALUES).to_vec();
        let name = reader.text("credential_name");
        review::review(Section::LitellmParams, &values, &join(&path, VALUES), allowances, report);
        match name {
            Some(name) => credentials.push(Credential { name, values, missing }),
            None => report.error(&row.location, path, "has no credential_name"),
        }
    }
    credentials
}
