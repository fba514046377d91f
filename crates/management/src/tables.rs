//! The fields of every endpoint, as data.
//!
//! WHEN ADDING A FIELD: add its row here, and its line to `docs/keys-and-budgets.md`.

use crate::fields::{Field, Place, Table, asked, column, kept};
use crate::shapes::Shape;

/// Limits and budgets, which keys, users, teams, budgets and customers have alike.
static LIMITS: &[Field] = &[
    kept("max_budget", Shape::Money),
    kept("soft_budget", Shape::Money),
    kept("budget_duration", Shape::Window),
    kept("model_max_budget", Shape::BudgetByModel),
    kept("max_parallel_requests", Shape::Count),
    kept("rpm_limit", Shape::Count),
    kept("tpm_limit", Shape::Count),
];

/// What clients of LiteLLM send along.
static SENT_ALONG: &[Field] = &[asked("spend", Shape::Zero)];

/// What else restricts keys, users and teams.
static RESTRICTIONS: &[Field] = &[
    kept("models", Shape::Texts),
    kept("metadata", Shape::Object),
    kept("budget_limits", Shape::Budgets),
    kept("model_rpm_limit", Shape::CountByName),
    kept("model_tpm_limit", Shape::CountByName),
    kept("model_max_parallel_requests", Shape::CountByName),
];

/// What a key has.
static KEY: &[Field] = &[
    kept("blocked", Shape::Flag),
    kept("tags", Shape::Texts),
    column("key_alias", Shape::Text, Place::Alias),
    column("user_id", Shape::Id, Place::User),
    column("team_id", Shape::Id, Place::Team),
    kept("aliases", Shape::TextByName),
    kept("allowed_routes", Shape::Texts),
    kept("key_type", Shape::OneOf(&["default", "llm_api", "management", "read_only"])),
    kept("permissions", Shape::Object),
    kept("budget_id", Shape::Id),
    kept("temp_budget_increase", Shape::Money),
    kept("temp_budget_expiry", Shape::Time),
    kept("expires", Shape::Time),
    asked("key", Shape::Text),
    asked("duration", Shape::Lifetime),
];

/// LiteLLM's fields that have no effect here. Those that some objects have are looked up among their fields first.
static NO_EFFECT: &[&str] = &[
    "access_group_ids",
    "agent_id",
    "allowed_cache_controls",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "auto_rotate",
    "blocked",
    "budget_fallbacks",
    "config",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "end_user_budget_id",
    "enforced_batch_output_expires_after",
    "enforced_file_expires_after",
    "enforced_params",
    "guardrails",
    "mcp_rpm_limit",
    "model_aliases",
    "object_permission",
    "organization_id",
    "organizations",
    "password",
    "policies",
    "project_id",
    "prompts",
    "rotation_interval",
    "router_settings",
    "rpm_limit_type",
    "secret_manager_settings",
    "send_invite_email",
    "sso_user_id",
    "tag_rpm_limit",
    "tags",
    "throttle_on_budget_exceeded",
    "tpd_limit",
    "tpm_limit_type",
];

/// Fields that LiteLLM keeps in the metadata, and reads there: they are taken out of it, so that each stands in one place
/// and none is a restriction that nobody keeps.
pub(crate) static IN_METADATA: &[&str] = &[
    "allowed_passthrough_routes",
    "enforced_params",
    "guardrails",
    "mcp_rpm_limit",
    "model_max_parallel_requests",
    "model_rpm_limit",
    "model_tpm_limit",
    "policies",
    "prompts",
    "rpm_limit_type",
    "tag_rpm_limit",
    "tags",
    "temp_budget_expiry",
    "temp_budget_increase",
    "tpm_limit_type",
];

/// `/key/generate` and `/key/update`.
pub(crate) static KEYS: Table =
    Table { fields: &[KEY, RESTRICTIONS, LIMITS, SENT_ALONG], refused: NO_EFFECT };

/// `/key/{key}/regenerate`.
pub(crate) static REGENERATED_KEYS: Table = Table {
    fields: &[
        KEY,
        RESTRICTIONS,
        LIMITS,
        SENT_ALONG,
        &[asked("new_key", Shape::Text), asked("grace_period", Shape::Text)],
    ],
    refused: NO_EFFECT,
};

/// What names one key, or several.
pub(crate) static NAMED_KEYS: Table = Table {
    fields: &[&[asked("key", Shape::Text), asked("keys", Shape::Texts), asked("key_aliases", Shape::Texts)]],
    refused: &[],
};

/// `/key/bulk_update`.
pub(crate) static KEYS_IN_BULK: Table = Table { fields: &[&[asked("keys", Shape::Any)]], refused: &[] };

/// `/key/{key}/reset_spend`.
pub(crate) static RESET_SPEND: Table = Table { fields: &[&[asked("reset_to", Shape::Money)]], refused: &[] };

/// `/global/spend/end_users`.
pub(crate) static SPEND_OF_CUSTOMERS: Table = Table {
    fields: &[&[
        asked("startTime", Shape::Text),
        asked("endTime", Shape::Text),
        asked("api_key", Shape::Text),
    ]],
    refused: &[],
};

/// What a user has.
static USER: &[Field] = &[
    column("user_email", Shape::Text, Place::Alias),
    kept("user_alias", Shape::Text),
    kept("user_role", Shape::OneOf(USER_ROLES)),
    asked("user_id", Shape::Id),
];

const USER_ROLES: &[&str] = &["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"];

/// `/user/new`, which may make a key too.
pub(crate) static NEW_USERS: Table = Table {
    fields: &[
        USER,
        RESTRICTIONS,
        LIMITS,
        SENT_ALONG,
        &[
            asked("teams", Shape::Any),
            asked("team_id", Shape::Id),
            asked("auto_create_key", Shape::Flag),
            asked("key_alias", Shape::Text),
            asked("duration", Shape::Lifetime),
        ],
    ],
    refused: NO_EFFECT,
};

/// The teams that a new user is to be in.
pub(crate) static TEAMS_OF_USERS: Table = Table {
    fields: &[&[
        asked("team_id", Shape::Id),
        asked("max_budget_in_team", Shape::Money),
        asked("user_role", Shape::OneOf(&["admin", "user"])),
    ]],
    refused: &[],
};

/// `/user/update`, and what replies show.
pub(crate) static USERS: Table =
    Table { fields: &[USER, RESTRICTIONS, LIMITS, SENT_ALONG], refused: NO_EFFECT };

/// `/user/delete`.
pub(crate) static NAMED_USERS: Table = Table { fields: &[&[asked("user_ids", Shape::Texts)]], refused: &[] };

/// `/team/new` and `/team/update`.
pub(crate) static TEAMS: Table = Table {
    fields: &[
        &[
            asked("team_id", Shape::Id),
            column("team_alias", Shape::Text, Place::Alias),
            kept("members_with_roles", Shape::Any),
            kept("blocked", Shape::Flag),
            kept("team_member_budget", Shape::Money),
            kept("team_member_budget_duration", Shape::Window),
            kept("team_member_rpm_limit", Shape::Count),
            kept("team_member_tpm_limit", Shape::Count),
            kept("team_member_key_duration", Shape::Lifetime),
            kept("team_member_permissions", Shape::Texts),
            kept("default_team_member_models", Shape::Texts),
        ],
        RESTRICTIONS,
        LIMITS,
    ],
    refused: NO_EFFECT,
};

/// What names one team, or several.
pub(crate) static NAMED_TEAMS: Table =
    Table { fields: &[&[asked("team_id", Shape::Id), asked("team_ids", Shape::Texts)]], refused: &[] };

/// `/team/model/add` and `/team/model/delete`.
pub(crate) static TEAM_MODELS: Table =
    Table { fields: &[&[asked("team_id", Shape::Id), asked("models", Shape::Texts)]], refused: &[] };

/// What a member has within a team.
static MEMBER: &[Field] = &[
    asked("team_id", Shape::Id),
    kept("max_budget_in_team", Shape::Money),
    kept("budget_duration", Shape::Window),
    kept("rpm_limit", Shape::Count),
    kept("tpm_limit", Shape::Count),
    kept("max_parallel_requests", Shape::Count),
    kept("allowed_models", Shape::Texts),
];

/// Who is to be a member.
pub(crate) static ENTRIES: Table = Table {
    fields: &[&[
        asked("user_id", Shape::Id),
        asked("user_email", Shape::Text),
        asked("role", Shape::OneOf(&["admin", "user"])),
    ]],
    refused: &[],
};

/// `/team/member_add`.
pub(crate) static NEW_MEMBERS: Table =
    Table { fields: &[MEMBER, &[asked("member", Shape::Any)]], refused: NO_EFFECT };

/// `/team/member_update` and `/team/member_delete`.
pub(crate) static MEMBERS: Table = Table {
    fields: &[
        MEMBER,
        &[
            asked("user_id", Shape::Id),
            asked("user_email", Shape::Text),
            kept("role", Shape::OneOf(&["admin", "user"])),
        ],
    ],
    refused: NO_EFFECT,
};

/// `/budget/new` and `/budget/update`, and what replies show.
pub(crate) static BUDGETS: Table = Table {
    fields: &[&[asked("budget_id", Shape::Id)], LIMITS],
    refused: &[
        "allowed_models",
        "budget_reset_at",
        "temp_budget_expiry",
        "temp_budget_increase",
        "tpd_limit",
    ],
};

/// What names one budget, or several.
pub(crate) static NAMED_BUDGETS: Table =
    Table { fields: &[&[asked("id", Shape::Id), asked("budgets", Shape::Texts)]], refused: &[] };

/// `/customer/new` and `/customer/update`, and what replies show.
pub(crate) static CUSTOMERS: Table = Table {
    fields: &[
        &[
            asked("user_id", Shape::Id),
            column("alias", Shape::Text, Place::Alias),
            kept("blocked", Shape::Flag),
            kept("budget_id", Shape::Id),
        ],
        LIMITS,
        SENT_ALONG,
    ],
    refused: &[
        "allowed_model_region",
        "budget_reset_at",
        "default_model",
        "models",
        "object_permission",
        "tpd_limit",
    ],
};

/// `/tag/new` and `/tag/update`, and what replies show.
pub(crate) static TAGS: Table = Table {
    fields: &[
        &[asked("name", Shape::Id), kept("description", Shape::Text), kept("budget_id", Shape::Id)],
        LIMITS,
    ],
    refused: &["model_info", "models", "tpd_limit"],
};

/// What names one tag, or several.
pub(crate) static NAMED_TAGS: Table =
    Table { fields: &[&[asked("name", Shape::Id), asked("names", Shape::Texts)]], refused: &[] };

/// `/model/new` and `/model/update`.
pub(crate) static MODELS: Table = Table {
    fields: &[&[
        asked("model_name", Shape::Text),
        asked("litellm_params", Shape::Object),
        asked("model_info", Shape::Object),
    ]],
    refused: &[],
};

/// What names one model.
pub(crate) static NAMED_MODELS: Table = Table { fields: &[&[asked("id", Shape::Id)]], refused: &[] };

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_page_lists_every_field() {
        let objects = [
            ("keys", &KEYS),
            ("users", &USERS),
            ("teams", &TEAMS),
            ("members", &MEMBERS),
            ("customers", &CUSTOMERS),
            ("budgets", &BUDGETS),
            ("tags", &TAGS),
        ];
        let mut expected: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (objects, table) in objects {
            for field in table.fields().filter(|field| field.place != Place::Asked) {
                expected.entry(field.name).or_default().push(objects);
            }
        }
        let page = include_str!("../../../docs/keys-and-budgets.md");
        let rows = page.split("<!-- fields: begin -->").nth(1).expect("a table");
        let rows = rows.split("<!-- fields: end -->").next().expect("its end").trim().lines().skip(2);
        let listed: BTreeMap<&str, Vec<&str>> = rows
            .map(|row| {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                (cells[1].trim_matches('`'), cells[2].split(", ").collect())
            })
            .collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn no_field_is_there_twice() {
        for table in [&KEYS, &NEW_USERS, &USERS, &TEAMS, &NEW_MEMBERS, &MEMBERS, &CUSTOMERS, &BUDGETS, &TAGS]
        {
            let mut names: Vec<&str> = table.fields().map(|field| field.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{names:?}");
        }
    }
}
