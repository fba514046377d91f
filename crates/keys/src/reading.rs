//! What the store says of a key, an end user or a tag, made into what a request must know.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use trunkline_core::{Error, Subject, SubjectKind};
use trunkline_limits::Account;
use trunkline_store::{Kind, Object, member_id};

use crate::allowance::Allowance;
use crate::identity::Origin;
use crate::notes::spend_reset;
use crate::{Accounts, Identity, Keys, Limited, Token, counts_as};

impl Keys {
    pub(crate) async fn read(&self, token: Token) -> Result<Option<Identity>, Error> {
        let index = self.pepper.index(&token);
        // Noted before they are read: what changes meanwhile makes the identity stale from its first day.
        let mut parts = vec![self.parts.of(Kind::Key, index.as_str())];
        let Some(key) = self.object(Kind::Key, index.as_str()).await?.filter(|key| !key.deleted) else {
            return Ok(None);
        };
        let mut owner = async |kind: Kind, id: Option<&str>| -> Result<Option<Object>, Error> {
            let Some(id) = id else { return Ok(None) };
            parts.push(self.parts.of(kind, id));
            self.object(kind, id).await
        };
        let user = owner(Kind::User, key.user_id.as_deref()).await?;
        let team = owner(Kind::Team, key.team_id.as_deref()).await?;
        let both = key.team_id.as_deref().zip(key.user_id.as_deref());
        let member = owner(Kind::Member, both.map(|(team, user)| member_id(team, user)).as_deref()).await?;
        let mut budgets = BTreeMap::new();
        for holder in [Some(&key), user.as_ref(), team.as_ref(), member.as_ref()].into_iter().flatten() {
            let Some(id) = holder.settings.get("budget_id").and_then(Value::as_str) else { continue };
            if let Some(budget) = owner(Kind::Budget, Some(id)).await? {
                budgets.insert(id.to_owned(), budget);
            }
        }
        let origin = Origin { key, user, team, member, budgets };
        let accounts = self.accounts_of(&origin);
        self.seed(&accounts).await?;
        Ok(Some(Identity::new(token, &origin, accounts, parts)))
    }

    pub(crate) async fn read_limited(&self, kind: Kind, id: &str) -> Result<Limited, Error> {
        let mut parts = vec![self.parts.of(kind, id)];
        let mut accounts = Accounts::default();
        let Some(object) = self.object(kind, id).await?.filter(|object| !object.deleted) else {
            return Ok(Limited::new(id, accounts, false, parts));
        };
        let budget = match object.settings.get("budget_id").and_then(Value::as_str) {
            Some(budget_id) => {
                parts.push(self.parts.of(Kind::Budget, budget_id));
                self.object(Kind::Budget, budget_id).await?
            }
            None => None,
        };
        let of_budget = budget.as_ref().map(|budget| &budget.settings);
        let allowance = Allowance::read(&object.settings, of_budget, self.clock.now_ms());
        let subject = if kind == Kind::Tag { SubjectKind::Tag } else { SubjectKind::Customer };
        accounts.add(&self.book, &Subject::new(subject, id), &allowance);
        self.seed(&accounts).await?;
        let is_blocked = object.settings.get("blocked") == Some(&Value::Bool(true));
        Ok(Limited::new(id, accounts, is_blocked, parts))
    }

    /// What a key counts against: the key itself, what its user may in its team, its team, its user, and all callers.
    fn accounts_of(&self, origin: &Origin) -> Accounts {
        let now_ms = self.clock.now_ms();
        let mut accounts = Accounts::default();
        let Origin { key, user, team, member, budgets } = origin;
        let read = |object: &Object| {
            let budget =
                object.settings.get("budget_id").and_then(Value::as_str).and_then(|id| budgets.get(id));
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
        let new: Vec<&Arc<Account>> =
            accounts.all().filter(|account| !account.unseeded().is_empty()).collect();
        if new.is_empty() {
            return Ok(());
        }
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
                account.seed(period, begins_at, counter.map(|counter| counter.amount).unwrap_or_default());
            }
        }
        Ok(())
    }

    async fn object(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
        self.store.object(kind, id).await
    }
}
