//! Virtual keys.

use serde_json::Value;
use trunkline_keys::{Pepper, Token};
use trunkline_store::{Kind, LitellmRow, Object, member_id};

use crate::import::known::Known;
use crate::import::mapped::{Mapped, Outcome};
use crate::import::missing::Missing;
use crate::import::row::Row;
use crate::import::spending::{Spending, Window};
use crate::import::{rules, taken};

/// The team that the sessions of LiteLLM's own pages are of.
const PAGES: &str = "litellm-dashboard";

/// What keys are kept with.
pub(crate) struct Keeping<'p> {
    pub(crate) pepper: &'p Pepper,
    /// The master key, which is no virtual one.
    pub(crate) master: Option<Token>,
}

/// A row of `LiteLLM_VerificationToken`.
pub(crate) fn map(row: LitellmRow, known: &Known, keeping: &Keeping<'_>, now: i64) -> Outcome {
    let row = Row::new(row);
    let key_name = key_name(&row);
    let Some(token) = row.text("token").and_then(Token::parse) else {
        return Outcome::skipped(
            key_name,
            "what is kept of it is no hash of a key, and LiteLLM does not find it either",
        );
    };
    let name = shown(&row, &key_name, token);
    if keeping.master == Some(token) {
        return Outcome::skipped(name, "it is the master key");
    }
    if row.text("team_id") == Some(PAGES) {
        return Outcome::skipped(name, "it is a session of LiteLLM's own pages");
    }
    let mut missing: Vec<Missing> = known.belongings(&row);
    missing.extend(known.of_budget(&row));
    missing.extend(of_owners(&row, known));
    let spending = spending(&row, known, &token.to_string(), now);
    let index = keeping.pepper.index(&token);
    let mut object = taken::object(Kind::Key, index.as_str(), &row, now);
    let is_window_spend_lost = known.is_window_spend_lost(&row);
    let is_off = row.text("user_id").is_some_and(|user_id| known.deactivated.contains(user_id));
    missing.extend(taken::take(row, &rules::KEYS, &mut object));
    if object.settings.contains_key("allowed_routes") {
        // There it was no more than a word for them when the key was made; here both would be allowed.
        object.settings.remove("key_type");
    }
    object.settings.insert("key_name".to_owned(), Value::from(key_name));
    object.settings.insert("token_sealed".to_owned(), Value::from(keeping.pepper.seal(&token)));
    if is_off {
        object.settings.insert("blocked".to_owned(), Value::Bool(true));
    }
    let mut mapped = Mapped { name, spending, ..Mapped::of(object, missing) };
    if is_window_spend_lost {
        mapped.begins_anew.push("budget_limits");
    }
    Outcome::mapped(mapped)
}

/// `sk-...abcd`. What does not look like it might be a key, and is not shown.
fn key_name(row: &Row) -> String {
    let kept = row
        .text("key_name")
        .filter(|name| name.strip_prefix("sk-...").is_some_and(|last| last.chars().count() <= 4));
    kept.unwrap_or("sk-...").to_owned()
}

/// What people know a key by that is kept here.
pub(crate) fn name(key: &Object) -> String {
    let key_name = key.settings.get("key_name").and_then(Value::as_str).unwrap_or("sk-...");
    key.alias.as_ref().map_or_else(|| key_name.to_owned(), |alias| format!("{alias} ({key_name})"))
}

/// What people know a key by, and the first digits of its token, by which LiteLLM's pages show it.
fn shown(row: &Row, key_name: &str, token: Token) -> String {
    let digits: String = token.to_string().chars().take(8).collect();
    match row.text("key_alias") {
        Some(alias) => format!("{alias} ({key_name}, {digits})"),
        None => format!("{key_name} ({digits})"),
    }
}

/// What a key must not be used without since its user, its team, or its place in the team has it. A team is blocked itself.
fn of_owners(row: &Row, known: &Known) -> Vec<Missing> {
    let (user_id, team_id) = (row.text("user_id"), row.text("team_id"));
    let mut missing = Vec::new();
    let mut add = |kind: &str, id: &str, of: Option<&Vec<Missing>>| {
        missing.extend(of.into_iter().flatten().map(|one| Missing {
            of: one.of.clone().or_else(|| Some(format!("{kind} {id}"))),
            ..one.clone()
        }));
    };
    if let Some(user_id) = user_id {
        add("user", user_id, known.users.get(user_id));
    }
    if let (Some(team_id), Some(user_id)) = (team_id, user_id) {
        add("member", user_id, known.members.get(&member_id(team_id, user_id)));
    }
    // A team that there is not bounds nothing.
    if team_id.is_some_and(|team_id| !known.teams.contains_key(team_id)) {
        missing.push(Missing::restriction("team_id"));
    }
    missing
}

/// What a key spends begins anew with its own window, or else with that of the budget that it refers to; and in each window
/// of `budget_limits`.
fn spending(row: &Row, known: &Known, token: &str, now: i64) -> Spending {
    let spent = row.money("spend");
    let own = Window::of(row, spent);
    let budget = known.budget(row);
    let of_budget = budget.and_then(|budget| budget.window(spent));
    let windows: Vec<Window> = own.into_iter().chain(of_budget).collect();
    let spending = Spending::of(spent, row.spent_in_all(), &windows, now);
    // A budget of its own goes on without a window here, whatever the window of the other is.
    let is_without_window = row.value("max_budget").is_some() && row.text("budget_duration").is_none();
    let spending = if is_without_window { spending.for_ever(spent) } else { spending };
    spending.with(&known.windows_of_limits(row, "key", token), now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trunkline_core::Secret;

    use super::*;
    use crate::import::known::Budget;

    /// The 27th of November 2026, ten o'clock.
    const NOW: i64 = 1_795_773_600_000;
    const DECEMBER: &str = "2026-12-01T00:00:00";

    fn row(more: &Value) -> LitellmRow {
        let mut row =
            json!({ "token": Token::of("sk-a-key-of-litellm").to_string(), "key_name": "sk-...tellm" });
        let members = row.as_object_mut().expect("an object");
        members.insert("key_name".to_owned(), json!("sk-...ellm"));
        members.extend(more.as_object().expect("an object").clone());
        members.clone()
    }

    fn map_with(known: &Known, more: &Value) -> Outcome {
        let pepper = Pepper::new(&Secret::new("one"));
        let keeping = Keeping { pepper: &pepper, master: Some(Token::of("sk-master")) };
        map(row(more), known, &keeping, NOW)
    }

    fn mapped(known: &Known, more: &Value) -> Mapped {
        map_with(known, more).expect_mapped()
    }

    fn budget(settings: &Value) -> Budget {
        let settings = settings.as_object().expect("an object").clone();
        Budget { settings, ends_at: crate::import::row::time(DECEMBER), ..Budget::default() }
    }

    /// What a key must not be used without.
    fn restrictions(known: &Known, more: &Value) -> Vec<String> {
        mapped(known, more).restrictions(&[]).map(Missing::to_string).collect()
    }

    #[test]
    fn a_key_is_found_by_the_hash_that_litellm_has_of_it() {
        let pepper = Pepper::new(&Secret::new("one"));
        let token = Token::of("sk-a-key-of-litellm");
        let key = mapped(
            &Known::default(),
            &json!({ "key_alias": "ci", "created_by": "ann", "created_at": DECEMBER }),
        );
        assert_eq!(key.object.id, pepper.index(&token).as_str());
        let sealed = key.object.settings["token_sealed"].as_str().expect("a text");
        assert_eq!(pepper.open(sealed), Some(token));
        assert_eq!(key.object.alias.as_deref(), Some("ci"));
        assert_eq!(
            (key.object.created_by.as_deref(), key.object.created_at),
            (Some("ann"), 1_796_083_200_000)
        );
        assert_eq!(key.name, format!("ci (sk-...ellm, {})", &token.to_string()[..8]));
        assert!(!key.name.contains(&token.to_string()[..9]));
    }

    #[test]
    fn every_field_comes_along() {
        let mut known = Known::default();
        known.teams.insert("red".to_owned(), crate::import::known::Team::default());
        known.budgets.insert("b".to_owned(), Budget::default());
        let key = mapped(
            &known,
            &json!({
                "user_id": "ann", "team_id": "red", "budget_id": "b", "blocked": true, "models": ["gpt-4o", "openai/*"],
                "aliases": { "fast": "gpt-4o" }, "allowed_routes": ["llm_api_routes"], "key_type": "llm_api",
                "permissions": { "allow_pii_controls": true }, "max_budget": 1.5, "budget_duration": "30d",
                "max_parallel_requests": 3, "rpm_limit": 4, "tpm_limit": 9_007_199_254_740_993_i64,
                "expires": "2027-01-01T00:00:00", "budget_limits": "[{\"budget_duration\": \"1d\", \"max_budget\": 5.0, \"reset_at\": \"2026-11-28T00:00:00+00:00\"}]",
                "model_max_budget": { "gpt-4o": { "budget_limit": 2, "time_period": "1d", "rpm_limit": 7, "tpm_limit": null }, "none": { "max_budget": null, "max_parallel_requests": 8 } },
                "metadata": {
                    "model_rpm_limit": { "gpt-4o": 5 }, "model_tpm_limit": { "gpt-4o": 6 }, "tags": ["t"], "team": "x",
                    "temp_budget_increase": 1, "temp_budget_expiry": "2026-12-01T00:00:00+00:00",
                },
            }),
        );
        let mut settings = key.object.settings.clone();
        settings.remove("token_sealed");
        let expected = json!({
            "aliases": { "fast": "gpt-4o" }, "allowed_routes": ["llm_api_routes"], "blocked": true, "budget_duration": "30d",
            "budget_id": "b", "budget_limits": [{ "budget_duration": "1d", "max_budget": 5.0 }],
            "expires": "2027-01-01T00:00:00Z", "key_name": "sk-...ellm", "max_budget": 1.5,
            "max_parallel_requests": 3, "metadata": { "team": "x" }, "model_max_parallel_requests": { "none": 8 },
            "model_max_budget": { "gpt-4o": { "budget_limit": 2, "time_period": "1d" } },
            "model_rpm_limit": { "gpt-4o": 5 }, "model_tpm_limit": { "gpt-4o": 6 }, "models": ["gpt-4o", "openai/*"],
            "permissions": { "allow_pii_controls": true }, "rpm_limit": 4, "tags": ["t"],
            "temp_budget_expiry": "2026-12-01T00:00:00Z", "temp_budget_increase": 1, "tpm_limit": 9_007_199_254_740_993_i64,
        });
        assert_eq!(Value::Object(settings), expected);
        assert_eq!(
            (key.object.user_id.as_deref(), key.object.team_id.as_deref()),
            (Some("ann"), Some("red"))
        );
        assert_eq!(key.missing, []);
        let beside = mapped(
            &known,
            &json!({ "model_max_budget": { "gpt-4o": { "budget_limit": 2, "rpm_limit": 7 } } }),
        );
        assert_eq!(beside.object.settings["model_rpm_limit"], json!({ "gpt-4o": 7 }));
        assert_eq!(key.begins_anew, ["model_max_budget", "budget_limits"]);
    }

    #[test]
    fn columns_that_hold_nothing_are_nothing() {
        let key = mapped(
            &Known::default(),
            &json!({
                "aliases": {}, "config": {}, "router_settings": {}, "permissions": {}, "metadata": {}, "models": [],
                "blocked": null, "policies": [], "access_group_ids": [], "budget_fallbacks": {}, "agent_id": null,
                "auto_rotate": false, "rotation_count": 0, "spend": 0, "soft_budget_cooldown": false, "model_spend": {},
                "max_budget": "Infinity", "updated_at": DECEMBER, "last_active": DECEMBER, "budget_limits": null,
            }),
        );
        let settings: Vec<&str> = key.object.settings.keys().map(String::as_str).collect();
        assert_eq!(settings, ["key_name", "token_sealed"]);
        assert_eq!((key.missing, key.begins_anew.len()), (Vec::new(), 0));
    }

    #[test]
    fn what_would_let_a_key_do_more_holds_it_back() {
        let known = Known::default();
        let check = |more: Value, expected: &[&str]| {
            let mut key = mapped(&known, &more);
            assert_eq!(restrictions(&known, &more), expected, "{more}");
            key.hold_back(&[]);
            assert_eq!(key.object.settings.contains_key("blocked"), !expected.is_empty(), "{more}");
        };
        check(
            json!({ "metadata": { "guardrails": ["pii"], "enforced_params": ["user"] } }),
            &["enforced_params", "guardrails"],
        );
        check(json!({ "tpd_limit": 0 }), &["tpd_limit"]);
        check(json!({ "a_later_limit": 5 }), &["a_later_limit"]);
        check(json!({ "rpm_limit": -1 }), &["rpm_limit"]);
        check(json!({ "max_budget": "much" }), &["max_budget"]);
        check(json!({ "organization_id": "o" }), &["organization"]);
        check(json!({ "budget_id": "gone" }), &["budget_id"]);
        check(json!({ "team_id": "gone" }), &["team_id"]);
        check(
            json!({ "access_group_ids": ["a"], "router_settings": { "timeout": 5 }, "auto_rotate": true }),
            &[],
        );
        check(
            json!({ "metadata": { "logging": [{ "callback_name": "langfuse" }] }, "soft_budget": 5, "max_budget": 5 }),
            &[],
        );
    }

    #[test]
    fn what_is_allowed_holds_nothing_back() {
        let known = Known::default();
        let hold = |allowed: &[&str]| {
            let mut key = mapped(&known, &json!({ "policies": ["p"], "tpd_limit": 5 }));
            key.hold_back(&allowed.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            key.object.settings.contains_key("blocked")
        };
        assert!(hold(&["policies"]));
        assert!(!hold(&["policies", "tpd_limit"]));
    }

    #[test]
    fn what_its_owners_have_holds_a_key_back_too() {
        let mut known = Known::default();
        known.users.insert("ann".to_owned(), vec![Missing::restriction("policies")]);
        known.teams.insert("red".to_owned(), crate::import::known::Team::default());
        known
            .members
            .insert(member_id("red", "ben"), vec![Missing::restriction("tpd_limit").of("budget", "b")]);
        known.budgets.insert(
            "b".to_owned(),
            Budget { missing: vec![Missing::restriction("tpd_limit")], ..Budget::default() },
        );
        assert_eq!(restrictions(&known, &json!({ "user_id": "ann" })), ["policies of user ann"]);
        assert_eq!(
            restrictions(&known, &json!({ "user_id": "ben", "team_id": "red" })),
            ["tpd_limit of budget b"]
        );
        assert_eq!(restrictions(&known, &json!({ "budget_id": "b" })), ["tpd_limit of budget b"]);
        known.deactivated.insert("cid".to_owned());
        let off = mapped(&known, &json!({ "user_id": "cid" }));
        assert_eq!((&off.object.settings["blocked"], off.missing.len()), (&json!(true), 0));
    }

    #[test]
    fn organizations_projects_and_permissions_hold_back_if_they_restrict() {
        let mut known = Known::default();
        let learn = |row: Value| row.as_object().expect("an object").clone();
        known.budgets.insert("none".to_owned(), Budget::default());
        known
            .budgets
            .insert("some".to_owned(), budget(&json!({ "max_budget": 5, "budget_duration": "30d" })));
        let organization = |id: &str, budget: &str| {
            learn(
                json!({ "organization_id": id, "organization_alias": "O", "budget_id": budget, "models": [], "metadata": {}, "spend": 3 }),
            )
        };
        known.learn_organization(organization("open", "none"));
        known.learn_organization(organization("bound", "some"));
        known.learn_project(learn(
            json!({ "project_id": "p", "models": ["gpt-4o"], "blocked": false, "metadata": {} }),
        ));
        known.learn_permission(learn(
            json!({ "object_permission_id": "mcp", "mcp_servers": ["m"], "models": [] }),
        ));
        known.learn_permission(learn(json!({ "object_permission_id": "models", "models": ["gpt-4o"] })));
        assert_eq!(restrictions(&known, &json!({ "organization_id": "open" })), [""; 0]);
        assert_eq!(restrictions(&known, &json!({ "organization_id": "bound" })), ["organization.max_budget"]);
        assert_eq!(restrictions(&known, &json!({ "project_id": "p" })), ["project.models"]);
        assert_eq!(restrictions(&known, &json!({ "object_permission_id": "mcp" })), [""; 0]);
        let key = mapped(&known, &json!({ "object_permission_id": "models" }));
        assert_eq!(key.restrictions(&[]).count(), 1);
        assert_eq!(
            key.restrictions(&["object_permission".to_owned()]).count(),
            0,
            "the whole is allowed by its name"
        );
        assert_eq!(key.restrictions(&["object".to_owned()]).count(), 1);
    }

    #[test]
    fn what_is_no_virtual_key_is_skipped_and_not_shown() {
        let skipped = |more: &Value| match map_with(&Known::default(), more) {
            Outcome::Skipped { name, reason } => (name, reason),
            Outcome::Mapped(mapped) => panic!("taken over: {}", mapped.name),
        };
        let (name, _) =
            skipped(&json!({ "token": "sk-not-hashed-at-all", "key_name": "sk-not-hashed-at-all" }));
        assert_eq!(name, "sk-...");
        assert_eq!(
            skipped(&json!({ "team_id": "litellm-dashboard" })).1,
            "it is a session of LiteLLM's own pages"
        );
        assert_eq!(
            skipped(&json!({ "token": Token::of("sk-master").to_string() })).1,
            "it is the master key"
        );
    }

    #[test]
    fn what_was_spent_counts_in_each_window_that_is_asked_for() {
        let mut known = Known::default();
        known.has_window_spend = true;
        known.budgets.insert("b".to_owned(), budget(&json!({ "max_budget": 9, "budget_duration": "30d" })));
        let token = Token::of("sk-a-key-of-litellm").to_string();
        let spend =
            json!({ "entity_type": "key", "entity_id": token, "window_duration": "1h", "spend": 0.25 });
        known.learn_window_spend(spend.as_object().expect("an object").clone());
        let key = mapped(
            &known,
            &json!({
                "spend": 3.5, "budget_id": "b", "budget_duration": "7d", "budget_reset_at": "2026-11-30T00:00:00",
                "budget_limits": [{ "budget_duration": "1h", "max_budget": 1, "reset_at": "2026-11-27T11:00:00+00:00" }],
            }),
        );
        let windows: Vec<String> = key
            .spending
            .windows
            .iter()
            .map(|window| format!("{} {}", window.period, window.amount))
            .collect();
        assert_eq!(windows, ["7d 3.5", "30d 3.5", "1h 0.25"]);
        assert_eq!((key.spending.ever, key.spending.shifted, key.begins_anew.len()), (None, Vec::new(), 0));
        let ever = |more: Value| mapped(&known, &more).spending.ever.map(|ever| ever.to_string());
        assert_eq!(
            ever(json!({ "spend": 3.5, "total_spend": 9 })).as_deref(),
            Some("3.5"),
            "it was set back there"
        );
        let windowed = json!({ "spend": 3.5, "total_spend": 9, "budget_id": "b" });
        assert_eq!(ever(windowed).as_deref(), Some("9"));
        let own = json!({ "spend": 3.5, "total_spend": 9, "budget_id": "b", "max_budget": 5 });
        assert_eq!(ever(own).as_deref(), Some("3.5"), "its own budget has no window");
    }
}
