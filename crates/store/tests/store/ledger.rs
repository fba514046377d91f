//! Rows of requests: each counted once, found again, put right, forgotten.

use std::time::{SystemTime, UNIX_EPOCH};

use trunkline_core::Usage;
use trunkline_store::{ActivityQuery, AttemptRow, CostOrigin, RequestQuery, RequestRow, Store, Sums};

use crate::load::{DAY, HOUR, MIDNIGHT, full_row, load, money, row};

pub(crate) async fn rows(store: &dyn Store, query: RequestQuery) -> Vec<RequestRow> {
    let limit = if query.limit == 0 { 100_000 } else { query.limit };
    store.requests(&RequestQuery { limit, ..query }).await.expect("rows")
}

pub(crate) async fn sums(store: &dyn Store) -> Sums {
    let sums = store.activity(&ActivityQuery::default()).await.expect("sums");
    assert_eq!(sums.len(), 1, "what is not told apart is one sum");
    sums.into_iter().next().expect("one").sums
}

pub(crate) async fn a_row_comes_back_as_it_was(store: &dyn Store) {
    let full = full_row();
    let bare = RequestRow {
        request_id: "bare".to_owned(),
        call_id: "bare".to_owned(),
        attempts: vec![AttemptRow::default()],
        ..RequestRow::default()
    };
    assert_eq!(store.record(&[full.clone(), bare.clone()]).await.expect("a record"), 2);
    let found = rows(store, RequestQuery::default()).await;
    assert_eq!(found, [full.clone(), bare.clone()]);
    let named = rows(store, RequestQuery { id: Some("bare".to_owned()), ..RequestQuery::default() }).await;
    assert_eq!(named, [bare]);
    // Equal decimals may be written differently; the upstream's own spelling is kept.
    assert_eq!(format!("{:?}", found[0]), format!("{full:?}"));
}

pub(crate) async fn a_text_that_no_index_has_room_for_is_kept_whole(store: &dyn Store) {
    let long = "caf\u{e9} ".repeat(2_000);
    let odd = RequestRow {
        call_id: format!("{long}1"),
        customer: Some(format!("{long}2")),
        group: Some("a\u{0}b".to_owned()),
        tags: vec![long.clone(), "a\u{0}".to_owned(), "a\u{fffd}".to_owned()],
        ..row("odd", MIDNIGHT, "1")
    };
    let other = RequestRow { customer: Some(format!("{long}3")), ..row("other", MIDNIGHT, "1") };
    assert_eq!(store.record(&[odd.clone(), other]).await.expect("a record"), 2);
    for query in [
        RequestQuery { id: Some(odd.call_id.clone()), ..RequestQuery::default() },
        RequestQuery { customer: odd.customer.clone(), ..RequestQuery::default() },
        RequestQuery { group: odd.group.clone(), ..RequestQuery::default() },
    ] {
        assert_eq!(rows(store, query).await, std::slice::from_ref(&odd));
    }
    let tagged = ActivityQuery { tag: Some(long), ..ActivityQuery::default() };
    assert_eq!(store.activity(&tagged).await.expect("sums")[0].sums.requests, 1);
}

pub(crate) async fn a_row_that_comes_twice_is_counted_once(store: &dyn Store) {
    let load = load(1, 700);
    assert_eq!(store.record(&load[..400]).await.expect("a record"), 400);
    let once = sums(store).await;
    assert_eq!(store.record(&load[..400]).await.expect("a record"), 0);
    assert_eq!(sums(store).await, once);
    let mut overlapping = load[200..].to_vec();
    overlapping.extend_from_slice(&load[600..]);
    assert_eq!(store.record(&overlapping).await.expect("a record"), 300);
    assert_eq!(sums(store).await.requests, 700);
    assert_eq!(rows(store, RequestQuery::default()).await.len(), 700);
    let before = crate::sums::everything(store).await;
    store.rebuild().await.expect("a rebuild");
    assert!(crate::sums::everything(store).await == before);
    assert_eq!(store.record(&[]).await.expect("a record"), 0);
}

pub(crate) async fn figures_that_cannot_be_true_block_nothing(store: &dyn Store) {
    let absurd = RequestRow {
        usage: Some(Usage { uncached_input: u64::MAX, output: u64::MAX, ..Usage::default() }),
        ended_at: i64::MAX,
        ..row("absurd", MIDNIGHT, "79228162514264337593543950335")
    };
    let early = RequestRow { ended_at: i64::MIN, ..row("early", -DAY, "-79228162514264337593543950335") };
    for number in 0..20 {
        let more = [&absurd, &early]
            .map(|row| RequestRow { request_id: format!("{}{number}", row.request_id), ..row.clone() });
        assert_eq!(store.record(&more).await.expect("a record"), 2);
    }
    let sums = sums(store).await;
    assert_eq!((sums.requests, sums.unpriced, sums.spend), (40, 40, money("0")));
    assert_eq!(sums.input_tokens, 20_000_000_000_000);
    let found = rows(store, RequestQuery { id: Some("absurd0".to_owned()), ..RequestQuery::default() }).await;
    assert_eq!(found[0].spend, absurd.spend);
}

pub(crate) async fn amended_figures_take_the_place_of_the_old(store: &dyn Store) {
    let load = load(2, 300);
    store.record(&load).await.expect("a record");
    let amended: Vec<RequestRow> = load
        .iter()
        .step_by(3)
        .map(|row| RequestRow {
            spend: Some(money("0.000000000123456789")),
            cost_origin: CostOrigin::Reconciled,
            usage: Some(Usage { output: 7, ..Usage::default() }),
            outcome: "not a figure".to_owned(),
            ..row.clone()
        })
        .collect();
    let unknown = row("nobody", MIDNIGHT, "1");
    let given: Vec<RequestRow> = amended.iter().cloned().chain([unknown]).collect();
    assert_eq!(store.amend(&given, "ann", 7).await.expect("an amendment"), 100);
    assert_eq!(
        store.amend(&given, "ann", 7).await.expect("an amendment"),
        0,
        "what stands there already is no change"
    );

    let found = rows(store, RequestQuery::default()).await;
    assert_eq!(found.len(), 300);
    let expected: std::collections::HashMap<&str, &RequestRow> =
        load.iter().chain(&amended).map(|row| (row.request_id.as_str(), row)).collect();
    for row in &found {
        let expected = expected[row.request_id.as_str()];
        let outcome = load.iter().find(|old| old.request_id == row.request_id).map(|old| old.outcome.clone());
        assert_eq!(*row, RequestRow { outcome: outcome.expect("it was there"), ..expected.clone() });
    }
    let after = crate::sums::everything(store).await;
    store.rebuild().await.expect("a rebuild");
    assert!(crate::sums::everything(store).await == after, "only the difference went to sums and counters");
}

pub(crate) async fn searches_narrow_and_page(store: &dyn Store) {
    let mut load = load(3, 600);
    store.record(&load).await.expect("a record");
    load.sort_by(|one, other| (other.started_at, &other.request_id).cmp(&(one.started_at, &one.request_id)));
    let matching = |keep: &dyn Fn(&RequestRow) -> bool| -> Vec<RequestRow> {
        load.iter().filter(|row| keep(row)).cloned().collect()
    };
    let some = |name: &str| Some(name.to_owned());
    let none = RequestQuery::default;
    assert_eq!(rows(store, none()).await, load);
    let by_key = RequestQuery { key: some("key-a"), ..none() };
    assert_eq!(rows(store, by_key.clone()).await, matching(&|row| row.key == some("key-a")));
    let by_user = RequestQuery { user_id: some("ada"), team_id: some("red"), ..none() };
    let expected = matching(&|row| row.user_id == some("ada") && row.team_id == some("red"));
    assert_eq!(rows(store, by_user).await, expected);
    let by_group = RequestQuery { group: some("claude"), customer: some("c1"), ..none() };
    let expected = matching(&|row| row.group == some("claude") && row.customer == some("c1"));
    assert_eq!(rows(store, by_group).await, expected);
    let (from, until) = (load[400].started_at, load[100].started_at);
    let in_time = RequestQuery { from: Some(from), until: Some(until), ..none() };
    let expected = matching(&|row| (from..until).contains(&row.started_at));
    assert_eq!(rows(store, in_time).await, expected);
    let unreconciled = RequestQuery { unreconciled: true, ..none() };
    let expected = matching(&|row| row.generation_id.is_some() && row.cost_origin != CostOrigin::Reported);
    assert_eq!(rows(store, unreconciled).await, expected);
    for id in [&load[5].request_id, &load[5].call_id] {
        assert_eq!(rows(store, RequestQuery { id: Some(id.clone()), ..none() }).await, [load[5].clone()]);
    }

    let of_key = matching(&|row| row.key == some("key-a"));
    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let page = rows(store, RequestQuery { before: before.clone(), limit: 37, ..by_key.clone() }).await;
        let Some(last) = page.last() else { break };
        before = Some((last.started_at, last.request_id.clone()));
        paged.extend(page);
    }
    assert_eq!(paged, of_key);
    assert_eq!(rows(store, RequestQuery { offset: 10, limit: 5, ..by_key }).await, of_key[10..15]);
}

pub(crate) async fn rows_of_one_moment_are_paged_by_id(store: &dyn Store) {
    let load: Vec<RequestRow> = (0..50).map(|number| row(&format!("r{number:02}"), MIDNIGHT, "1")).collect();
    store.record(&load).await.expect("a record");
    let page = rows(store, RequestQuery { limit: 20, ..RequestQuery::default() }).await;
    let last = page.last().expect("a page of twenty");
    assert_eq!((page[0].request_id.as_str(), last.request_id.as_str()), ("r49", "r30"));
    let before = Some((last.started_at, last.request_id.clone()));
    let next = rows(store, RequestQuery { before, limit: 5, ..RequestQuery::default() }).await;
    assert_eq!((next[0].request_id.as_str(), next.len()), ("r29", 5));
}

pub(crate) async fn forgotten_rows_leave_their_sums(store: &dyn Store) {
    let load: Vec<RequestRow> =
        (0..10).map(|number| row(&format!("r{number}"), MIDNIGHT + (number - 6) * HOUR, "0.5")).collect();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    let began_at = i64::try_from(since.as_millis()).expect("it is long until then");
    store.record(&load).await.expect("a record");
    let before = crate::sums::everything(store).await;
    let forget = async |recorded_before| store.forget(MIDNIGHT, recorded_before, 4).await.expect("an answer");
    assert_eq!(forget(began_at).await, 0, "they were recorded since");
    assert_eq!(rows(store, RequestQuery::default()).await.len(), 10);
    // In partitions the day goes whole.
    let forgotten = forget(i64::MAX).await;
    if forgotten > 0 {
        assert_eq!([forgotten, forget(i64::MAX).await, forget(i64::MAX).await], [4, 2, 0]);
    }
    assert_eq!(rows(store, RequestQuery::default()).await.len(), 4);
    assert!(crate::sums::everything(store).await == before);
    store.rebuild().await.expect("a rebuild");
    assert_eq!(sums(store).await.requests, 4, "what is worked out anew is that of the rows that are left");
}
