//! The one way in: a request is checked, served, tried again where somebody else was quicker, and answered.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use trunkline_core::{Error, ErrorKind};
use trunkline_keys::Keys;

use crate::desk::Desk;
use crate::keys::{change, delete, generate, info, list, regenerate, reset};
use crate::{
    Asked, Endpoint, Options, Reply, audit, budgets, customers, models, rights, spend, tags, teams, users,
};

/// How often a change is tried where the object has changed meanwhile.
const TRIES_MAX: u32 = 3;

/// LiteLLM's API for keys, users and teams, over a store.
#[derive(Debug)]
pub struct Management {
    desk: Desk,
}

impl Management {
    /// The management of these keys, in the store that they are kept in.
    ///
    /// # Errors
    ///
    /// `Configuration` if a default or a bound of the options is none.
    pub fn new(keys: Arc<Keys>, options: Options) -> Result<Self, Error> {
        Ok(Self { desk: Desk::new(keys, options)? })
    }

    /// Answers one request.
    ///
    /// # Errors
    ///
    /// - `Unauthenticated` where the role is not enough, `PermissionDenied` where it is somebody else's;
    /// - `InvalidRequest`, `MissingParameter` and `NotFound` for what is wrong about the request;
    /// - `Conflict` if there is such a thing already, or somebody else was quicker three times;
    /// - `StoreUnavailable` if the store does not answer within the deadline.
    ///
    /// Where LiteLLM answers with `{"detail": …}`, refusals are replies of that form.
    pub async fn answer(&self, asked: Asked<'_>) -> Result<Reply, Error> {
        rights::check_role(asked.row, asked.actor)?;
        let deadline = self.desk.options().deadline;
        let answered = tokio::time::timeout(deadline, self.answer_in_tries(&asked)).await;
        let answered = answered.unwrap_or_else(|_| {
            let message = format!("the store did not answer within {} ms", deadline.as_millis());
            Err(Error::new(ErrorKind::StoreUnavailable, message))
        });
        answered.or_else(|error| in_detail(&asked, error))
    }

    async fn answer_in_tries(&self, asked: &Asked<'_>) -> Result<Reply, Error> {
        let mut tries = 1;
        loop {
            match self.answer_once(asked).await {
                // What names a parameter is there already, and will be the next time.
                Err(error)
                    if error.kind() == ErrorKind::Conflict
                        && error.param().is_none()
                        && tries < TRIES_MAX =>
                {
                    tries += 1;
                }
                answered => return answered,
            }
        }
    }

    async fn answer_once(&self, asked: &Asked<'_>) -> Result<Reply, Error> {
        let desk = &self.desk;
        match asked.row.does {
            Endpoint::GenerateKey => generate::generate(desk, asked).await,
            Endpoint::GenerateServiceAccountKey => generate::generate_service_account(desk, asked).await,
            Endpoint::KeyInfo => info::info(desk, asked).await,
            Endpoint::KeyInfos => info::infos(desk, asked).await,
            Endpoint::UpdateKey => change::update(desk, asked).await,
            Endpoint::UpdateKeys => change::update_in_bulk(desk, asked).await,
            Endpoint::DeleteKeys => delete::delete(desk, asked).await,
            Endpoint::ListKeys => list::list(desk, asked).await,
            Endpoint::KeyAliases => list::aliases(desk, asked).await,
            Endpoint::BlockKey => change::block(desk, asked, true).await,
            Endpoint::UnblockKey => change::block(desk, asked, false).await,
            Endpoint::RegenerateKey => regenerate::regenerate(desk, asked).await,
            Endpoint::ResetKeySpend => reset::reset_spend(desk, asked).await,
            Endpoint::KeyHealth => Ok(info::health()),
            Endpoint::NewUser => users::create::create(desk, asked).await,
            Endpoint::UserInfo => users::info::info(desk, asked).await,
            Endpoint::UpdateUser => users::change::update(desk, asked).await,
            Endpoint::DeleteUsers => users::delete::delete(desk, asked).await,
            Endpoint::ListUsers => users::info::list(desk, asked).await,
            Endpoint::NewTeam => teams::create::create(desk, asked).await,
            Endpoint::TeamInfo => teams::info::info(desk, asked).await,
            Endpoint::UpdateTeam => teams::change::update(desk, asked).await,
            Endpoint::DeleteTeams => teams::delete::delete(desk, asked).await,
            Endpoint::ListTeams => teams::info::list(desk, asked).await,
            Endpoint::BlockTeam => teams::change::block(desk, asked, true).await,
            Endpoint::UnblockTeam => teams::change::block(desk, asked, false).await,
            Endpoint::AddMembers => teams::membership::add(desk, asked).await,
            Endpoint::DeleteMember => teams::membership::delete(desk, asked).await,
            Endpoint::UpdateMember => teams::membership::update(desk, asked).await,
            Endpoint::AddTeamModels => teams::change::models(desk, asked, true).await,
            Endpoint::DeleteTeamModels => teams::change::models(desk, asked, false).await,
            Endpoint::NewCustomer => customers::create(desk, asked).await,
            Endpoint::CustomerInfo => customers::info(desk, asked).await,
            Endpoint::UpdateCustomer => customers::update(desk, asked).await,
            Endpoint::DeleteCustomers => customers::delete(desk, asked).await,
            Endpoint::ListCustomers => customers::list(desk, asked).await,
            Endpoint::BlockCustomers => customers::block(desk, asked, true).await,
            Endpoint::UnblockCustomers => customers::block(desk, asked, false).await,
            Endpoint::NewBudget => budgets::create(desk, asked).await,
            Endpoint::BudgetInfos => budgets::info(desk, asked).await,
            Endpoint::UpdateBudget => budgets::update(desk, asked).await,
            Endpoint::DeleteBudget => budgets::delete(desk, asked).await,
            Endpoint::ListBudgets => budgets::list(desk, asked).await,
            Endpoint::BudgetSettings => budgets::settings(desk, asked).await,
            Endpoint::NewTag => tags::create(desk, asked).await,
            Endpoint::UpdateTag => tags::update(desk, asked).await,
            Endpoint::TagInfos => tags::info(desk, asked).await,
            Endpoint::ListTags => tags::list(desk, asked).await,
            Endpoint::DeleteTag => tags::delete(desk, asked).await,
            Endpoint::NewModel => models::create(desk, asked).await,
            Endpoint::UpdateModel => models::update(desk, asked).await,
            Endpoint::DeleteModel => models::delete(desk, asked).await,
            Endpoint::Spend(report) => spend::answer(desk, asked, report).await,
            Endpoint::AuditLogs => audit::logs(desk, asked).await,
        }
    }
}

/// Paths whose refusals are `{"detail": {"error": …}}` in LiteLLM; the others have the envelope of models.
const IN_DETAIL: [&str; 3] = ["/team/", "/budget/", "/tag/"];

fn in_detail(asked: &Asked<'_>, error: Error) -> Result<Reply, Error> {
    let status = match error.kind() {
        ErrorKind::InvalidRequest | ErrorKind::MissingParameter => StatusCode::BAD_REQUEST,
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        _ => return Err(error),
    };
    if !IN_DETAIL.iter().any(|start| asked.row.path.starts_with(start)) {
        return Err(error);
    }
    Ok(Reply::of(status, json!({ "detail": { "error": error.message() } })))
}
