//! Which of LiteLLM's columns are what here, as data.
//!
//! A column that stands in no list, and holds something, is taken for a restriction: a later version of LiteLLM may have
//! made it one.

use crate::fields::Table;
use crate::tables;

/// How the columns of one table are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The fields that there are here.
    pub(crate) table: Option<&'static Table>,
    /// Columns that somebody reads by name, or that say nothing of what an object may.
    pub(crate) read_by_name: &'static [&'static str],
    /// Columns, and members of `metadata`, without which nobody may more than with them.
    pub(crate) harmless: &'static [&'static [&'static str]],
}

/// Columns of all tables that say when something was, or how it is kept.
pub(crate) const OF_ALL: &[&str] = &[
    "budget_reset_at",
    "created_at",
    "created_by",
    "key_rotation_at",
    "last_active",
    "last_refreshed_at",
    "last_rotation_at",
    "model_spend",
    "rotation_count",
    "settings_updated_at",
    "soft_budget_cooldown",
    "spend",
    "total_spend",
    "updated_at",
    "updated_by",
];

/// Members that LiteLLM keeps in `metadata`, and reads there.
pub(crate) const IN_METADATA: &[&str] = &[
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "callback_settings",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "enforced_batch_output_expires_after",
    "enforced_file_expires_after",
    "enforced_params",
    "guardrails",
    "logging",
    "mcp_rpm_limit",
    "model_itpm_limit",
    "model_max_parallel_requests",
    "model_otpm_limit",
    "model_rpm_limit",
    "model_tpm_limit",
    "policies",
    "prompts",
    "rpm_limit_type",
    "secret_manager_settings",
    "tag_rpm_limit",
    "tags",
    "team_member_key_duration",
    "temp_budget_expiry",
    "temp_budget_increase",
    "throttle_on_budget_exceeded",
    "tpm_limit_type",
];

/// What gives more, is about what there is not here (MCP, vector stores, batches, files, pass-through), or only tells.
const HARMLESS: &[&str] = &[
    "access_group_ids",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "auto_rotate",
    "budget_fallbacks",
    "callback_settings",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "enforced_batch_output_expires_after",
    "enforced_file_expires_after",
    "key_alias",
    "key_type",
    "logging",
    "mcp_rpm_limit",
    "rotation_interval",
    "router_settings",
    "rpm_limit_type",
    "secret_manager_settings",
    "soft_budget",
    "team_alias",
    "temp_budget_expiry",
    "temp_budget_increase",
    "throttle_on_budget_exceeded",
    "tpm_limit_type",
    "user_alias",
    "user_email",
];

pub(crate) static KEYS: Rules = Rules {
    table: Some(&tables::KEYS),
    read_by_name: &["key_name", "object_permission_id", "organization_id", "project_id", "token"],
    harmless: &[HARMLESS],
};

pub(crate) static USERS: Rules = Rules {
    table: Some(&tables::USERS),
    // What opens an account at LiteLLM's own pages is not looked at.
    read_by_name: &[
        "object_permission_id",
        "organization_id",
        "password",
        "sso_user_id",
        "team_id",
        "teams",
        "user_id",
        "user_role",
    ],
    harmless: &[HARMLESS],
};

pub(crate) static TEAMS: Rules = Rules {
    table: Some(&tables::TEAMS),
    // `admins` and `members` are of earlier versions: who is in a team stands in `members_with_roles`.
    read_by_name: &[
        "admins",
        "allow_team_guardrail_config",
        "members",
        "members_with_roles",
        "object_permission_id",
        "organization_id",
        "team_id",
    ],
    // `model_id` leads to other names of models.
    harmless: &[HARMLESS, &["model_id"]],
};

/// `allowed_models` holds for members of teams alone, who are given it.
pub(crate) static BUDGETS: Rules = Rules {
    table: Some(&tables::BUDGETS),
    read_by_name: &["budget_id"],
    harmless: &[HARMLESS, &["allowed_models"]],
};

pub(crate) static CUSTOMERS: Rules = Rules {
    table: Some(&tables::CUSTOMERS),
    read_by_name: &["object_permission_id", "user_id"],
    harmless: &[&["alias", "default_model"]],
};

/// The models of a tag are where its requests go, which the file says here.
pub(crate) static TAGS: Rules = Rules {
    table: Some(&tables::TAGS),
    read_by_name: &["tag_name"],
    harmless: &[&["description", "model_info", "models"]],
};

pub(crate) static ORGANIZATIONS: Rules = Rules {
    table: None,
    read_by_name: &["budget_id", "object_permission_id", "organization_alias", "organization_id"],
    harmless: &[HARMLESS],
};

pub(crate) static PROJECTS: Rules = Rules {
    table: None,
    read_by_name: &[
        "budget_id",
        "description",
        "object_permission_id",
        "project_alias",
        "project_id",
        "team_id",
    ],
    harmless: &[HARMLESS],
};

/// All but lists of models and of tools are about what there is not here.
pub(crate) static OBJECT_PERMISSIONS: Rules = Rules {
    table: None,
    read_by_name: &["object_permission_id"],
    harmless: &[&[
        "agent_access_groups",
        "agents",
        "mcp_access_groups",
        "mcp_servers",
        "mcp_tool_permissions",
        "mcp_tool_search_enabled",
        "mcp_toolsets",
        "search_tools",
        "skills",
        "vector_stores",
    ]],
};
