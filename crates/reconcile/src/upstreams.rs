//! The accounts that can be asked, and which of them a row's calls were made with.

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_core::Error;

use crate::ask::{Asked, ask};
use crate::{Bill, Upstream};

/// How many of its deployments an account is named by; how many more it has is told.
const NAMED_MAX: usize = 2;

/// The accounts of one provider.
#[derive(Debug)]
pub struct Upstreams {
    provider: String,
    accounts: Vec<Arc<dyn Upstream>>,
    by_deployment: HashMap<String, AccountNumber>,
}

/// An account among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountNumber(usize);

impl Upstreams {
    /// No accounts yet, of the provider with this prefix: rows of others are left alone.
    pub fn new(provider: impl Into<String>) -> Self {
        Self { provider: provider.into(), accounts: Vec::new(), by_deployment: HashMap::new() }
    }

    /// Adds an account.
    pub fn add(&mut self, account: Arc<dyn Upstream>) -> AccountNumber {
        self.accounts.push(account);
        AccountNumber(self.accounts.len() - 1)
    }

    /// Says with which account a deployment makes its calls. What was called by deployments that nobody says this of, since
    /// they are there no more or have another key now, all accounts are asked about in turn.
    pub fn serves(&mut self, deployment: impl Into<String>, account: AccountNumber) {
        self.by_deployment.insert(deployment.into(), account);
    }

    /// Whether there is nobody to ask.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    /// Whether it is said with which account a deployment makes its calls.
    pub(crate) fn knows(&self, deployment: Option<&str>) -> bool {
        deployment.is_some_and(|deployment| self.by_deployment.contains_key(deployment))
    }

    pub(crate) fn accounts(&self) -> &[Arc<dyn Upstream>] {
        &self.accounts
    }

    /// What the accounts are known by, in their order: deployments that call with them.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |number: usize| {
            let mut served: Vec<&str> = self
                .by_deployment
                .iter()
                .filter(|(_, account)| account.0 == number)
                .map(|(deployment, _)| deployment.as_str())
                .collect();
            served.sort_unstable();
            let more = served.len().saturating_sub(NAMED_MAX);
            served.truncate(NAMED_MAX);
            let named = if served.is_empty() { "no deployment".to_owned() } else { served.join(", ") };
            if more > 0 { format!("{named} and {more} more") } else { named }
        };
        (0..self.accounts.len()).map(name).collect()
    }

    /// What was billed for a call. `None` if nobody has a record of it.
    pub(crate) async fn bill(&self, asked: Asked<'_>) -> Result<Option<Bill>, Error> {
        let own = asked.deployment.and_then(|deployment| self.by_deployment.get(deployment));
        if let Some(AccountNumber(number)) = own {
            return ask(&*self.accounts[*number], asked).await;
        }
        let mut failure = None;
        for account in &self.accounts {
            match ask(&**account, asked).await {
                Ok(Some(bill)) => return Ok(Some(bill)),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }
}
