//! What the store says of a key, an end user or a tag, made into what a request must know.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use serde_json::Value;
use trunkline_core::{Error, Subject, SubjectKind};
use trunkline_limits::Account;
use trunkline_store::{Kind, Object, member_id};

use crate::allowance::Allowance;
use crate::identity::Origin;
use crate::notes::spend_reset;
use crate::parts::Part;
use crate::{Accounts, Identity, Keys, Limited, Token, counts_as};

/// How often counters are read of which something is put right meanwhile.
const READS_MAX: u32 = 4;

impl Keys {
    pub(crate) async fn read(&self, token: Token) -> Result<Option<Identity>, Error> {
        let index = self.pepper.index(&token);
        loop {
            let mut parts = Vec::new();
            let origin = self.origin(index.as_str(), &mut parts).await?;
            let accounts = || origin.as_ref().map(|origin| self.accounts_of(origin));
            let Some(accounts) = self.take_up(&parts, accounts) else { continue };
            let (Some(origin), Some(accounts)) = (origin, accounts) else { return Ok(None) };
            self.seed(&accounts).await?;
            if parts.iter().any(|part| part.is_changed()) {
                continue;
            }
            return Ok(Some(Identity::new(token, &origin, accounts, parts)));
        }
    }

    /// The objects that make a key. Their parts are noted before they are read: what changes from then on is known to have
    /// changed.
    async fn origin(&self, index: &str, parts: &mut Vec<Arc<Part>>) -> Result<Option<Origin>, Error> {
        parts.push(self.parts.of(Kind::Key, index));
        let Some(key) = self.object(Kind::Key, index).await?.filter(|key| !key.deleted) else {
            return Ok(None);
        };
        let both = key.team_id.as_deref().zip(key.user_id.as_deref());
        let member = both.map(|(team, user)| member_id(team, user));
        let owners = [
            (Kind::User, key.user_id.as_deref()),
            (Kind::Team, key.team_id.as_deref()),
            (Kind::Member, member.as_deref()),
            (Kind::Budget, budget_id(&key)),
        ];
        let named = owners.into_iter().filter_map(|(kind, id)| Some((kind, id?)));
        parts.extend(named.map(|(kind, id)| self.parts.of(kind, id)));
        // At once: a request waits for them, and for no longer than its deadline.
        let [user, team, member, budget] = owners.map(|(kind, id)| self.named(kind, id));
        let (user, team, member, budget) = tokio::try_join!(user, team, member, budget)?;
        let mut budgets = BTreeMap::new();
        budgets.extend(budget.map(|budget| (budget.id.clone(), budget)));
        for id in [&user, &team, &member].into_iter().flatten().filter_map(budget_id) {
            if budgets.contains_key(id) {
                continue;
            }
            parts.push(self.parts.of(Kind::Budget, id));
            budgets.extend(self.object(Kind::Budget, id).await?.map(|budget| (id.to_owned(), budget)));
        }
        Ok(Some(Origin { key, user, team, member, budgets }))
    }

    async fn named(&self, kind: Kind, id: Option<&str>) -> Result<Option<Object>, Error> {
        match id {
            Some(id) => self.object(kind, id).await,
            None => Ok(None),
        }
    }

    /// Sets accounts to what was read, unless a part of it has changed since: then it is to be read again. Accounts are
    /// shared, and whoever read before a change must not set them after somebody who read after it. So one sets at a time.
    fn take_up<T>(&self, parts: &[Arc<Part>], set: impl FnOnce() -> T) -> Option<T> {
        let _one = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        (!parts.iter().any(|part| part.is_changed())).then(set)
    }

    pub(crate) async fn read_limited(&self, kind: Kind, id: &str) -> Result<Limited, Error> {
        loop {
            let mut parts = vec![self.parts.of(kind, id)];
            let object = self.object(kind, id).await?.filter(|object| !object.deleted);
            let budget = match object.as_ref().and_then(budget_id) {
                Some(budget_id) => {
                    parts.push(self.parts.of(Kind::Budget, budget_id));
                    self.object(Kind::Budget, budget_id).await?
                }
                None => None,
            };
            let accounts = || match &object {
                Some(object) => self.accounts_of_limited(object, budget.as_ref()),
                None => Accounts::default(),
            };
            let Some(accounts) = self.take_up(&parts, accounts) else { continue };
            self.seed(&accounts).await?;
            if parts.iter().any(|part| part.is_changed()) {
                continue;
            }
            let is_blocked =
                object.is_some_and(|object| object.settings.get("blocked") == Some(&Value::Bool(true)));
            return Ok(Limited::new(id, accounts, is_blocked, parts));
        }
    }

    /// What an end user or a tag counts against.
    fn accounts_of_limited(&self, object: &Object, budget: Option<&Object>) -> Accounts {
        let of_budget = budget.map(|budget| &budget.settings);
        let allowance = Allowance::read(&object.settings, of_budget, self.clock.now_ms());
        let subject = if object.kind == Kind::Tag { SubjectKind::Tag } else { SubjectKind::Customer };
        let mut accounts = Accounts::default();
        accounts.add(&self.book, &Subject::new(subject, object.id.as_str()), &allowance);
        accounts
    }

    /// What a key counts against: the key itself, what its user may in its team, its team, its user, and all callers.
    fn accounts_of(&self, origin: &Origin) -> Accounts {
        let now_ms = self.clock.now_ms();
        let mut accounts = Accounts::default();
        let Origin { key, user, team, member, budgets } = origin;
        let read = |object: &Object| {
            let budget = budget_id(object).and_then(|id| budgets.get(id));
            Allowance::read(&object.settings, budget.map(|budget| &budget.settings), now_ms)
        };
        accounts.add(&self.book, &Subject::new(SubjectKind::Key, counts_as(key)), &read(key));
        accounts.note_lowered(spend_reset(key));
        let mut add = |kind: SubjectKind, id: &str, allowance: &Allowance| {
            accounts.add(&self.book, &Subject::new(kind, id), allowance);
        };
        if let Some(team) = team {
            if let Some(user_id) = &key.user_id {
                let own = member.as_ref().map(|member| &member.settings);
                let allowance = Allowance::of_member(own, &team.settings, now_ms);
                add(SubjectKind::Member, &member_id(&team.id, user_id), &allowance);
            }
            add(SubjectKind::Team, &team.id, &read(team));
        }
        if let Some(user) = user {
            let allowance = read(user);
            let subject = Subject::new(SubjectKind::User, &*user.id);
            if team.is_some() && !self.options.user_budget_holds_for_teams {
                // As in LiteLLM: what a user does for a team, the team pays.
                accounts.add_unpaying(&self.book, &subject, &allowance);
            } else {
                accounts.add(&self.book, &subject, &allowance);
            }
        }
        self.global.iter().cloned().for_each(|account| accounts.hold(account));
        accounts.has_budget |= !self.options.global.budgets.is_empty();
        accounts
    }

    /// Takes over what stands on the counters of accounts that are new in this process.
    pub(crate) async fn seed(&self, accounts: &Accounts) -> Result<(), Error> {
        // What is put right while it is read is not in what was read.
        for _ in 0..READS_MAX {
            let new: Vec<&Arc<Account>> =
                accounts.all().filter(|account| !account.unseeded().is_empty()).collect();
            if new.is_empty() {
                break;
            }
            self.seed_new(&new).await?;
        }
        Ok(())
    }

    async fn seed_new(&self, new: &[&Arc<Account>]) -> Result<(), Error> {
        let subjects: Vec<Subject> = new.iter().map(|account| account.subject().clone()).collect();
        let spent = self.store.spent(&subjects).await?;
        for account in new {
            for (period, begins_at) in account.unseeded() {
                let label = period.map(|period| period.to_string()).unwrap_or_default();
                let counter = spent.iter().find(|counter| {
                    counter.subject == *account.subject()
                        && counter.period == label
                        && counter.begins_at == begins_at
                });
                let (amount, corrected) =
                    counter.map(|counter| (counter.amount, counter.corrected)).unwrap_or_default();
                account.seed_corrected(period, begins_at, amount, corrected);
            }
        }
        Ok(())
    }

    async fn object(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
        self.store.object(kind, id).await
    }
}

/// The budget that an object refers to.
fn budget_id(object: &Object) -> Option<&str> {
    object.settings.get("budget_id").and_then(Value::as_str)
}
