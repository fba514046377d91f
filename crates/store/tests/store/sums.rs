//! Sums by hour, day and tag, and counters: always what the rows add up to.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::{Decimal, RoundingStrategy};
use trunkline_core::{ErrorKind, Subject, SubjectKind};
use trunkline_store::{
    Activity, ActivityQuery, Charge, Dimension, Kind, Lowered, Object, RequestRow, Spent, Store, Sums,
    TAGS_MAX, Write,
};

use crate::load::{DAY, HOUR, MIDNIGHT, load, money, row};

const ALL: [Dimension; 10] = [
    Dimension::Day,
    Dimension::Hour,
    Dimension::Key,
    Dimension::User,
    Dimension::Team,
    Dimension::Customer,
    Dimension::Group,
    Dimension::Model,
    Dimension::Provider,
    Dimension::Operation,
];

/// Every sum and every counter that there is, in the finest grain.
pub(crate) async fn everything(
    store: &dyn Store,
) -> (Vec<Activity>, Vec<Activity>, Vec<Activity>, Vec<Spent>) {
    let of = |by: &[Dimension]| ActivityQuery { by: by.to_vec(), ..ActivityQuery::default() };
    let mut hours = store.activity(&of(&ALL)).await.expect("sums");
    let without_hour: Vec<Dimension> = ALL.into_iter().filter(|by| *by != Dimension::Hour).collect();
    let mut days = store.activity(&of(&without_hour)).await.expect("sums");
    let tagged: Vec<Dimension> = without_hour.into_iter().chain([Dimension::Tag]).collect();
    let mut tags = store.activity(&of(&tagged)).await.expect("sums");
    for sums in [&mut hours, &mut days, &mut tags] {
        sums.sort_by(|one, other| one.values.cmp(&other.values));
    }
    (hours, days, tags, store.spent(&subjects()).await.expect("counters"))
}

/// Everybody whom the load charges.
pub(crate) fn subjects() -> Vec<Subject> {
    let names = [
        (SubjectKind::Key, ["key-a", "key-b", "key-c"].as_slice()),
        (SubjectKind::User, &["ada", "bob"]),
        (SubjectKind::Team, &["red", "blue"]),
    ];
    let mut subjects = vec![Subject::global()];
    for (kind, names) in names {
        for name in names {
            let subject = Subject::new(kind, *name);
            subjects.extend(["gpt-4o", "claude"].map(|model| subject.with_model(model)));
            subjects.push(subject);
        }
    }
    subjects
}

/// The places that a store's sums keep.
fn places(store: &dyn Store) -> u32 {
    if store.name() == "sqlite" { 12 } else { 15 }
}

fn add(sums: &mut Sums, row: &RequestRow, places: u32) {
    let usage = row.usage.clone().unwrap_or_default();
    let spend = row.spend.unwrap_or_default();
    sums.spend += spend.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven);
    sums.requests += 1;
    sums.completed += u64::from(row.outcome == "completed");
    sums.unpriced += u64::from(row.spend.is_none());
    sums.cache_hits += u64::from(row.cache_hit);
    sums.input_tokens += usage.uncached_input + usage.cache_read + usage.cache_write;
    sums.cache_read_tokens += usage.cache_read;
    sums.cache_write_tokens += usage.cache_write;
    sums.output_tokens += usage.output + usage.reasoning;
    sums.reasoning_tokens += usage.reasoning;
    sums.duration_ms += u64::try_from(row.ended_at - row.started_at).expect("time goes on");
}

/// What rows add up to, told apart by some value of theirs.
fn expected(
    rows: &[RequestRow],
    places: u32,
    value: impl Fn(&RequestRow) -> Vec<Vec<String>>,
) -> BTreeMap<Vec<String>, Sums> {
    let mut all: BTreeMap<Vec<String>, Sums> = BTreeMap::new();
    for row in rows {
        for values in value(row) {
            add(all.entry(values).or_default(), row, places);
        }
    }
    all
}

async fn by(store: &dyn Store, query: ActivityQuery) -> BTreeMap<Vec<String>, Sums> {
    let sums = store.activity(&query).await.expect("sums");
    sums.into_iter().map(|activity| (activity.values, activity.sums)).collect()
}

fn name(name: &Option<String>) -> String {
    name.clone().unwrap_or_default()
}

pub(crate) async fn sums_are_what_rows_add_up_to(store: &dyn Store) {
    let rows = load(4, 900);
    for batch in rows.chunks(130) {
        store.record(batch).await.expect("a record");
    }
    let places = places(store);
    let query = |by: &[Dimension]| ActivityQuery { by: by.to_vec(), ..ActivityQuery::default() };
    let whole = expected(&rows, places, |_| vec![Vec::new()]);
    assert_eq!(by(store, query(&[])).await, whole);
    let hour = |row: &RequestRow| {
        let (day, hour) = ((row.started_at - MIDNIGHT).div_euclid(DAY), row.started_at % DAY / HOUR);
        format!("2026-11-{}T{hour:02}", 27 + day)
    };
    let hours = expected(&rows, places, |row| vec![vec![hour(row), name(&row.key)]]);
    assert_eq!(by(store, query(&[Dimension::Hour, Dimension::Key])).await, hours);
    let days = expected(&rows, places, |row| vec![vec![hour(row)[..10].to_owned(), name(&row.team_id)]]);
    assert_eq!(by(store, query(&[Dimension::Day, Dimension::Team])).await, days);
    let users = expected(&rows, places, |row| vec![vec![name(&row.user_id), name(&row.customer)]]);
    assert_eq!(by(store, query(&[Dimension::User, Dimension::Customer])).await, users);
    let models = [Dimension::Model, Dimension::Provider, Dimension::Operation, Dimension::Group];
    let expected_models = expected(&rows, places, |row| {
        vec![vec![name(&row.upstream_model), name(&row.provider), row.operation.clone(), name(&row.group)]]
    });
    assert_eq!(by(store, query(&models)).await, expected_models);
    let tags = expected(&rows, places, |row| {
        let mut tags = row.tags.clone();
        tags.sort();
        tags.dedup();
        tags.into_iter().map(|tag| vec![tag]).collect()
    });
    assert_eq!(by(store, query(&[Dimension::Tag])).await, tags);
}

pub(crate) async fn sums_are_narrowed(store: &dyn Store) {
    let rows = load(5, 500);
    store.record(&rows).await.expect("a record");
    let places = places(store);
    let check = async |query: ActivityQuery, keep: &(dyn Fn(&RequestRow) -> bool + Sync)| {
        let kept: Vec<RequestRow> = rows.iter().filter(|row| keep(row)).cloned().collect();
        let mut whole = expected(&kept, places, |_| vec![Vec::new()]);
        assert_eq!(by(store, query).await.remove([].as_slice()), whole.remove([].as_slice()));
    };
    let some = |name: &str| Some(name.to_owned());
    let all = ActivityQuery::default;
    check(ActivityQuery { key: some("key-a"), ..all() }, &|row| row.key == some("key-a")).await;
    check(ActivityQuery { user_id: some("ada"), ..all() }, &|row| row.user_id == some("ada")).await;
    check(ActivityQuery { team_id: some("red"), ..all() }, &|row| row.team_id == some("red")).await;
    check(ActivityQuery { customer: some("c1"), ..all() }, &|row| row.customer == some("c1")).await;
    check(ActivityQuery { group: some("claude"), ..all() }, &|row| row.group == some("claude")).await;
    check(ActivityQuery { tag: some("batch"), ..all() }, &|row| row.tags.contains(&"batch".to_owned())).await;
    let days = ActivityQuery { from: Some(MIDNIGHT), until: Some(MIDNIGHT + DAY), ..all() };
    check(days, &|row| (MIDNIGHT..MIDNIGHT + DAY).contains(&row.started_at)).await;
    // Bounds within an hour take the whole of it in.
    let hours =
        ActivityQuery { from: Some(MIDNIGHT + HOUR + 1), until: Some(MIDNIGHT + 3 * HOUR - 1), ..all() };
    check(hours, &|row| (MIDNIGHT + HOUR..MIDNIGHT + 3 * HOUR).contains(&row.started_at)).await;
    // Tags have days alone.
    let tagged =
        ActivityQuery { from: Some(MIDNIGHT + 1), until: Some(MIDNIGHT + 2), tag: some("dev"), ..all() };
    check(tagged, &|row| {
        (MIDNIGHT..MIDNIGHT + DAY).contains(&row.started_at) && row.tags.contains(&"dev".to_owned())
    })
    .await;
    let both = ActivityQuery { by: vec![Dimension::Tag, Dimension::Hour], ..all() };
    let error = store.activity(&both).await.expect_err("there are no hours of tags");
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

pub(crate) async fn sums_come_in_order(store: &dyn Store) {
    let keys = [("a", MIDNIGHT, "1"), ("b", MIDNIGHT, "3"), ("c", MIDNIGHT + DAY, "9"), ("d", MIDNIGHT, "2")];
    let rows: Vec<RequestRow> = keys
        .iter()
        .map(|(key, at, spend)| RequestRow { key: Some((*key).to_owned()), ..row(key, *at, spend) })
        .collect();
    store.record(&rows).await.expect("a record");
    let order = async |by: &[Dimension], limit| {
        let query = ActivityQuery { by: by.to_vec(), limit, ..ActivityQuery::default() };
        let sums = store.activity(&query).await.expect("sums");
        sums.iter().map(|sums| sums.values.join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(order(&[Dimension::Key], None).await, ["c", "b", "d", "a"]);
    assert_eq!(order(&[Dimension::Key], Some(2)).await, ["c", "b"]);
    let by_day = order(&[Dimension::Key, Dimension::Day], None).await;
    assert_eq!(by_day, ["b 2026-11-27", "d 2026-11-27", "a 2026-11-27", "c 2026-11-28"]);
}

/// SQLite adds integers up to 9.2 million dollars and gives the statement up past that.
pub(crate) async fn sums_go_past_what_one_counter_holds(store: &dyn Store) {
    let digits = if store.name() == "sqlite" { "999999.000000000001" } else { "999999.000000000000001" };
    let of = |key: &str, number: usize, spend: &str| RequestRow {
        key: Some(key.to_owned()),
        ..row(&format!("{key}{number}"), MIDNIGHT + i64::try_from(number).expect("a few") * HOUR, spend)
    };
    let mut rows: Vec<RequestRow> = (0..20).map(|number| of("a", number, digits)).collect();
    rows.extend((0..20).map(|number| of("b", number, "999999")));
    rows.push(of("c", 0, "-1.5"));
    store.record(&rows).await.expect("a record");
    let query = ActivityQuery {
        by: vec![Dimension::Key],
        from: Some(MIDNIGHT),
        until: Some(MIDNIGHT + 20 * HOUR),
        ..ActivityQuery::default()
    };
    let sums = store.activity(&query).await.expect("sums");
    let found: Vec<(&str, Decimal)> =
        sums.iter().map(|sums| (sums.values[0].as_str(), sums.sums.spend)).collect();
    let expected = [("a", money(digits) * money("20")), ("b", money("19999980")), ("c", money("-1.5"))];
    assert_eq!(found, expected);
    assert_eq!(by(store, ActivityQuery::default()).await[[].as_slice()].requests, 41);
}

pub(crate) async fn rows_are_counted_between_times(store: &dyn Store) {
    let rows = load(6, 400);
    store.record(&rows).await.expect("a record");
    let hours = [None, Some(-30), Some(-24), Some(-3), Some(0), Some(5), Some(24), Some(31), Some(60)];
    for from in hours {
        for until in hours {
            let (from, until) =
                (from.map(|hour| MIDNIGHT + hour * HOUR), until.map(|hour| MIDNIGHT + hour * HOUR));
            let between = |row: &&RequestRow| {
                from.is_none_or(|from| row.started_at >= from)
                    && until.is_none_or(|until| row.started_at < until)
            };
            let count = rows.iter().filter(between).count();
            let counted = store.count(from, until).await.expect("a count");
            assert_eq!(counted, count as u64, "from {from:?} until {until:?}");
        }
    }
}

pub(crate) async fn counters_are_what_rows_were_charged(store: &dyn Store) {
    let rows = load(7, 500);
    for batch in rows.chunks(70) {
        store.record(batch).await.expect("a record");
    }
    let places = places(store);
    let mut expected: BTreeMap<(Subject, String, i64), Decimal> = BTreeMap::new();
    for row in &rows {
        let spend = row.spend.unwrap_or_default();
        for charge in &row.charges {
            let counter = (charge.subject.clone(), charge.period.clone(), charge.begins_at);
            *expected.entry(counter).or_default() +=
                spend.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven);
        }
    }
    let spent = store.spent(&subjects()).await.expect("counters");
    let found: BTreeMap<(Subject, String, i64), Decimal> = spent
        .into_iter()
        .map(|spent| ((spent.subject, spent.period, spent.begins_at), spent.amount))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(store.spent(&[]).await.expect("counters"), []);
    assert_eq!(store.spent(&[Subject::new(SubjectKind::Key, "nobody")]).await.expect("counters"), []);
}

pub(crate) async fn a_counter_can_be_set(store: &dyn Store) {
    let rows = load(8, 100);
    store.record(&rows).await.expect("a record");
    let zero = Spent {
        subject: Subject::new(SubjectKind::Key, "key-a"),
        period: "30d".to_owned(),
        begins_at: MIDNIGHT - DAY,
        amount: Decimal::ZERO,
        corrected: Decimal::ZERO,
    };
    store.set_spent(&zero).await.expect("it is set");
    let subjects = [zero.subject.clone()];
    assert_eq!(store.spent(&subjects).await.expect("counters"), std::slice::from_ref(&zero));
    let new = Spent { period: "1d".to_owned(), amount: money("1.5"), ..zero.clone() };
    store.set_spent(&new).await.expect("it is set");
    assert_eq!(store.spent(&subjects).await.expect("counters"), [new.clone(), zero]);
    let absurd = Spent { amount: money("9000001"), ..new.clone() };
    let error = store.set_spent(&absurd).await.expect_err("no counter holds it");
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    store.rebuild().await.expect("a rebuild");
    let rebuilt = store.spent(&subjects).await.expect("counters");
    assert!(!rebuilt.contains(&new), "what was set is lost by a rebuild");
}

pub(crate) async fn counters_are_lowered_and_never_raised(store: &dyn Store) {
    let of = |model: Option<&str>, period: &str, amount: &str| {
        let mut subject = Subject::new(SubjectKind::Key, "key-l");
        subject.model = model.map(Into::into);
        Spent {
            subject,
            period: period.to_owned(),
            begins_at: 0,
            amount: money(amount),
            corrected: Decimal::ZERO,
        }
    };
    let high = [of(None, "", "5"), of(None, "1d", "2.000000000001"), of(Some("gpt"), "30d", "3")];
    let low = [of(None, "7d", "1.999999999999"), of(Some("claude"), "", "0")];
    let other = Spent { subject: Subject::new(SubjectKind::Team, "key-l"), ..of(None, "", "9") };
    for spent in high.iter().chain(&low).chain([&other]) {
        store.set_spent(spent).await.expect("it is set");
    }
    let lowered = Lowered { subject: Subject::new(SubjectKind::Key, "key-l"), to: money("2") };
    store.write(Write { lowered: vec![lowered.clone()], ..Write::default() }).await.expect("a write");
    let two = |spent: Spent| Spent { amount: money("2"), ..spent };
    let expected: BTreeSet<String> =
        high.into_iter().map(two).chain(low).chain([other]).map(|spent| format!("{spent:?}")).collect();
    let subjects = [
        lowered.subject.clone(),
        lowered.subject.with_model("gpt"),
        lowered.subject.with_model("claude"),
        Subject::new(SubjectKind::Team, "key-l"),
    ];
    let found = store.spent(&subjects).await.expect("counters");
    assert_eq!(found.iter().map(|spent| format!("{spent:?}")).collect::<BTreeSet<_>>(), expected);
    // A write that is refused lowers nothing.
    let stale = Object { revision: 7, ..Object::new(Kind::Key, "key-l", 1) };
    let zero = Lowered { to: Decimal::ZERO, ..lowered };
    let refused = store.write(Write { objects: vec![stale], lowered: vec![zero], ..Write::default() }).await;
    assert_eq!(refused.map_err(|error| error.kind()).err(), Some(ErrorKind::Conflict));
    assert_eq!(store.spent(&subjects).await.expect("counters"), found);
}

pub(crate) async fn counters_are_added_to_with_what_is_written(store: &dyn Store) {
    let of = |key: &str, period: &str, amount: &str| Spent {
        subject: Subject::new(SubjectKind::Key, key),
        period: period.to_owned(),
        begins_at: if period.is_empty() { 0 } else { MIDNIGHT },
        amount: money(amount),
        corrected: Decimal::ZERO,
    };
    store.set_spent(&of("key-b", "1d", "5")).await.expect("it is set");
    let added = vec![
        of("key-b", "1d", "0.25"),
        of("key-b", "", "-1"),
        of("key-a", "", "2.5"),
        of("key-a", "", "0.5"),
    ];
    let write = |objects, added| Write { objects, added, ..Write::default() };
    let key = Object::new(Kind::Key, "key-a", 1);
    store.write(write(vec![key.clone()], added)).await.expect("a write");
    let found = async || {
        let subjects = ["key-a", "key-b"].map(|key| Subject::new(SubjectKind::Key, key));
        let found = store.spent(&subjects).await.expect("counters");
        found.iter().map(|spent| format!("{}{}", spent.period, spent.amount)).collect::<Vec<_>>()
    };
    // Nothing is taken off where there is nothing.
    assert_eq!(found().await, ["3", "1d5.25"]);
    let less = vec![of("key-b", "1d", "-7"), of("key-a", "", "-1")];
    store.write(write(Vec::new(), less)).await.expect("a write");
    assert_eq!(found().await, ["2", "1d0"]);
    // A write that is refused adds nothing.
    let refused = store.write(write(vec![key], vec![of("key-a", "", "9")])).await;
    assert_eq!(refused.map_err(|error| error.kind()).err(), Some(ErrorKind::Conflict));
    let refused = store.write(write(Vec::new(), vec![of("key-a", "", "9000001")])).await;
    assert_eq!(refused.map_err(|error| error.kind()).err(), Some(ErrorKind::InvalidRequest));
    assert_eq!(found().await, ["2", "1d0"]);
}

pub(crate) async fn a_row_with_many_tags_has_sums_of_the_first(store: &dyn Store) {
    // The last ones are those that an order by name would begin with.
    let tags: Vec<String> = (0..100).rev().map(|tag| format!("tag-{tag:04}")).collect();
    let old = RequestRow { tags: tags.clone(), ..row("many", MIDNIGHT, "1") };
    store.record(std::slice::from_ref(&old)).await.expect("a record");
    let expected = |spend: &str| -> Vec<(String, Decimal)> {
        tags[..TAGS_MAX].iter().rev().map(|tag| (tag.clone(), money(spend))).collect()
    };
    let found = async || {
        let query = ActivityQuery { by: vec![Dimension::Tag], ..ActivityQuery::default() };
        by(store, query)
            .await
            .into_iter()
            .map(|(mut names, sums)| (names.remove(0), sums.spend))
            .collect::<Vec<_>>()
    };
    assert_eq!(found().await, expected("1"));
    // They stay what the rows add up to.
    let new = RequestRow { spend: Some(money("3")), ..old };
    store.amend(&[new], "test", MIDNIGHT).await.expect("an amendment");
    assert_eq!(found().await, expected("3"));
    store.rebuild().await.expect("it is rebuilt");
    assert_eq!(found().await, expected("3"));
}

pub(crate) async fn a_counter_that_is_full_blocks_nothing(store: &dyn Store) {
    let subject = Subject::new(SubjectKind::Team, "red");
    let spent = Spent {
        subject: subject.clone(),
        period: String::new(),
        begins_at: 0,
        amount: money("9000000"),
        corrected: Decimal::ZERO,
    };
    store.set_spent(&spent).await.expect("it is set");
    for number in 0..2 {
        let charge = Charge { subject: subject.clone(), period: String::new(), begins_at: 0 };
        let row = RequestRow { charges: vec![charge], ..row(&format!("r{number}"), MIDNIGHT, "999999") };
        assert_eq!(store.record(&[row]).await.expect("a record"), 1);
    }
    let counters = store.spent(&[subject]).await.expect("counters");
    let whole = store.name() != "sqlite";
    assert_eq!(counters[0].amount, if whole { money("10999998") } else { money("9000000") });
}

pub(crate) async fn halves_are_rounded_to_the_even_neighbour(store: &dyn Store) {
    let unit = Decimal::new(1, places(store));
    let halves =
        [(money("0.5"), 0), (money("1.5"), 2), (money("2.5"), 2), (money("-0.5"), 0), (money("-1.5"), -2)];
    for (number, (units, expected)) in halves.into_iter().enumerate() {
        let key = format!("k{number}");
        let row =
            RequestRow { key: Some(key.clone()), spend: Some(units * unit), ..row(&key, MIDNIGHT, "0") };
        store.record(&[row]).await.expect("a record");
        let query = ActivityQuery { key: Some(key), ..ActivityQuery::default() };
        let sums = store.activity(&query).await.expect("sums");
        assert_eq!(sums[0].sums.spend, Decimal::from(expected) * unit, "{units} units");
    }
}
