//! What is known of LiteLLM's other tables when a row is looked at: what it refers to, and what that restricts.

use std::collections::{BTreeMap, HashMap, HashSet};

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use trunkline_store::{Kind, LitellmRow, Object};

use crate::fields::is_empty;
use crate::import::missing::Missing;
use crate::import::row::{self, Row};
use crate::import::rules::{self, Rules};
use crate::import::spending::Window;
use crate::import::taken;

/// A budget that others refer to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget {
    /// Its limits, as they are kept here.
    pub(crate) settings: Map<String, Value>,
    /// What a member of a team who has it may call.
    pub(crate) models: Option<Value>,
    /// When its window ends at LiteLLM.
    pub(crate) ends_at: Option<i64>,
    /// What of it restricts, and is left out.
    pub(crate) missing: Vec<Missing>,
}

impl Budget {
    /// Its window, if it has one.
    pub(crate) fn window(&self, spent: Decimal) -> Option<Window> {
        let duration = self.settings.get("budget_duration")?.as_str()?.to_owned();
        Some(Window { duration, ends_at: self.ends_at, spent })
    }
}

/// A team, as far as its members and keys must know it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Team {
    /// The budget of members who have none of their own.
    pub(crate) default_budget: Option<String>,
    /// Who is in it, each with a role, until it is known what they have there.
    pub(crate) members: BTreeMap<String, &'static str>,
}

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) budgets: HashMap<String, Budget>,
    pub(crate) teams: BTreeMap<String, Team>,
    /// Users whose keys must be held back, and why.
    pub(crate) users: HashMap<String, Vec<Missing>>,
    /// Members, by id, whose keys of the team must be.
    pub(crate) members: HashMap<String, Vec<Missing>>,
    /// Users whom an identity provider has switched off.
    pub(crate) deactivated: HashSet<String>,
    /// Whether it stands in a table what was spent in each of several windows.
    pub(crate) has_window_spend: bool,
    window_spend: HashMap<[String; 3], Decimal>,
    permissions: HashMap<String, Vec<Missing>>,
    organizations: HashMap<String, Vec<Missing>>,
    projects: HashMap<String, Vec<Missing>>,
}

impl Known {
    pub(crate) fn learn_permission(&mut self, row: LitellmRow) {
        let id = row.get("object_permission_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let missing = left_out(Row::new(row), &rules::OBJECT_PERMISSIONS);
        self.permissions.insert(id, missing);
    }

    pub(crate) fn learn_organization(&mut self, row: LitellmRow) {
        let (id, missing) = self.owner(row, "organization_id", &rules::ORGANIZATIONS);
        self.organizations.insert(id, missing);
    }

    pub(crate) fn learn_project(&mut self, row: LitellmRow) {
        let (id, missing) = self.owner(row, "project_id", &rules::PROJECTS);
        self.projects.insert(id, missing);
    }

    pub(crate) fn learn_window_spend(&mut self, row: LitellmRow) {
        let row = Row::new(row);
        let text = |name: &str| row.text(name).unwrap_or_default().to_owned();
        let place = [text("entity_type"), text("entity_id"), text("window_duration")];
        self.window_spend.insert(place, row.money("spend"));
    }

    /// What an organization or a project restricts, its budget included.
    fn owner(&self, row: LitellmRow, id: &str, rules: &Rules) -> (String, Vec<Missing>) {
        let row = Row::new(row);
        let budget = self.budget(&row);
        let limits = budget.into_iter().flat_map(|budget| budget.settings.keys());
        let limits = limits.filter(|name| !matches!(name.as_str(), "budget_duration" | "soft_budget"));
        let mut missing: Vec<Missing> = limits.map(Missing::restriction).collect();
        missing.extend(budget.into_iter().flat_map(|budget| budget.missing.iter().cloned()));
        missing.extend(self.permission(&row));
        let id = row.text(id).unwrap_or_default().to_owned();
        missing.extend(left_out(row, rules));
        missing.retain(|missing| missing.restricts);
        (id, missing)
    }

    /// What an object has by its organization, its project, and its permissions.
    pub(crate) fn belongings(&self, row: &Row) -> Vec<Missing> {
        let mut missing = self.permission(row);
        let owners = [
            ("organization_id", "organization", &self.organizations),
            ("project_id", "project", &self.projects),
        ];
        for (column, what, known) in owners {
            let Some(id) = row.text(column) else { continue };
            match known.get(id).map(Vec::as_slice) {
                Some([]) => missing.push(Missing::harmless(column)),
                Some(restrictions) => missing.extend(parts(what, restrictions)),
                None => missing.push(Missing::restriction(what)),
            }
        }
        missing
    }

    fn permission(&self, row: &Row) -> Vec<Missing> {
        let known = row.text("object_permission_id").and_then(|id| self.permissions.get(id));
        parts("object_permission", known.map(Vec::as_slice).unwrap_or_default()).collect()
    }

    /// The windows of `budget_limits`.
    pub(crate) fn windows_of_limits(&self, row: &Row, kind: &str, id: &str) -> Vec<Window> {
        let limits = row.value("budget_limits").and_then(Value::as_array).into_iter().flatten();
        let window = |limit: &Value| {
            let duration = limit.get("budget_duration")?.as_str()?.to_owned();
            let place = [kind.to_owned(), id.to_owned(), duration.clone()];
            let spent = self.window_spend.get(&place).copied().unwrap_or_default();
            let ends_at = limit.get("reset_at").and_then(Value::as_str).and_then(row::time);
            Some(Window { duration, ends_at, spent })
        };
        limits.filter_map(window).collect()
    }

    /// The budget that a row refers to.
    pub(crate) fn budget(&self, row: &Row) -> Option<&Budget> {
        row.text("budget_id").and_then(|id| self.budgets.get(id))
    }

    /// Whether what was spent in each of a row's several windows stands nowhere.
    pub(crate) fn is_window_spend_lost(&self, row: &Row) -> bool {
        !self.has_window_spend && row.value("budget_limits").is_some_and(|limits| !is_empty(limits))
    }

    /// What the budget that an object refers to restricts without being kept here.
    pub(crate) fn of_budget(&self, row: &Row) -> Vec<Missing> {
        let Some(id) = row.text("budget_id") else { return Vec::new() };
        match self.budgets.get(id) {
            Some(budget) => budget.missing.iter().map(|missing| missing.of("budget", id)).collect(),
            None => vec![Missing::restriction("budget_id")],
        }
    }
}

/// What is left out of a row that is not taken over.
fn left_out(row: Row, rules: &Rules) -> Vec<Missing> {
    let mut nothing = Object::new(Kind::Model, "", 0);
    taken::take(row, rules, &mut nothing)
}

/// Restrictions as parts of what they belong to.
fn parts<'m>(of: &'m str, missing: &'m [Missing]) -> impl Iterator<Item = Missing> + 'm {
    missing.iter().map(move |part| Missing { name: format!("{of}.{}", part.name), ..part.clone() })
}
