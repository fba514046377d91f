//! The one list of endpoints: method, path, the least role that may call it, what it does.
//!
//! WHEN ADDING AN ENDPOINT: add its row here and its line to `docs/http-api.md`; the compiler leads to the match in
//! `management.rs` that serves it, and a test to the table of who may call what.

use http::Method;
use trunkline_keys::{Role, RouteGroup};

/// What an endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Makes a key.
    GenerateKey,
    /// Makes a key that belongs to a team and to no user.
    GenerateServiceAccountKey,
    /// Shows a key.
    KeyInfo,
    /// Shows several keys.
    KeyInfos,
    /// Changes a key.
    UpdateKey,
    /// Changes several keys.
    UpdateKeys,
    /// Deletes keys.
    DeleteKeys,
    /// Lists keys.
    ListKeys,
    /// Lists the names of keys.
    KeyAliases,
    /// Blocks a key.
    BlockKey,
    /// Lets a blocked key in again.
    UnblockKey,
    /// Gives a key another secret.
    RegenerateKey,
    /// Sets what a key has spent.
    ResetKeySpend,
    /// Says that the key that asks is good.
    KeyHealth,
    /// Makes a user.
    NewUser,
    /// Shows a user, with keys and teams.
    UserInfo,
    /// Changes a user.
    UpdateUser,
    /// Deletes users and their keys.
    DeleteUsers,
    /// Lists users.
    ListUsers,
    /// Makes a team.
    NewTeam,
    /// Shows a team, with keys and members.
    TeamInfo,
    /// Changes a team.
    UpdateTeam,
    /// Deletes teams and their keys.
    DeleteTeams,
    /// Lists teams.
    ListTeams,
    /// Blocks a team.
    BlockTeam,
    /// Lets a blocked team in again.
    UnblockTeam,
    /// Adds members to a team.
    AddMembers,
    /// Takes a member out of a team.
    DeleteMember,
    /// Changes what a member may in a team.
    UpdateMember,
    /// Lets a team call further models.
    AddTeamModels,
    /// Lets a team call fewer models.
    DeleteTeamModels,
    /// Makes an end user known.
    NewCustomer,
    /// Shows an end user.
    CustomerInfo,
    /// Changes an end user.
    UpdateCustomer,
    /// Forgets end users.
    DeleteCustomers,
    /// Lists end users.
    ListCustomers,
    /// Blocks end users.
    BlockCustomers,
    /// Lets blocked end users in again.
    UnblockCustomers,
    /// Makes a budget that others refer to.
    NewBudget,
    /// Shows budgets.
    BudgetInfos,
    /// Changes a budget.
    UpdateBudget,
    /// Deletes a budget.
    DeleteBudget,
    /// Lists budgets.
    ListBudgets,
    /// Shows a budget by its fields.
    BudgetSettings,
    /// Gives a tag a budget.
    NewTag,
    /// Changes a tag.
    UpdateTag,
    /// Shows tags.
    TagInfos,
    /// Lists tags.
    ListTags,
    /// Deletes a tag.
    DeleteTag,
    /// Adds a deployment.
    NewModel,
    /// Changes a deployment that was added.
    UpdateModel,
    /// Takes away a deployment that was added.
    DeleteModel,
    /// Tells what was spent.
    Spend(Report),
    /// Lists what administrators did.
    AuditLogs,
}

/// What is told of what was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    /// Lists rows of the ledger, or sums by day.
    Logs,
    /// Lists rows of the ledger in pages.
    LogPages,
    /// Which keys have spent most.
    ByKey,
    /// Which users have spent most.
    ByUser,
    /// What was spent by tag.
    ByTag,
    /// What all callers have spent this month.
    Whole,
    /// What all callers have spent each day.
    ByDay,
    /// What teams have spent.
    ByTeam,
    /// What models have cost.
    ByModel,
    /// What was spent by tag, over all callers.
    ByTagOfAll,
    /// The tags that requests bore.
    TagNames,
    /// What providers have cost.
    ByProvider,
    /// Which end users have spent most.
    ByCustomer,
    /// What was spent each day by team or end user, or by key.
    Grouped,
    /// Requests and tokens of each day.
    Activity,
    /// What was used and spent each day, by key.
    DailyOfKeys,
    /// What was used and spent each day, by user.
    DailyOfUsers,
    /// What was used and spent each day, by team.
    DailyOfTeams,
    /// What was used and spent each day, by end user.
    DailyOfCustomers,
    /// What was used and spent each day, by tag.
    DailyOfTags,
}

/// One row of the list.
#[derive(Debug)]
pub struct EndpointRow {
    /// The method.
    pub method: Method,
    /// The path; `{key}` stands for everything between the fixed ends.
    pub path: &'static str,
    /// The least role that may call it at all; what it then sees or changes is narrowed further to what is its own.
    pub least: Role,
    /// What it belongs to, for `allowed_routes` of keys.
    pub group: RouteGroup,
    /// What it does.
    pub does: Endpoint,
}

/// Changes something. Roles that only look never may.
const fn post(path: &'static str, least: Role, does: Endpoint) -> EndpointRow {
    EndpointRow { method: Method::POST, path, least, group: RouteGroup::Management, does }
}

/// Looks at something.
const fn get(path: &'static str, least: Role, does: Endpoint) -> EndpointRow {
    EndpointRow { method: Method::GET, path, least, group: RouteGroup::Information, does }
}

/// Changes a part of something.
const fn patch(path: &'static str, least: Role, does: Endpoint) -> EndpointRow {
    EndpointRow { method: Method::PATCH, path, least, group: RouteGroup::Management, does }
}

/// Looks at something that is named in a body.
const fn look(path: &'static str, least: Role, does: Endpoint) -> EndpointRow {
    EndpointRow { method: Method::POST, path, least, group: RouteGroup::Information, does }
}

/// Every endpoint.
pub static ENDPOINTS: &[EndpointRow] = &[
    post("/key/generate", Role::InternalUser, Endpoint::GenerateKey),
    post("/key/service-account/generate", Role::InternalUser, Endpoint::GenerateServiceAccountKey),
    get("/key/info", Role::Team, Endpoint::KeyInfo),
    look("/v2/key/info", Role::Team, Endpoint::KeyInfos),
    post("/key/update", Role::InternalUser, Endpoint::UpdateKey),
    post("/key/bulk_update", Role::ProxyAdmin, Endpoint::UpdateKeys),
    post("/key/delete", Role::InternalUser, Endpoint::DeleteKeys),
    get("/key/list", Role::InternalUserViewer, Endpoint::ListKeys),
    get("/key/aliases", Role::InternalUserViewer, Endpoint::KeyAliases),
    post("/key/block", Role::InternalUser, Endpoint::BlockKey),
    post("/key/unblock", Role::InternalUser, Endpoint::UnblockKey),
    post("/key/regenerate", Role::InternalUser, Endpoint::RegenerateKey),
    post("/key/{key}/regenerate", Role::InternalUser, Endpoint::RegenerateKey),
    post("/key/{key}/reset_spend", Role::InternalUser, Endpoint::ResetKeySpend),
    look("/key/health", Role::Team, Endpoint::KeyHealth),
    post("/user/new", Role::ProxyAdmin, Endpoint::NewUser),
    get("/user/info", Role::InternalUserViewer, Endpoint::UserInfo),
    post("/user/update", Role::ProxyAdmin, Endpoint::UpdateUser),
    post("/user/delete", Role::ProxyAdmin, Endpoint::DeleteUsers),
    get("/user/list", Role::ProxyAdminViewer, Endpoint::ListUsers),
    post("/team/new", Role::ProxyAdmin, Endpoint::NewTeam),
    get("/team/info", Role::Team, Endpoint::TeamInfo),
    post("/team/update", Role::ProxyAdmin, Endpoint::UpdateTeam),
    post("/team/delete", Role::ProxyAdmin, Endpoint::DeleteTeams),
    get("/team/list", Role::InternalUserViewer, Endpoint::ListTeams),
    post("/team/block", Role::ProxyAdmin, Endpoint::BlockTeam),
    post("/team/unblock", Role::ProxyAdmin, Endpoint::UnblockTeam),
    post("/team/member_add", Role::InternalUser, Endpoint::AddMembers),
    post("/team/member_delete", Role::InternalUser, Endpoint::DeleteMember),
    post("/team/member_update", Role::InternalUser, Endpoint::UpdateMember),
    post("/team/model/add", Role::ProxyAdmin, Endpoint::AddTeamModels),
    post("/team/model/delete", Role::ProxyAdmin, Endpoint::DeleteTeamModels),
    post("/customer/new", Role::ProxyAdmin, Endpoint::NewCustomer),
    get("/customer/info", Role::ProxyAdminViewer, Endpoint::CustomerInfo),
    post("/customer/update", Role::ProxyAdmin, Endpoint::UpdateCustomer),
    post("/customer/delete", Role::ProxyAdmin, Endpoint::DeleteCustomers),
    get("/customer/list", Role::ProxyAdminViewer, Endpoint::ListCustomers),
    post("/customer/block", Role::ProxyAdmin, Endpoint::BlockCustomers),
    post("/customer/unblock", Role::ProxyAdmin, Endpoint::UnblockCustomers),
    post("/end_user/new", Role::ProxyAdmin, Endpoint::NewCustomer),
    get("/end_user/info", Role::ProxyAdminViewer, Endpoint::CustomerInfo),
    post("/end_user/update", Role::ProxyAdmin, Endpoint::UpdateCustomer),
    post("/end_user/delete", Role::ProxyAdmin, Endpoint::DeleteCustomers),
    get("/end_user/list", Role::ProxyAdminViewer, Endpoint::ListCustomers),
    post("/end_user/block", Role::ProxyAdmin, Endpoint::BlockCustomers),
    post("/end_user/unblock", Role::ProxyAdmin, Endpoint::UnblockCustomers),
    post("/budget/new", Role::ProxyAdmin, Endpoint::NewBudget),
    look("/budget/info", Role::ProxyAdminViewer, Endpoint::BudgetInfos),
    post("/budget/update", Role::ProxyAdmin, Endpoint::UpdateBudget),
    post("/budget/delete", Role::ProxyAdmin, Endpoint::DeleteBudget),
    get("/budget/list", Role::ProxyAdminViewer, Endpoint::ListBudgets),
    get("/budget/settings", Role::ProxyAdminViewer, Endpoint::BudgetSettings),
    post("/tag/new", Role::ProxyAdmin, Endpoint::NewTag),
    post("/tag/update", Role::ProxyAdmin, Endpoint::UpdateTag),
    look("/tag/info", Role::ProxyAdminViewer, Endpoint::TagInfos),
    get("/tag/list", Role::ProxyAdminViewer, Endpoint::ListTags),
    post("/tag/delete", Role::ProxyAdmin, Endpoint::DeleteTag),
    post("/model/new", Role::ProxyAdmin, Endpoint::NewModel),
    post("/model/update", Role::ProxyAdmin, Endpoint::UpdateModel),
    patch("/model/{id}/update", Role::ProxyAdmin, Endpoint::UpdateModel),
    post("/model/delete", Role::ProxyAdmin, Endpoint::DeleteModel),
    get("/spend/logs", Role::Team, Endpoint::Spend(Report::Logs)),
    get("/spend/logs/v2", Role::Team, Endpoint::Spend(Report::LogPages)),
    get("/spend/keys", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByKey)),
    get("/spend/users", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByUser)),
    get("/spend/tags", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByTag)),
    get("/global/spend", Role::ProxyAdminViewer, Endpoint::Spend(Report::Whole)),
    get("/global/spend/logs", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByDay)),
    get("/global/spend/keys", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByKey)),
    get("/global/spend/teams", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByTeam)),
    get("/global/spend/models", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByModel)),
    get("/global/spend/tags", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByTagOfAll)),
    get("/global/spend/all_tag_names", Role::ProxyAdminViewer, Endpoint::Spend(Report::TagNames)),
    get("/global/spend/provider", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByProvider)),
    look("/global/spend/end_users", Role::ProxyAdminViewer, Endpoint::Spend(Report::ByCustomer)),
    get("/global/spend/report", Role::ProxyAdminViewer, Endpoint::Spend(Report::Grouped)),
    get("/global/activity", Role::ProxyAdminViewer, Endpoint::Spend(Report::Activity)),
    get("/key/daily/activity", Role::Team, Endpoint::Spend(Report::DailyOfKeys)),
    get("/user/daily/activity", Role::InternalUserViewer, Endpoint::Spend(Report::DailyOfUsers)),
    get("/team/daily/activity", Role::Team, Endpoint::Spend(Report::DailyOfTeams)),
    get("/customer/daily/activity", Role::ProxyAdminViewer, Endpoint::Spend(Report::DailyOfCustomers)),
    get("/end_user/daily/activity", Role::ProxyAdminViewer, Endpoint::Spend(Report::DailyOfCustomers)),
    get("/tag/daily/activity", Role::ProxyAdminViewer, Endpoint::Spend(Report::DailyOfTags)),
    get("/audit/logs", Role::ProxyAdminViewer, Endpoint::AuditLogs),
];
