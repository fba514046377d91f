//! What the store says of a key, an end user or a tag, made into what a request must know.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use serde_json::Value;
use trunkline_core::{Error, Subject, SubjectKind};
use trunkline_store::{Kind, Object, member_id};

use crate::allowance::Allowance;
use crate::notes::spend_reset;
use crate::origin::{LimitedOrigin, Origin};
use crate::parts::Part;
use crate::source::Source;
use crate::{Accounts, Identity, Keys, Limited, Token, counts_as};

impl Keys {
    /// What the store says of a key. `None` if there is no such key.
    pub(crate) async fn read(&self, token: Token) -> Result<Option<Arc<Identity>>, Error> {
        let index = self.pepper.index(&token);
        loop {
            let mut parts = Vec::new();
            let origin = self.origin(Source::Store(&*self.store), index.as_str(), &mut parts).await?;
            self.note_first_answer();
            let is_there = origin.as_ref().filter(|origin| !origin.key.deleted);
            let Some(accounts) = self.take_up(&parts, || is_there.map(|origin| self.accounts_of(origin)))
            else {
                continue;
            };
            let (Some(origin), Some(accounts)) = (is_there, accounts) else {
                self.keep_gone(origin.as_ref());
                return Ok(None);
            };
            self.seed(&accounts).await?;
            if parts.iter().any(|part| part.is_changed()) {
                continue;
            }
            let identity = Arc::new(Identity::new(token, origin, accounts, parts));
            self.keep_key(origin, &identity);
            return Ok(Some(identity));
        }
    }

    /// The objects that make a key; one that is deleted is made of nothing else. Their parts are noted before they are read:
    /// what changes from then on is known to have changed.
    pub(crate) async fn origin(
        &self,
        source: Source<'_>,
        index: &str,
        parts: &mut Vec<Arc<Part>>,
    ) -> Result<Option<Origin>, Error> {
        parts.push(self.parts.of(Kind::Key, index));
        let key = match source.object(Kind::Key, index).await? {
            Some(key) if !key.deleted => key,
            gone => return Ok(gone.map(Origin::of)),
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
        let [user, team, member, budget] = owners.map(|(kind, id)| source.named(kind, id));
        let (user, team, member, budget) = tokio::try_join!(user, team, member, budget)?;
        let mut budgets = BTreeMap::new();
        budgets.extend(budget.map(|budget| (budget.id.clone(), budget)));
        for id in [&user, &team, &member].into_iter().flatten().filter_map(budget_id) {
            if budgets.contains_key(id) {
                continue;
            }
            parts.push(self.parts.of(Kind::Budget, id));
            budgets.extend(source.object(Kind::Budget, id).await?.map(|budget| (id.to_owned(), budget)));
        }
        Ok(Some(Origin { key, user, team, member, budgets }))
    }

    /// Sets accounts to what was read, unless a part of it has changed since: then it is to be read again. Accounts are
    /// shared, and whoever read before a change must not set them after somebody who read after it. So one sets at a time.
    pub(crate) fn take_up<T>(&self, parts: &[Arc<Part>], set: impl FnOnce() -> T) -> Option<T> {
        let _one = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        (!parts.iter().any(|part| part.is_changed())).then(set)
    }

    /// What the store says of an end user or a tag.
    pub(crate) async fn read_limited(&self, kind: Kind, id: &str) -> Result<Arc<Limited>, Error> {
        loop {
            let mut parts = Vec::new();
            let origin = self.origin_of_limited(Source::Store(&*self.store), kind, id, &mut parts).await?;
            self.note_first_answer();
            let Some(accounts) = self.take_up(&parts, || self.accounts_of_limited(origin.as_ref())) else {
                continue;
            };
            self.seed(&accounts).await?;
            if parts.iter().any(|part| part.is_changed()) {
                continue;
            }
            let limited = Arc::new(Limited::new(id, accounts, is_blocked(origin.as_ref()), parts));
            self.keep_limited(origin, &limited);
            return Ok(limited);
        }
    }

    /// The objects that limit an end user or a tag. `None` if nobody has limited it.
    pub(crate) async fn origin_of_limited(
        &self,
        source: Source<'_>,
        kind: Kind,
        id: &str,
        parts: &mut Vec<Arc<Part>>,
    ) -> Result<Option<LimitedOrigin>, Error> {
        parts.push(self.parts.of(kind, id));
        let Some(object) = source.object(kind, id).await?.filter(|object| !object.deleted) else {
            return Ok(None);
        };
        let mut budget = None;
        if let Some(budget_id) = budget_id(&object) {
            parts.push(self.parts.of(Kind::Budget, budget_id));
            budget = source.object(Kind::Budget, budget_id).await?;
        }
        Ok(Some(LimitedOrigin { object, budget }))
    }

    /// What an end user or a tag counts against.
    pub(crate) fn accounts_of_limited(&self, origin: Option<&LimitedOrigin>) -> Accounts {
        let mut accounts = Accounts::default();
        let Some(LimitedOrigin { object, budget }) = origin else { return accounts };
        let of_budget = budget.as_ref().map(|budget| &budget.settings);
        let allowance = Allowance::read(&object.settings, of_budget, self.clock.now_ms());
        let subject = if object.kind == Kind::Tag { SubjectKind::Tag } else { SubjectKind::Customer };
        accounts.add(&self.book, &Subject::new(subject, object.id.as_str()), &allowance);
        accounts
    }

    /// What a key counts against: the key itself, what its user may in its team, its team, its user, and all callers.
    pub(crate) fn accounts_of(&self, origin: &Origin) -> Accounts {
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
        accounts.join(&self.global);
        accounts
    }
}

/// The budget that an object refers to.
fn budget_id(object: &Object) -> Option<&str> {
    object.settings.get("budget_id").and_then(Value::as_str)
}

/// Whether nothing may be asked on behalf of an end user or a tag.
pub(crate) fn is_blocked(origin: Option<&LimitedOrigin>) -> bool {
    origin.is_some_and(|origin| origin.object.settings.get("blocked") == Some(&Value::Bool(true)))
}
