//! The tables of a LiteLLM database that are looked at.

/// A table of LiteLLM's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LitellmTable {
    /// Virtual keys, by the hash of each.
    Keys,
    /// Keys that were given another secret, and are good for a while longer.
    RotatedKeys,
    /// Users.
    Users,
    /// Teams, with the list of who is in them.
    Teams,
    /// What a user has and spends in a team.
    Memberships,
    /// Budgets that others refer to.
    Budgets,
    /// What was spent in each of several windows of a key or team.
    WindowSpend,
    /// End users.
    EndUsers,
    /// Tags.
    Tags,
    /// Deployments that were added over the API.
    Models,
    /// What keys, teams and users may use besides models.
    ObjectPermissions,
    /// Organizations.
    Organizations,
    /// Projects.
    Projects,
    /// Budgets of groups of models.
    AccessGroupBudgets,
    /// Claims of tokens by which callers become a key.
    JwtMappings,
}

impl LitellmTable {
    /// All that are looked at.
    pub const ALL: [Self; 15] = [
        Self::Keys,
        Self::RotatedKeys,
        Self::Users,
        Self::Teams,
        Self::Memberships,
        Self::Budgets,
        Self::WindowSpend,
        Self::EndUsers,
        Self::Tags,
        Self::Models,
        Self::ObjectPermissions,
        Self::Organizations,
        Self::Projects,
        Self::AccessGroupBudgets,
        Self::JwtMappings,
    ];

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keys => "LiteLLM_VerificationToken",
            Self::RotatedKeys => "LiteLLM_DeprecatedVerificationToken",
            Self::Users => "LiteLLM_UserTable",
            Self::Teams => "LiteLLM_TeamTable",
            Self::Memberships => "LiteLLM_TeamMembership",
            Self::Budgets => "LiteLLM_BudgetTable",
            Self::WindowSpend => "LiteLLM_BudgetWindowSpend",
            Self::EndUsers => "LiteLLM_EndUserTable",
            Self::Tags => "LiteLLM_TagTable",
            Self::Models => "LiteLLM_ProxyModelTable",
            Self::ObjectPermissions => "LiteLLM_ObjectPermissionTable",
            Self::Organizations => "LiteLLM_OrganizationTable",
            Self::Projects => "LiteLLM_ProjectTable",
            Self::AccessGroupBudgets => "LiteLLM_ModelAccessGroupBudgetTable",
            Self::JwtMappings => "LiteLLM_JWTKeyMapping",
        }
    }

    /// The columns of its primary key, all of them texts, by which its rows are read in pages.
    pub(crate) fn key(self) -> &'static [&'static str] {
        match self {
            Self::Keys => &["token"],
            Self::RotatedKeys | Self::JwtMappings => &["id"],
            Self::Users | Self::EndUsers => &["user_id"],
            Self::Teams => &["team_id"],
            Self::Memberships => &["user_id", "team_id"],
            Self::Budgets => &["budget_id"],
            Self::WindowSpend => &["entity_type", "entity_id", "window_duration"],
            Self::Tags => &["tag_name"],
            Self::Models => &["model_id"],
            Self::ObjectPermissions => &["object_permission_id"],
            Self::Organizations => &["organization_id"],
            Self::Projects => &["project_id"],
            Self::AccessGroupBudgets => &["access_group_name"],
        }
    }
}
