//! The tables of a LiteLLM database that an import looks at, with the columns that LiteLLM 1.109 gives them.

/// They, a function that hashes a key as LiteLLM does, one for the end of this month, and one for all that stands there.
pub(crate) const TABLES: &str = r#"
CREATE FUNCTION token(key TEXT) RETURNS TEXT AS $$ SELECT encode(sha256(key::bytea), 'hex') $$ LANGUAGE sql;
CREATE FUNCTION next_month() RETURNS TIMESTAMP AS
    $$ SELECT date_trunc('month', now() AT TIME ZONE 'utc') + INTERVAL '1 month' $$ LANGUAGE sql;
CREATE TABLE "LiteLLM_BudgetTable" (budget_id TEXT PRIMARY KEY, max_budget DOUBLE PRECISION, soft_budget DOUBLE PRECISION,
    max_parallel_requests INTEGER, tpm_limit BIGINT, rpm_limit BIGINT, tpd_limit BIGINT, model_max_budget JSONB,
    budget_duration TEXT, budget_reset_at TIMESTAMP(3), allowed_models TEXT[] DEFAULT '{}',
    temp_budget_increase DOUBLE PRECISION, temp_budget_expiry TIMESTAMP(3), created_at TIMESTAMP(3) DEFAULT now(),
    created_by TEXT DEFAULT 'a', updated_at TIMESTAMP(3) DEFAULT now(), updated_by TEXT DEFAULT 'a');
CREATE TABLE "LiteLLM_UserTable" (user_id TEXT PRIMARY KEY, user_alias TEXT, team_id TEXT, sso_user_id TEXT UNIQUE,
    organization_id TEXT, object_permission_id TEXT, password TEXT, teams TEXT[] DEFAULT '{}', user_role TEXT,
    max_budget DOUBLE PRECISION, spend DOUBLE PRECISION NOT NULL DEFAULT 0, user_email TEXT, models TEXT[],
    metadata JSONB NOT NULL DEFAULT '{}', max_parallel_requests INTEGER, tpm_limit BIGINT, rpm_limit BIGINT,
    budget_duration TEXT, budget_reset_at TIMESTAMP(3), allowed_cache_controls TEXT[] DEFAULT '{}',
    policies TEXT[] DEFAULT '{}', model_spend JSONB NOT NULL DEFAULT '{}', model_max_budget JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMP(3) DEFAULT now(), updated_at TIMESTAMP(3) DEFAULT now());
CREATE TABLE "LiteLLM_TeamTable" (team_id TEXT PRIMARY KEY, team_alias TEXT, organization_id TEXT, object_permission_id TEXT,
    admins TEXT[], members TEXT[], members_with_roles JSONB NOT NULL DEFAULT '{}', metadata JSONB NOT NULL DEFAULT '{}',
    max_budget DOUBLE PRECISION, soft_budget DOUBLE PRECISION, spend DOUBLE PRECISION NOT NULL DEFAULT 0, models TEXT[],
    max_parallel_requests INTEGER, tpm_limit BIGINT, rpm_limit BIGINT, tpd_limit BIGINT, budget_duration TEXT,
    budget_reset_at TIMESTAMP(3), blocked BOOLEAN NOT NULL DEFAULT false, created_at TIMESTAMP(3) DEFAULT now(),
    updated_at TIMESTAMP(3) DEFAULT now(), model_spend JSONB NOT NULL DEFAULT '{}',
    model_max_budget JSONB NOT NULL DEFAULT '{}', router_settings JSONB DEFAULT '{}',
    team_member_permissions TEXT[] DEFAULT '{}', access_group_ids TEXT[] DEFAULT '{}', policies TEXT[] DEFAULT '{}',
    default_team_member_models TEXT[] DEFAULT '{}', budget_limits JSONB, model_id INTEGER,
    allow_team_guardrail_config BOOLEAN NOT NULL DEFAULT false);
CREATE TABLE "LiteLLM_TeamMembership" (user_id TEXT, team_id TEXT, spend DOUBLE PRECISION NOT NULL DEFAULT 0,
    total_spend DOUBLE PRECISION NOT NULL DEFAULT 0, budget_id TEXT REFERENCES "LiteLLM_BudgetTable",
    PRIMARY KEY (user_id, team_id));
CREATE TABLE "LiteLLM_VerificationToken" (token TEXT PRIMARY KEY, key_name TEXT, key_alias TEXT,
    soft_budget_cooldown BOOLEAN NOT NULL DEFAULT false, spend DOUBLE PRECISION NOT NULL DEFAULT 0,
    total_spend DOUBLE PRECISION NOT NULL DEFAULT 0, expires TIMESTAMP(3), models TEXT[],
    aliases JSONB NOT NULL DEFAULT '{}', config JSONB NOT NULL DEFAULT '{}', router_settings JSONB DEFAULT '{}',
    user_id TEXT, team_id TEXT, agent_id TEXT, project_id TEXT, permissions JSONB NOT NULL DEFAULT '{}',
    max_parallel_requests INTEGER, metadata JSONB NOT NULL DEFAULT '{}', blocked BOOLEAN, tpm_limit BIGINT, rpm_limit BIGINT,
    tpd_limit BIGINT, max_budget DOUBLE PRECISION, budget_duration TEXT, budget_reset_at TIMESTAMP(3),
    allowed_cache_controls TEXT[] DEFAULT '{}', allowed_routes TEXT[] DEFAULT '{}', key_type TEXT,
    policies TEXT[] DEFAULT '{}', access_group_ids TEXT[] DEFAULT '{}', model_spend JSONB NOT NULL DEFAULT '{}',
    model_max_budget JSONB NOT NULL DEFAULT '{}', budget_fallbacks JSONB NOT NULL DEFAULT '{}',
    budget_id TEXT REFERENCES "LiteLLM_BudgetTable", organization_id TEXT, object_permission_id TEXT,
    created_at TIMESTAMP(3) DEFAULT now(), created_by TEXT, updated_at TIMESTAMP(3) DEFAULT now(), updated_by TEXT,
    settings_updated_at TIMESTAMP(3), last_active TIMESTAMP(3), rotation_count INTEGER DEFAULT 0,
    auto_rotate BOOLEAN DEFAULT false, rotation_interval TEXT, last_rotation_at TIMESTAMP(3), key_rotation_at TIMESTAMP(3),
    budget_limits JSONB);
CREATE TABLE "LiteLLM_EndUserTable" (user_id TEXT PRIMARY KEY, alias TEXT, spend DOUBLE PRECISION NOT NULL DEFAULT 0,
    allowed_model_region TEXT, default_model TEXT, models TEXT[] DEFAULT '{}',
    budget_id TEXT REFERENCES "LiteLLM_BudgetTable", object_permission_id TEXT, blocked BOOLEAN NOT NULL DEFAULT false);
CREATE TABLE "LiteLLM_TagTable" (tag_name TEXT PRIMARY KEY, description TEXT, models TEXT[], model_info JSONB,
    spend DOUBLE PRECISION NOT NULL DEFAULT 0, budget_id TEXT REFERENCES "LiteLLM_BudgetTable",
    created_at TIMESTAMP(3) DEFAULT now(), created_by TEXT, updated_at TIMESTAMP(3) DEFAULT now());
CREATE FUNCTION everything() RETURNS TEXT AS $$ SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
    SELECT held::TEXT AS line FROM "LiteLLM_BudgetTable" held UNION ALL SELECT held::TEXT FROM "LiteLLM_UserTable" held
    UNION ALL SELECT held::TEXT FROM "LiteLLM_TeamTable" held UNION ALL SELECT held::TEXT FROM "LiteLLM_TeamMembership" held
    UNION ALL SELECT held::TEXT FROM "LiteLLM_VerificationToken" held UNION ALL SELECT held::TEXT FROM "LiteLLM_EndUserTable" held
    UNION ALL SELECT held::TEXT FROM "LiteLLM_TagTable" held) AS lines $$ LANGUAGE sql;
"#;
