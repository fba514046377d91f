//! What was spent at LiteLLM, on the counters that it belongs on here.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use trunkline_core::Subject;
use trunkline_limits::Period;
use trunkline_store::{AMOUNT_MAX, Spent};

use crate::import::row::Row;
use crate::numbers;

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

impl Window {
    /// The window of a row's own budget, if it has one.
    pub(crate) fn of(row: &Row, spent: Decimal) -> Option<Self> {
        let duration = row.text("budget_duration")?.to_owned();
        Some(Self { duration, ends_at: row.time("budget_reset_at"), spent })
    }
}

/// What LiteLLM counts as spent since it began anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// When it begins anew next, if it does.
    pub(crate) ends_at: Option<i64>,
    pub(crate) spent: Decimal,
}

impl Counted {
    /// What was spent since an earlier look. Once the end that was seen then has passed and another is told, all of it was
    /// spent since, and so where no end was told then, one is now, and it is less; else it goes on, and is less only where
    /// somebody has set it back.
    fn since(&self, earlier: &Self, now: i64) -> Decimal {
        let began_anew = match earlier.ends_at {
            Some(ends_at) => ends_at <= now && self.ends_at != Some(ends_at),
            None => self.ends_at.is_some() && self.spent < earlier.spent,
        };
        if began_anew { self.spent } else { self.spent - earlier.spent }
    }
}

/// What somebody has spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spending {
    /// Since the beginning. `None` where LiteLLM forgets it with each window.
    pub(crate) ever: Option<Decimal>,
    /// What counts there as spent.
    pub(crate) there: Counted,
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
    /// What of it stands there. `None` where an earlier version has not noted it.
    pub(crate) there: Option<Counted>,
}

/// A window that ends at another time here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shift {
    pub(crate) duration: String,
    pub(crate) there: i64,
    pub(crate) here: i64,
}

impl Spending {
    /// What LiteLLM counts as spent, and begins anew with each of these windows; and what it knows to be spent in all.
    /// Without a window, what counts there counts for ever here, however much it was in all. Of two windows with one period
    /// the first counts.
    pub(crate) fn of(spend: Decimal, total: Option<Decimal>, windows: &[Window], now: i64) -> Self {
        let ever = if windows.is_empty() { Some(spend) } else { total.map(|total| total.max(spend)) };
        let ends_at = windows.first().and_then(|window| window.ends_at);
        let there = Counted { ends_at, spent: counted(spend) };
        let mut spending = Self { ever: ever.map(counted), there, ..Self::default() };
        // One figure ends with either: what is known of it is held against what was known of the same window.
        windows.iter().for_each(|window| spending.add(window, now, |_, _| false));
        spending
    }

    /// The same, where what counts there limits what is spent for ever here, though it begins anew there.
    pub(crate) fn for_ever(self, spend: Decimal) -> Self {
        Self { ever: Some(counted(spend)), ..self }
    }

    /// The same, with further windows, in which what was spent counts as well. Each has a figure of its own, and of two with
    /// one period the larger counts.
    pub(crate) fn with(mut self, windows: &[Window], now: i64) -> Self {
        windows.iter().for_each(|window| self.add(window, now, |held, new| held.amount < new.amount));
        self
    }

    /// Adds a window, in the place of one with its period where that gives way. One that has ended there holds nothing of the
    /// one that is open.
    fn add(&mut self, window: &Window, now: i64, gives_way: fn(&Amount, &Amount) -> bool) {
        let period = Period::parse(&window.duration);
        let (label, begins_at) = (period.to_string(), period.begins_at(now));
        let has_ended = window.ends_at.is_some_and(|ends_at| ends_at <= now);
        let spent = counted(window.spent);
        let there = Counted { ends_at: window.ends_at, spent };
        let amount = if has_ended { Decimal::ZERO } else { spent };
        let amount = Amount { period: label, begins_at, amount, there: Some(there) };
        match self.windows.iter_mut().find(|other| other.period == amount.period) {
            Some(held) if gives_way(held, &amount) => *held = amount,
            Some(_) => {}
            None => self.windows.push(amount),
        }
        let here = period.ends_at(now);
        if let Some(there) = window.ends_at.filter(|there| !has_ended && *there != here) {
            self.shifted.push(Shift { duration: window.duration.clone(), there, here });
        }
    }

    /// What is to be added to the counters of a subject, where `taken` was added already; and what will have been added
    /// then.
    pub(crate) fn beyond(&self, taken: &Taken, subject: &Subject, now: i64) -> (Vec<Spent>, Taken) {
        let mut after: Vec<Amount> = self.windows.iter().map(|window| taken.with(window, now)).collect();
        let before = taken.of("", 0);
        let held = |amount: &Amount| {
            taken.of(&amount.period, amount.begins_at).map_or(Decimal::ZERO, |held| held.amount)
        };
        let ever = self.ever.unwrap_or_else(|| {
            // What is forgotten with each window was spent on top of what was known before.
            let more = match before.and_then(|before| before.there.as_ref()) {
                Some(there) => self.there.since(there, now),
                None => after.first().map(|first| first.amount - held(first)).unwrap_or_default(),
            };
            counted(before.map_or(Decimal::ZERO, |before| before.amount) + more)
        });
        let there = Some(self.there.clone());
        after.push(Amount { period: String::new(), begins_at: 0, amount: ever, there });
        let spent = after.iter().map(|amount| Spent {
            subject: subject.clone(),
            period: amount.period.clone(),
            begins_at: amount.begins_at,
            amount: amount.amount - held(amount),
            corrected: Decimal::ZERO,
        });
        let spent = spent.filter(|spent| !spent.amount.is_zero()).collect();
        after.retain(|amount| !amount.is_nothing());
        (spent, Taken(after))
    }
}

impl Amount {
    fn is_nothing(&self) -> bool {
        self.amount.is_zero() && self.there.as_ref().is_none_or(|there| there.spent.is_zero())
    }
}

/// As much as a counter holds.
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
                there: amount.get("there").and_then(|there| {
                    let ends_at = there.get("ends_at").and_then(Value::as_i64);
                    Some(Counted { ends_at, spent: there.get("spent").and_then(numbers::money)? })
                }),
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
                "there": amount.there.as_ref().map(|there| {
                    json!({ "ends_at": there.ends_at, "spent": numbers::value(there.spent) })
                }),
            })
        });
        amounts.collect()
    }

    fn of(&self, period: &str, begins_at: i64) -> Option<&Amount> {
        self.0.iter().find(|amount| amount.period == period && amount.begins_at == begins_at)
    }

    /// Whether a window that was open then, and is still, ends at another time, or at a time by now: were that not noted, it
    /// would look later as if it had begun anew, or as if it had been set back.
    pub(crate) fn is_outdated(&self, then: &Self, now: i64) -> bool {
        let ends_at = |amount: &Amount| amount.there.as_ref().and_then(|there| there.ends_at);
        self.0.iter().filter(|held| ends_at(held).is_none_or(|ends_at| ends_at > now)).any(|held| {
            then.0.iter().any(|then| then.period == held.period && ends_at(then) != ends_at(held))
        })
    }

    /// A window with what was taken of it before. LiteLLM's may end within it: what was taken stays, and what was spent
    /// since comes on top.
    fn with(&self, window: &Amount, now: i64) -> Amount {
        let held = self.of(&window.period, window.begins_at);
        let amount = match held.and_then(|held| held.there.as_ref()).zip(window.there.as_ref()) {
            Some((before, there)) => {
                counted(held.map(|held| held.amount).unwrap_or_default() + there.since(before, now))
            }
            None => window.amount,
        };
        Amount { amount, ..window.clone() }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::SubjectKind;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const DAY_MS: i64 = 24 * HOUR_MS;

    fn dollars(text: &str) -> Decimal {
        text.parse().expect("the test's own figure")
    }

    fn daily(spent: &str, ends_at: i64) -> Window {
        Window { duration: "1d".to_owned(), ends_at: Some(ends_at), spent: dollars(spent) }
    }

    /// What is added to which counter, as `period@beginning amount`.
    fn added(spending: &Spending, taken: &Taken) -> (Vec<String>, Taken) {
        added_at(10 * DAY_MS + 5, spending, taken)
    }

    fn added_at(now: i64, spending: &Spending, taken: &Taken) -> (Vec<String>, Taken) {
        let (spent, taken) = spending.beyond(taken, &Subject::new(SubjectKind::Key, "k"), now);
        let shown = spent
            .iter()
            .map(|spent| format!("{}@{} {}", spent.period, spent.begins_at, spent.amount.normalize()));
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
        let (next, taken) = added_at(now + DAY_MS, &of("2", now + DAY_MS), &taken);
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
    fn a_window_that_ends_there_within_the_one_here_takes_nothing_back() {
        // There the day ends at five in the morning.
        let end = 10 * DAY_MS + 5 * HOUR_MS;
        let look = |now: i64, spent: &str, ends_at: i64, taken: &Taken| {
            let spending = Spending::of(dollars(spent), None, &[daily(spent, ends_at)], now);
            let (added, taken) = added_at(now, &spending, taken);
            (added, Taken::read(Some(&taken.written())))
        };
        let (first, taken) = look(end - HOUR_MS, "5", end, &Taken::default());
        assert_eq!(first, ["1d@864000000 5", "@0 5"]);
        let (ended, taken) = look(end + HOUR_MS, "5", end, &taken);
        assert_eq!(ended, [""; 0], "it was not begun anew there yet");
        let (more, taken) = look(end + HOUR_MS, "5.5", end, &taken);
        assert_eq!(more, ["1d@864000000 0.5", "@0 0.5"]);
        let (anew, taken) = look(end + 2 * HOUR_MS, "0", end + DAY_MS, &taken);
        assert_eq!(anew, [""; 0]);
        let (on, taken) = look(end + 3 * HOUR_MS, "2", end + DAY_MS, &taken);
        assert_eq!(on, ["1d@864000000 2", "@0 2"]);
        let (set_back, taken) = look(end + 4 * HOUR_MS, "1", end + DAY_MS, &taken);
        assert_eq!(set_back, ["1d@864000000 -1", "@0 -1"], "by somebody, and not by its end");
        // Here the next day has begun, and there it has not.
        let (next, taken) = look(11 * DAY_MS, "1.5", end + DAY_MS, &taken);
        assert_eq!(next, ["1d@950400000 1.5", "@0 0.5"]);
        assert_eq!(
            look(11 * DAY_MS + 6 * HOUR_MS, "0.25", end + 2 * DAY_MS, &taken).0,
            ["1d@950400000 0.25", "@0 0.25"]
        );
    }

    #[test]
    fn what_had_ended_before_the_first_look_is_no_more_later() {
        let now = 10 * DAY_MS + 5;
        let of = |spent: &str| Spending::of(dollars(spent), None, &[daily(spent, now - 1)], now);
        let (first, taken) = added(&of("5"), &Taken::default());
        assert_eq!(first, [""; 0]);
        assert_eq!(added(&of("5.5"), &taken).0, ["1d@864000000 0.5", "@0 0.5"]);
    }

    #[test]
    fn another_window_there_makes_nothing_count_twice_for_ever() {
        let now = 10 * DAY_MS + 5;
        let of = |spent: &str, duration: &str, ends_at: i64| {
            let window =
                Window { duration: duration.to_owned(), ends_at: Some(ends_at), spent: dollars(spent) };
            Spending::of(dollars(spent), None, &[window], now)
        };
        let (_, daily) = added(&of("5", "1d", 11 * DAY_MS), &Taken::default());
        let (more, _) = added(&of("6", "30d", 30 * DAY_MS), &daily);
        assert_eq!(more, ["30d@0 6", "@0 1"]);
        let (_, without) = added(&Spending::of(dollars("5"), None, &[], now), &Taken::default());
        assert_eq!(added(&of("6", "1d", 11 * DAY_MS), &without).0, ["1d@864000000 6", "@0 1"]);
    }

    #[test]
    fn an_end_that_is_put_off_there_is_noted() {
        let now = 10 * DAY_MS + 5;
        let of = |ends_at: i64| Spending::of(dollars("5"), None, &[daily("5", ends_at)], now);
        let (_, taken) = added(&of(11 * DAY_MS), &Taken::default());
        let (more, put_off) = added(&of(12 * DAY_MS), &taken);
        assert_eq!(more, [""; 0]);
        assert!(taken.is_outdated(&put_off, now));
        assert!(!put_off.is_outdated(&put_off, now));
        assert!(!taken.is_outdated(&put_off, 11 * DAY_MS), "it has begun anew by itself");
    }

    /// The second was once taken for the first, and what stood in it was taken off when the first began anew.
    #[test]
    fn of_two_windows_of_one_period_the_first_counts() {
        let (own_end, end_of_budget) = (10 * DAY_MS + 5 * HOUR_MS, 11 * DAY_MS);
        let look = |now: i64, spent: &str, own_end: i64, taken: &Taken| {
            let windows = [daily(spent, own_end), daily(spent, end_of_budget)];
            added_at(now, &Spending::of(dollars(spent), None, &windows, now), taken)
        };
        let (ended, taken) = look(own_end + HOUR_MS, "5", own_end, &Taken::default());
        assert_eq!(ended, [""; 0]);
        let (anew, taken) = look(own_end + 2 * HOUR_MS, "0", own_end + DAY_MS, &taken);
        assert_eq!(anew, [""; 0]);
        let (on, _) = look(own_end + 3 * HOUR_MS, "2", own_end + DAY_MS, &taken);
        assert_eq!(on, ["1d@864000000 2", "@0 2"]);
    }

    #[test]
    fn of_two_figures_of_one_period_the_larger_counts() {
        let now = 10 * DAY_MS + 5;
        let of = |limit: &str| {
            let spending = Spending::of(dollars("5"), None, &[daily("5", 11 * DAY_MS)], now);
            spending.with(&[daily(limit, 11 * DAY_MS)], now)
        };
        assert_eq!(added(&of("7"), &Taken::default()).0, ["1d@864000000 7", "@0 7"]);
        assert_eq!(added(&of("3"), &Taken::default()).0, ["1d@864000000 5", "@0 5"]);
    }

    #[test]
    fn a_window_whose_end_is_told_later_takes_nothing_back() {
        let now = 10 * DAY_MS + 5;
        let of = |spent: &str, ends_at: Option<i64>| {
            let window = Window { duration: "1d".to_owned(), ends_at, spent: dollars(spent) };
            Spending::of(dollars(spent), None, &[window], now)
        };
        let (first, taken) = added(&of("5", None), &Taken::default());
        assert_eq!(first, ["1d@864000000 5", "@0 5"]);
        assert_eq!(added(&of("2", Some(11 * DAY_MS)), &taken).0, ["1d@864000000 2", "@0 2"]);
        assert_eq!(added(&of("6", Some(11 * DAY_MS)), &taken).0, ["1d@864000000 1", "@0 1"]);
        assert_eq!(added(&of("4", None), &taken).0, ["1d@864000000 -1", "@0 -1"], "it was set back there");
        let (more, told) = added(&of("5", Some(11 * DAY_MS)), &taken);
        assert_eq!(more, [""; 0]);
        assert!(taken.is_outdated(&told, now));
        assert!(!taken.is_outdated(&taken, now));
    }

    #[test]
    fn notes_of_earlier_versions_are_read() {
        let note = json!([
            { "period": "1d", "begins_at": 10 * DAY_MS, "amount": 5 },
            { "period": "", "begins_at": 0, "amount": 7 },
        ]);
        let spending = Spending::of(dollars("6"), None, &[daily("6", 11 * DAY_MS)], 10 * DAY_MS + 5);
        assert_eq!(added(&spending, &Taken::read(Some(&note))).0, ["1d@864000000 1", "@0 1"]);
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
