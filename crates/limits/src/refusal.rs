//! Why a call may not go on: who was refused, which limit it was, and when it begins anew.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use trunkline_core::{Error, ErrorKind, ReachedLimit, ReachedRate, Subject, SubjectKind};

use crate::Period;

/// What waiting for others to end is worth a try after.
const SOON: Duration = Duration::from_secs(1);

/// Why a call may not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose limit it is.
    pub subject: Subject,
    /// What kind of limit.
    pub what: What,
    /// The limit: a number, or US dollars.
    pub limit: Decimal,
    /// What is used of it. Of tokens this holds what is reserved.
    pub used: Decimal,
    /// What calls that are under way may still spend of a budget.
    pub reserved: Decimal,
    /// What the call asked for.
    pub asked: Decimal,
    /// When the limit begins anew, in milliseconds since 1970. `None` if it does not, or nobody can say when.
    pub resets_at_ms: Option<i64>,
    /// When it was refused, in milliseconds since 1970.
    pub at_ms: i64,
    /// Whether the limit may have room all the same: this replica holds too little of a shared one, and asks for more.
    pub is_pending: bool,
    /// Whether the limit has room as far as is known: the store where replicas share it does not answer, or it is not known
    /// what was spent before.
    pub is_outage: bool,
}

/// What kind of limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Requests in a minute.
    Requests,
    /// Tokens in a minute.
    Tokens,
    /// Calls at one time.
    Parallel,
    /// Money.
    Budget {
        /// What the budget begins anew with. `None` is never.
        period: Option<Period>,
        /// Whether it is one of a list of budgets.
        is_listed: bool,
    },
}

impl What {
    /// Its name in errors and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Parallel => "max_parallel_requests",
            Self::Budget { .. } => "budget",
        }
    }
}

/// What is refused, before it is said to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    pub(crate) what: What,
    pub(crate) limit: Decimal,
    pub(crate) used: Decimal,
    pub(crate) reserved: Decimal,
    pub(crate) asked: Decimal,
    pub(crate) resets_at_ms: Option<i64>,
    pub(crate) is_pending: bool,
    pub(crate) is_outage: bool,
}

impl Reached {
    pub(crate) fn count(what: What, limit: u64, used: u64, asked: u64, resets_at_ms: Option<i64>) -> Self {
        let [limit, used, asked] = [limit, used, asked].map(Decimal::from);
        let reserved = Decimal::ZERO;
        Self { what, limit, used, reserved, asked, resets_at_ms, is_pending: false, is_outage: false }
    }

    pub(crate) fn by(self, subject: &Subject, at_ms: i64) -> Refusal {
        let Self { what, limit, used, reserved, asked, resets_at_ms, is_pending, is_outage } = self;
        let subject = subject.clone();
        Refusal { subject, what, limit, used, reserved, asked, resets_at_ms, at_ms, is_pending, is_outage }
    }
}

impl Refusal {
    /// Whether it would fit if the calls that are under way spent nothing of what they reserved.
    pub fn is_by_reservations(&self) -> bool {
        matches!(self.what, What::Budget { .. })
            && self.used < self.limit
            && self.used.saturating_add(self.asked) <= self.limit
    }

    /// After what time the same call may pass. `None` if waiting does not help.
    pub fn retry_after(&self) -> Option<Duration> {
        if self.is_pending
            || self.is_outage
            || matches!(self.what, What::Parallel)
            || self.is_by_reservations()
        {
            return Some(SOON);
        }
        let fits_alone = match self.what {
            What::Budget { .. } => self.asked <= self.limit && !self.limit.is_zero(),
            What::Requests | What::Tokens | What::Parallel => !self.limit.is_zero(),
        };
        let left_ms = self.resets_at_ms?.saturating_sub(self.at_ms).max(0);
        fits_alone.then(|| Duration::from_millis(left_ms.unsigned_abs()))
    }

    /// The error, in LiteLLM's words, with the subject under the name that its caller knows it by.
    pub fn into_error(self, name: &str) -> Error {
        let name = if self.subject.kind == SubjectKind::Global { "all callers" } else { name };
        if self.is_outage {
            let (kind, what) = (self.subject.kind.name(), self.what.name());
            let message = format!(
                "the limit `{what}` of {kind} `{name}` is shared with other replicas, and nobody can tell now what is left of it"
            );
            return Error::new(ErrorKind::StoreUnavailable, message)
                .with_subject(self.subject.kind)
                .with_retry_after(self.retry_after());
        }
        let (kind, message) = match self.what {
            What::Budget { period, is_listed } => {
                let period = period.filter(|_| is_listed);
                (ErrorKind::BudgetExceeded, self.budget_message(name, period))
            }
            What::Requests | What::Tokens | What::Parallel => {
                (ErrorKind::RateLimited, self.rate_message(name))
            }
        };
        let limit = ReachedLimit { name: self.what.name(), resets_at: self.resets_at_ms, rate: self.rate() };
        let error = Error::new(kind, message)
            .with_subject(self.subject.kind)
            .with_limit(limit)
            .with_retry_after(self.retry_after());
        let has_room = matches!(self.what, What::Budget { .. }) && self.used < self.limit;
        if !has_room {
            return error;
        }
        let asked = self.asked.normalize();
        if self.is_by_reservations() {
            let reserved = self.reserved.normalize();
            error.with_remark(&format!(
                "this call may cost up to {asked}, and calls that are under way up to {reserved}"
            ))
        } else {
            error.with_remark(&format!("this call may cost up to {asked}; ask for less output"))
        }
    }

    /// What is left of a limit of a minute.
    fn rate(&self) -> Option<ReachedRate> {
        match self.what {
            What::Requests | What::Tokens => Some(ReachedRate {
                descriptor: self.descriptor(),
                max: u64::try_from(self.limit).ok()?,
                remaining: u64::try_from(self.remaining()).ok()?,
            }),
            What::Parallel | What::Budget { .. } => None,
        }
    }

    fn remaining(&self) -> Decimal {
        self.limit.saturating_sub(self.used).max(Decimal::ZERO)
    }

    /// LiteLLM's word for whose limit it is.
    fn descriptor(&self) -> &'static str {
        match (self.subject.kind, self.subject.model.is_some()) {
            (SubjectKind::Global, false) => "global",
            (SubjectKind::Global, true) => "model_per_global",
            (SubjectKind::Team, false) => "team",
            (SubjectKind::Team, true) => "model_per_team",
            (SubjectKind::Member, false) => "team_member",
            (SubjectKind::Member, true) => "model_per_team_member",
            (SubjectKind::User, false) => "user",
            (SubjectKind::User, true) => "model_per_user",
            (SubjectKind::Key, false) => "api_key",
            (SubjectKind::Key, true) => "model_per_key",
            (SubjectKind::Customer, false) => "end_user",
            (SubjectKind::Customer, true) => "model_per_end_user",
            (SubjectKind::Tag, false) => "tag",
            (SubjectKind::Tag, true) => "model_per_tag",
        }
    }

    fn rate_message(&self, name: &str) -> String {
        let value = match &self.subject.model {
            None => name.to_owned(),
            Some(model) => format!("{name}:{model}"),
        };
        let (descriptor, remaining) = (self.descriptor(), self.remaining());
        let resets = match self.resets_at_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()) {
            Some(time) => format!(". Limit resets at: {}", time.strftime("%Y-%m-%d %H:%M:%S UTC")),
            None => String::new(),
        };
        format!(
            "Rate limit exceeded for {descriptor}: {value}. Limit type: {}. Current limit: {}, Remaining: \
             {remaining}{resets}",
            self.what.name(),
            self.limit,
        )
    }

    fn budget_message(&self, name: &str, period: Option<Period>) -> String {
        let (spent, max) = (self.used.normalize(), self.limit.normalize());
        let model = self.subject.model.as_ref().map_or_else(String::new, |model| format!(" Model={model}"));
        let kind = match self.subject.kind {
            SubjectKind::Global => "Proxy",
            SubjectKind::Team => "Team",
            SubjectKind::Member => "Team Member",
            SubjectKind::User => "User",
            SubjectKind::Key => "Key",
            SubjectKind::Customer => "End User",
            SubjectKind::Tag => "Tag",
        };
        if let Some(period) = period {
            let who = if self.subject.kind == SubjectKind::Key {
                kind.to_owned()
            } else {
                format!("{kind}={name}")
            };
            return format!(
                "ExceededBudget: {who}{model} over {period} budget. Spend=${spent:.4}, Limit=${max:.2}"
            );
        }
        match self.subject.kind {
            SubjectKind::User | SubjectKind::Customer => {
                format!("ExceededBudget: {kind}={name}{model} over budget. Spend={spent}, Budget={max}")
            }
            SubjectKind::Global => {
                format!("Budget has been exceeded!{model} Current cost: {spent}, Max budget: {max}")
            }
            SubjectKind::Member => {
                format!("Budget has been exceeded! {name}{model} Current cost: {spent}, Max budget: {max}")
            }
            SubjectKind::Team | SubjectKind::Key | SubjectKind::Tag => {
                format!(
                    "Budget has been exceeded! {kind}={name}{model} Current cost: {spent}, Max budget: {max}"
                )
            }
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let id = std::sync::Arc::clone(&refusal.subject.id);
        refusal.into_error(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(subject: Subject, what: What, limit: &str, used: &str, asked: &str) -> Refusal {
        let [limit, used, asked] = [limit, used, asked].map(|text| text.parse().expect("a decimal"));
        let at_ms = 1_795_778_743_000;
        Refusal {
            subject,
            what,
            limit,
            used,
            reserved: Decimal::ZERO,
            asked,
            resets_at_ms: Some(at_ms + 41_000),
            at_ms,
            is_pending: false,
            is_outage: false,
        }
    }

    fn budget(kind: SubjectKind, name: &str) -> String {
        let what = What::Budget { period: None, is_listed: false };
        let subject = Subject::new(kind, "id");
        refusal(subject, what, "1.50", "2.0", "0.1").into_error(name).message().to_owned()
    }

    #[test]
    fn a_rate_limit_is_told_in_litellms_words() {
        let key = Subject::new(SubjectKind::Key, "hash");
        let error = Error::from(refusal(key.clone(), What::Requests, "5", "5", "1"));
        assert_eq!(
            error.message(),
            "Rate limit exceeded for api_key: hash. Limit type: requests. Current limit: 5, Remaining: 0. Limit \
             resets at: 2026-11-27 11:26:24 UTC"
        );
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.subject(), Some(SubjectKind::Key));
        assert_eq!(error.limit().map(|limit| limit.name), Some("requests"));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(41)));
        let model = refusal(key.with_model("gpt-4o"), What::Tokens, "100", "90", "20").into_error("alias");
        assert!(
            model.message().starts_with(
                "Rate limit exceeded for model_per_key: alias:gpt-4o. Limit type: tokens. Current limit: 100, \
                 Remaining: 10."
            ),
            "{model}"
        );
        let all = refusal(Subject::global(), What::Tokens, "100", "90", "20").into_error("");
        assert!(all.message().starts_with("Rate limit exceeded for global: all callers. "), "{all}");
        let parallel = Refusal { resets_at_ms: None, ..refusal(key, What::Parallel, "2", "2", "1") };
        assert_eq!(parallel.retry_after(), Some(SOON));
        assert!(Error::from(parallel).message().ends_with("Current limit: 2, Remaining: 0"));
    }

    #[test]
    fn a_budget_is_told_in_litellms_words() {
        let told = |kind| budget(kind, "red");
        assert_eq!(
            told(SubjectKind::Key),
            "Budget has been exceeded! Key=red Current cost: 2, Max budget: 1.5"
        );
        assert_eq!(
            told(SubjectKind::Team),
            "Budget has been exceeded! Team=red Current cost: 2, Max budget: 1.5"
        );
        assert_eq!(told(SubjectKind::User), "ExceededBudget: User=red over budget. Spend=2, Budget=1.5");
        assert_eq!(
            told(SubjectKind::Customer),
            "ExceededBudget: End User=red over budget. Spend=2, Budget=1.5"
        );
        assert_eq!(
            budget(SubjectKind::Member, "User=u in Team=t"),
            "Budget has been exceeded! User=u in Team=t Current cost: 2, Max budget: 1.5"
        );
        assert_eq!(told(SubjectKind::Global), "Budget has been exceeded! Current cost: 2, Max budget: 1.5");
        let what = What::Budget { period: Some(Period::DAILY), is_listed: true };
        let key = Subject::new(SubjectKind::Key, "hash");
        assert_eq!(
            Error::from(refusal(key, what, "0", "0", "0")).message(),
            "ExceededBudget: Key over 1d budget. Spend=$0.0000, Limit=$0.00"
        );
        let team = Subject::new(SubjectKind::Team, "red");
        assert_eq!(
            Error::from(refusal(team, what, "1.5", "2", "0")).message(),
            "ExceededBudget: Team=red over 1d budget. Spend=$2.0000, Limit=$1.50"
        );
    }

    #[test]
    fn waiting_is_advised_where_it_helps() {
        let what = What::Budget { period: Some(Period::DAILY), is_listed: false };
        let key = || Subject::new(SubjectKind::Key, "hash");
        let check = |limit, used, asked, expected: Option<u64>| {
            let refusal = refusal(key(), what, limit, used, asked);
            assert_eq!(refusal.retry_after(), expected.map(Duration::from_secs), "{limit} {used} {asked}");
        };
        check("10", "10", "1", Some(41));
        check("10", "9.5", "1", Some(41));
        check("10", "2", "1", Some(1));
        check("10", "2", "11", None);
        check("0", "0", "0", None);
        let never = Refusal { resets_at_ms: None, ..refusal(key(), what, "1", "1", "1") };
        assert_eq!(never.retry_after(), None);
    }

    #[test]
    fn a_budget_that_has_room_says_what_the_call_may_cost() {
        let what = What::Budget { period: None, is_listed: false };
        let key = Subject::new(SubjectKind::Key, "hash");
        let waited = Refusal { reserved: Decimal::ONE, ..refusal(key.clone(), what, "1", "0.2", "0.5") };
        assert!(
            Error::from(waited).message().ends_with(
                "Max budget: 1; this call may cost up to 0.5, and calls that are under way up to 1"
            )
        );
        let large = refusal(key, what, "1", "0.2", "0.90");
        assert!(
            Error::from(large)
                .message()
                .ends_with("Max budget: 1; this call may cost up to 0.9; ask for less output")
        );
    }
}
