//! What was spent at LiteLLM, on the counters that it belongs on here.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::Subject;
use trunkline_limits::Period;
use trunkline_store::Spent;

use crate::numbers;

/// The most that is counted of what somebody has spent, in dollars: a counter holds no more.
const AMOUNT_MAX: Decimal = Decimal::from_parts(9_000_000, 0, 0, false, 0);

/// A window in which somebody spends, as LiteLLM keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// How long it is, as it was configured.
    pub(crate) duration: String,
    /// When it ends there.
    pub(crate) ends_at: Option<i64>,
    /// What was spent in it.
    pub(crate) spent: Decimal,
}

/// What somebody has spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spending {
    /// Since the beginning. `None` where LiteLLM forgets it with each window.
    pub(crate) ever: Option<Decimal>,
    /// In the windows that are open here now.
    pub(crate) windows: Vec<Amount>,
    /// Windows that end at another time there.
    pub(crate) shifted: Vec<Shift>,
}

/// What was spent in one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) period: String,
    pub(crate) begins_at: i64,
    pub(crate) amount: Decimal,
}

/// A window that ends at another time here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shift {
    pub(crate) duration: String,
    pub(crate) there: i64,
    pub(crate) here: i64,
}

impl Spending {
    /// What LiteLLM counts as spent, and begins anew with each of these windows; and what it knows to be spent in all. Without
    /// a window, what counts there counts for ever here, however much it was in all.
    pub(crate) fn of(spend: Decimal, total: Option<Decimal>, windows: &[Window], now: i64) -> Self {
        let ever = if windows.is_empty() { Some(spend) } else { total.map(|total| total.max(spend)) };
        Self { ever: ever.map(counted), ..Self::default() }.with(windows, now)
    }

    /// The same, where what counts there limits what is spent for ever here, though it begins anew there.
    pub(crate) fn for_ever(self, spend: Decimal) -> Self {
        Self { ever: Some(counted(spend)), ..self }
    }

    /// The same, with further windows, in which what was spent counts as well.
    pub(crate) fn with(mut self, windows: &[Window], now: i64) -> Self {
        windows.iter().for_each(|window| self.add(window, now));
        self
    }

    /// Adds a window. One that has ended there holds nothing of the one that is open.
    fn add(&mut self, window: &Window, now: i64) {
        let period = Period::parse(&window.duration);
        let (label, begins_at) = (period.to_string(), period.begins_at(now));
        let has_ended = window.ends_at.is_some_and(|ends_at| ends_at <= now);
        let amount = if has_ended { Decimal::ZERO } else { counted(window.spent) };
        match self.windows.iter_mut().find(|other| other.period == label) {
            Some(other) => other.amount = other.amount.max(amount),
            None => self.windows.push(Amount { period: label, begins_at, amount }),
        }
        let here = period.ends_at(now);
        if let Some(there) = window.ends_at.filter(|there| !has_ended && *there != here) {
            self.shifted.push(Shift { duration: window.duration.clone(), there, here });
        }
    }

    /// What is to be added to the counters of a subject, where `taken` was added already; and what will have been added
    /// then.
    pub(crate) fn beyond(&self, taken: &Taken, subject: &Subject) -> (Vec<Spent>, Taken) {
        let windows = self.windows.iter().map(|window| {
            let before = taken.of(&window.period, window.begins_at);
            Amount { amount: window.amount - before, ..window.clone() }
        });
        let mut beyond: Vec<Amount> = windows.collect();
        let before = taken.of("", 0);
        // What is forgotten with each window was spent on top of what was known before.
        let ever = self
            .ever
            .unwrap_or_else(|| before + beyond.first().map(|first| first.amount).unwrap_or_default());
        let of_ever = |amount| Amount { period: String::new(), begins_at: 0, amount };
        beyond.push(of_ever(ever - before));
        beyond.retain(|more| !more.amount.is_zero());
        let mut taken: Vec<Amount> = self.windows.iter().cloned().chain([of_ever(ever)]).collect();
        taken.retain(|amount| !amount.amount.is_zero());
        let spent = beyond.into_iter().map(|Amount { period, begins_at, amount }| Spent {
            subject: subject.clone(),
            period,
            begins_at,
            amount,
            corrected: Decimal::ZERO,
        });
        (spent.collect(), Taken(taken))
    }
}

fn counted(amount: Decimal) -> Decimal {
    amount.clamp(Decimal::ZERO, AMOUNT_MAX).normalize()
}

/// What was taken over of somebody's spending, as it is noted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken(Vec<Amount>);

impl Taken {
    pub(crate) fn read(value: Option<&Value>) -> Self {
        let amounts = value.and_then(Value::as_array).into_iter().flatten().filter_map(|amount| {
            Some(Amount {
                period: amount.get("period")?.as_str()?.to_owned(),
                begins_at: amount.get("begins_at")?.as_i64()?,
                amount: amount.get("amount").and_then(numbers::money)?,
            })
        });
        Self(amounts.collect())
    }

    pub(crate) fn written(&self) -> Value {
        let amounts = self.0.iter().map(|amount| {
            json!({
                "period": amount.period,
                "begins_at": amount.begins_at,
                "amount": numbers::value(amount.amount),
            })
        });
        amounts.collect()
    }

    fn of(&self, period: &str, begins_at: i64) -> Decimal {
        let is_meant = |amount: &&Amount| amount.period == period && amount.begins_at == begins_at;
        self.0.iter().find(is_meant).map(|amount| amount.amount).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::SubjectKind;

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn dollars(text: &str) -> Decimal {
        text.parse().expect("the test's own figure")
    }

    fn daily(spent: &str, ends_at: i64) -> Window {
        Window { duration: "1d".to_owned(), ends_at: Some(ends_at), spent: dollars(spent) }
    }

    /// What is added to which counter, as `period@beginning amount`.
    fn added(spending: &Spending, taken: &Taken) -> (Vec<String>, Taken) {
        let (spent, taken) = spending.beyond(taken, &Subject::new(SubjectKind::Key, "k"));
        let shown =
            spent.iter().map(|spent| format!("{}@{} {}", spent.period, spent.begins_at, spent.amount));
        (shown.collect(), taken)
    }

    #[test]
    fn without_a_window_what_was_spent_counts_for_ever() {
        let of = |spend: &str| Spending::of(dollars(spend), None, &[], DAY_MS);
        let (first, taken) = added(&of("5.5"), &Taken::default());
        assert_eq!(first, ["@0 5.5"]);
        assert_eq!(added(&of("5.5"), &taken).0, [""; 0]);
        assert_eq!(added(&of("7"), &taken).0, ["@0 1.5"]);
        assert_eq!(added(&of("0"), &taken).0, ["@0 -5.5"], "it was set back there");
    }

    #[test]
    fn a_window_holds_what_was_spent_in_it_and_all_of_it_counts_for_ever() {
        let now = 10 * DAY_MS + 5;
        let of = |spend: &str, now: i64| {
            let ends_at = (now / DAY_MS + 1) * DAY_MS;
            Spending::of(dollars(spend), None, &[daily(spend, ends_at)], now)
        };
        let (first, taken) = added(&of("5", now), &Taken::default());
        assert_eq!(first, ["1d@864000000 5", "@0 5"]);
        assert_eq!(added(&of("5", now), &taken).0, [""; 0]);
        let (more, taken) = added(&of("6", now), &taken);
        assert_eq!(more, ["1d@864000000 1", "@0 1"]);
        let (next, taken) = added(&of("2", now + DAY_MS), &taken);
        assert_eq!(next, ["1d@950400000 2", "@0 2"], "nothing of the day before is taken off");
        // Without a window the same figure counts for ever.
        let ever = Spending::of(dollars("2"), None, &[], now + DAY_MS);
        assert_eq!(added(&ever, &taken).0, ["@0 -6"]);
    }

    #[test]
    fn a_window_that_has_ended_there_holds_nothing_here() {
        let now = 10 * DAY_MS + 5;
        let spending = Spending::of(dollars("5"), Some(dollars("9")), &[daily("5", now)], now);
        assert_eq!(added(&spending, &Taken::default()).0, ["@0 9"]);
        assert_eq!(spending.shifted, []);
    }

    #[test]
    fn a_window_that_ends_at_another_time_is_told() {
        let now = 10 * DAY_MS + 5;
        let spending = Spending::of(dollars("5"), None, &[daily("5", now + 7)], now);
        let expected = Shift { duration: "1d".to_owned(), there: now + 7, here: 11 * DAY_MS };
        assert_eq!(spending.shifted, [expected]);
    }

    #[test]
    fn what_was_taken_over_is_read_as_it_was_written() {
        let now = 10 * DAY_MS + 5;
        let spending = Spending::of(dollars("0.30000000000000004"), None, &[daily("0.1", 11 * DAY_MS)], now);
        let (_, taken) = added(&spending, &Taken::default());
        assert_eq!(Taken::read(Some(&taken.written())), taken);
        assert_eq!(Taken::read(None), Taken::default());
    }
}
