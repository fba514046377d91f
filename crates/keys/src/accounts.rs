//! The accounts that a request counts against: its key's, its user's, its team's, and those of single models.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use trunkline_core::{Subject, SubjectKind};
use trunkline_limits::{Account, Book};

use crate::allowance::Allowance;

/// Accounts in the order in which refusals name them: the widest last.
#[derive(Debug, Default)]
pub struct Accounts {
    /// Those whose requests a minute and at one time every request counts against.
    pub always: Vec<Arc<Account>>,
    /// Those whose tokens and money it counts against: all of them, but for a user's whose team pays.
    pub paying: Vec<Arc<Account>>,
    /// Those of one model each, by the name of its group.
    by_model: BTreeMap<String, Vec<Arc<Account>>>,
    /// Whether any of them has a budget.
    pub has_budget: bool,
    /// Who is charged, be there a budget or not.
    charged: Vec<Subject>,
    /// When the first of them is another without anybody changing it, in milliseconds since 1970.
    ends_at: Option<i64>,
}

impl Accounts {
    /// Adds an account of a subject with what it may use.
    pub(crate) fn add(&mut self, book: &Book, subject: &Subject, allowance: &Allowance) {
        let account = book.account(subject);
        account.set(&allowance.whole);
        self.hold(account);
        for (model, limits) in &allowance.by_model {
            let account = book.account(&subject.with_model(model.as_str()));
            account.set(limits);
            self.by_model.entry(model.clone()).or_default().push(account);
        }
        self.has_budget |= allowance.has_budget();
        self.ends_at = self.ends_at.into_iter().chain(allowance.ends_at).min();
        self.charge(subject);
    }

    /// Notes at all accounts that were added so far what an administrator said last of what is spent.
    pub(crate) fn note_lowered(&self, (number, to): (i64, Decimal)) {
        self.all().for_each(|account| account.note_lowered(number, to));
    }

    /// Adds an account of a subject who does not pay: its requests count, its tokens and budgets are for others. It is
    /// charged with nothing, or its budget would hold what its team has paid after the next start.
    pub(crate) fn add_unpaying(&mut self, book: &Book, subject: &Subject, allowance: &Allowance) {
        let account = book.account(subject);
        // The account is one for all who count against it, so that it has all its limits wherever it stands.
        account.set(&allowance.whole);
        self.always.push(account);
    }

    /// Adds the accounts that everybody's requests count against, but for those of models: each key would hold them all.
    pub(crate) fn join(&mut self, everybody: &Self) {
        self.always.extend(everybody.always.iter().cloned());
        self.paying.extend(everybody.paying.iter().cloned());
        self.has_budget |= everybody.has_budget;
    }

    fn hold(&mut self, account: Arc<Account>) {
        self.always.push(Arc::clone(&account));
        self.paying.push(account);
    }

    /// Charges a subject with what is spent, whatever it may use.
    fn charge(&mut self, subject: &Subject) {
        // What is spent is told of every subject, with or without a budget. A member's is a part of its team's.
        if subject.kind != SubjectKind::Global {
            self.charged.push(subject.clone());
        }
    }

    /// The accounts of the models that these names mean: a request may be known by several, its group's and its own.
    pub fn of_models<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Arc<Account>> {
        let named = |name: &&str| self.by_model.get(*name).into_iter().flatten();
        // Two names of one group must not count twice.
        let names = names.iter().enumerate().filter(|(at, name)| !names[..*at].contains(name));
        names.flat_map(move |(_, name)| named(name))
    }

    /// Whether what they may use is another by now.
    pub(crate) fn are_over(&self, now_ms: impl FnOnce() -> i64) -> bool {
        self.ends_at.is_some_and(|ends_at| ends_at <= now_ms())
    }

    /// Whether a model has limits of its own.
    pub fn knows_models(&self) -> bool {
        !self.by_model.is_empty()
    }

    /// Who is charged with what a request spends.
    pub fn charged(&self) -> &[Subject] {
        &self.charged
    }

    /// All of them, those of models too.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.always.iter().chain(self.by_model.values().flatten())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_that_goes_by_two_names_counts_once_each() {
        let book = Book::default();
        let settings = json!({ "model_rpm_limit": { "gpt": 1, "openai/gpt": 2 }, "max_budget": 1 });
        let allowance = Allowance::read(settings.as_object().expect("an object"), None, 0);
        let mut accounts = Accounts::default();
        accounts.add(&book, &Subject::new(SubjectKind::Key, "k"), &allowance);
        assert_eq!(accounts.of_models(&["gpt", "gpt"]).count(), 1);
        assert_eq!(accounts.of_models(&["gpt", "openai/gpt"]).count(), 2);
        assert_eq!(accounts.of_models(&["other"]).count(), 0);
        assert!(accounts.has_budget && accounts.knows_models());
        assert_eq!(accounts.all().count(), 3);
    }

    #[test]
    fn accounts_are_over_when_a_raise_ends() {
        let settings = json!({
            "max_budget": 1, "temp_budget_increase": 1, "temp_budget_expiry": "1970-01-01T00:00:01Z",
        });
        let at = |now_ms| Allowance::read(settings.as_object().expect("an object"), None, now_ms);
        let mut accounts = Accounts::default();
        assert!(!accounts.are_over(|| i64::MAX), "nothing is for a time");
        accounts.add(&Book::default(), &Subject::new(SubjectKind::Key, "k"), &at(0));
        assert!(!accounts.are_over(|| 999) && accounts.are_over(|| 1_000));
        assert_eq!(at(1_000).ends_at, None, "it is not raised any more");
    }
}
