//! What the file says of keys, budgets and the ledger: where they are kept, and what holds for all of them.

use std::time::Duration;

use rust_decimal::Decimal;
use trunkline_core::{Environment, Secret};

use crate::Members;
use crate::node::Member;
use crate::reader::Reader;

/// The variable that names a database, where the file names none.
const DATABASE_VARIABLE: &str = "DATABASE_URL";

/// The variable that lets deployments be kept in the store, where the file does not say.
const MODELS_VARIABLE: &str = "STORE_MODEL_IN_DB";

/// How many connections to a database there are at most, where nothing is said: LiteLLM's figure.
const CONNECTIONS: u64 = 10;

/// Keys, budgets and the ledger, as LiteLLM's sections set them.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// `general_settings.database_url`, else `DATABASE_URL`. Without one SQLite is used.
    pub database_url: Option<Secret>,
    /// `general_settings.database_connection_pool_limit`. Default 10.
    pub database_connections_max: u64,
    /// `general_settings.store_model_in_db`, else `STORE_MODEL_IN_DB`: deployments may be added while the server runs, and
    /// are kept in the store. Default false.
    pub models_in_store: bool,
    /// `general_settings.apply_user_budget_to_team_keys`: a user's budget holds for keys of teams too. Default false.
    pub user_budget_holds_for_teams: bool,
    /// `general_settings.maximum_spend_logs_retention_period`: how long rows of the ledger are kept. Default: for ever.
    pub retention: Option<Duration>,
    /// `general_settings.use_spend_logs_partitioning`: in PostgreSQL rows of the ledger stand in a partition for each day,
    /// and old days go whole. Default false.
    pub rows_in_partitions: bool,
    /// `litellm_settings.max_budget`: what all calls together may cost, in US dollars. 0 is no budget, as in LiteLLM.
    pub max_budget: Option<Decimal>,
    /// `litellm_settings.budget_duration`: after which time that budget begins anew.
    pub budget_duration: Option<String>,
    /// `litellm_settings.budget_exceeded_status_code`. Default 422.
    pub budget_exceeded_status: Option<u16>,
    /// `litellm_settings.default_key_generate_params`: what new keys get where nothing is said.
    pub default_key_parameters: Members,
    /// `litellm_settings.upperbound_key_generate_params`: the most that new keys get.
    pub key_parameters_max: Members,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            database_url: None,
            database_connections_max: CONNECTIONS,
            models_in_store: false,
            user_budget_holds_for_teams: false,
            retention: None,
            rows_in_partitions: false,
            max_budget: None,
            budget_duration: None,
            budget_exceeded_status: None,
            default_key_parameters: Members::default(),
            key_parameters_max: Members::default(),
        }
    }
}

/// Reads what stands in `litellm_settings`.
pub(crate) fn read_litellm(reader: &mut Reader<'_, '_>, settings: &mut AccountSettings) {
    settings.max_budget = reader.decimal("max_budget").filter(|budget| !budget.is_zero());
    settings.budget_duration = reader.text("budget_duration");
    settings.budget_exceeded_status = budget_exceeded_status(reader);
    settings.default_key_parameters = as_written(reader.members("default_key_generate_params"));
    settings.key_parameters_max = as_written(reader.members("upperbound_key_generate_params"));
}

/// Reads what stands in `general_settings`, and the variable beside it.
pub(crate) fn read_general(
    reader: &mut Reader<'_, '_>,
    environment: &Environment,
    settings: &mut AccountSettings,
) {
    let url = reader.text("database_url").map(Secret::from);
    settings.database_url =
        url.or_else(|| environment.secret(DATABASE_VARIABLE)).filter(|url| !url.is_empty());
    settings.database_connections_max =
        reader.integer("database_connection_pool_limit").filter(|limit| *limit > 0).unwrap_or(CONNECTIONS);
    let by_variable = || {
        let text = environment.get(MODELS_VARIABLE).map(str::trim);
        text.is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1")
    };
    settings.models_in_store = reader.boolean("store_model_in_db").unwrap_or_else(by_variable);
    settings.retention = retention(reader);
    settings.rows_in_partitions = rows_in_partitions(reader, settings.database_url.is_some());
    settings.user_budget_holds_for_teams = reader.boolean("apply_user_budget_to_team_keys").unwrap_or(false);
}

fn rows_in_partitions(reader: &mut Reader<'_, '_>, has_database: bool) -> bool {
    const KEY: &str = "use_spend_logs_partitioning";
    let wanted = reader.boolean(KEY).unwrap_or(false);
    if wanted
        && !has_database
        && let Some(location) = reader.node(KEY).map(|node| node.location.clone())
    {
        reader.warn(KEY, &location, "does nothing without `database_url`: SQLite has no partitions");
    }
    wanted
}

/// A time as LiteLLM spells it: `30d`, `12h`, `90m`, `45s`, `2w`.
fn retention(reader: &mut Reader<'_, '_>) -> Option<Duration> {
    const KEY: &str = "maximum_spend_logs_retention_period";
    let text = reader.text(KEY)?;
    let period = period(text.trim());
    if period.is_none() {
        let location = reader.node(KEY)?.location.clone();
        reader.refuse(KEY, &location, "must be a number and a unit: s, m, h, d or w");
    }
    period
}

fn period(text: &str) -> Option<Duration> {
    let (figure, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let figure: u64 = figure.parse().ok().filter(|figure| *figure > 0)?;
    Some(Duration::from_secs(figure.checked_mul(seconds)?))
}

fn as_written(members: &[Member]) -> Members {
    members.iter().map(|member| (member.key.clone(), member.node.to_json())).collect()
}

/// A status that says that something was refused. Any other would be taken for an answer.
fn budget_exceeded_status(reader: &mut Reader<'_, '_>) -> Option<u16> {
    const KEY: &str = "budget_exceeded_status_code";
    let status = reader.integer(KEY)?;
    let refusal = u16::try_from(status).ok().filter(|status| (400..600).contains(status));
    if refusal.is_none() {
        let location = reader.node(KEY)?.location.clone();
        reader.refuse(KEY, &location, "must be a status from 400 to 599");
    }
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        let seconds = |text| period(text).map(|period| period.as_secs());
        assert_eq!(seconds("45s"), Some(45));
        assert_eq!(seconds("90m"), Some(5_400));
        assert_eq!(seconds("12h"), Some(43_200));
        assert_eq!(seconds("30d"), Some(2_592_000));
        assert_eq!(seconds("2w"), Some(1_209_600));
        for text in ["", "d", "0d", "-1d", "30", "1.5d", "30 d", "1é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
