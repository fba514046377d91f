//! A ledger in a real store, held against bills that are made up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rust_decimal::Decimal;
use trunkline_core::{Error, ErrorKind, ReportedCost, Subject, SubjectKind, Usage};
use trunkline_reconcile::{Bill, BilledDay, Options, Upstream, Upstreams, reconcile};
use trunkline_store::{
    AttemptRow, Charge, CostOrigin, Dimension, RequestQuery, RequestRow, SqliteStore, Store,
};

const NOON: i64 = 1_795_780_800_000;
const PROVIDER: &str = "vercel_ai_gateway";

fn money(text: &str) -> Decimal {
    text.parse().expect("the test's own figure")
}

/// Bills by generation id; `None` refuses every question.
#[derive(Debug, Default)]
struct Books {
    bills: Option<HashMap<String, Bill>>,
    days: Option<Vec<BilledDay>>,
    asked: Mutex<Vec<String>>,
}

impl Books {
    fn of(bills: &[(&str, &str)]) -> Self {
        let bill = |(id, gateway): &(&str, &str)| {
            let cost = ReportedCost { gateway_cost: Some(money(gateway)), ..ReportedCost::default() };
            ((*id).to_owned(), Bill { cost, usage: Usage { output: 5, ..Usage::default() } })
        };
        Self { bills: Some(bills.iter().map(bill).collect()), ..Self::default() }
    }

    fn take_asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().expect("no panic"));
        asked.sort_unstable();
        asked
    }
}

#[async_trait]
impl Upstream for Books {
    async fn bill(&self, generation_id: &str, _: Option<&Usage>) -> Result<Option<Bill>, Error> {
        self.asked.lock().expect("no panic").push(generation_id.to_owned());
        let bills = self.bills.as_ref();
        let bills = bills.ok_or_else(|| Error::new(ErrorKind::UpstreamCredential, "the key is refused"))?;
        Ok(bills.get(generation_id).cloned())
    }

    async fn days(&self, first: &str, last: &str) -> Result<Option<Vec<BilledDay>>, Error> {
        assert_eq!((first, last), ("2026-11-26", "2026-11-27"));
        Ok(self.days.clone())
    }
}

/// A row of the key `k`, with an id to ask by.
fn row(id: &str, spend: &str, origin: CostOrigin) -> RequestRow {
    let subject = Subject::new(SubjectKind::Key, "k");
    RequestRow {
        request_id: id.to_owned(),
        call_id: format!("call-{id}"),
        started_at: NOON,
        ended_at: NOON,
        key: Some("k".to_owned()),
        model: "fast".to_owned(),
        deployment: Some("first".to_owned()),
        provider: Some(PROVIDER.to_owned()),
        upstream_model: Some("openai/gpt-4o".to_owned()),
        spend: spend.parse().ok(),
        usage_is_estimated: origin == CostOrigin::Estimated,
        cost_origin: origin,
        generation_id: Some(format!("gen-{id}")),
        charges: vec![Charge { subject, period: "1d".to_owned(), begins_at: 0 }],
        ..RequestRow::default()
    }
}

fn options() -> Options {
    Options { until: NOON + 3_600_000, ..Options::new(NOON - 86_400_000, NOON + 3_600_000) }
}

fn applied() -> Options {
    Options { apply_as: Some("ann".to_owned()), ..options() }
}

async fn store(rows: &[RequestRow]) -> SqliteStore {
    let store = SqliteStore::in_memory().await.expect("a store");
    store.record(rows).await.expect("a record");
    store
}

fn one(books: Books) -> (Arc<Books>, Upstreams) {
    let books = Arc::new(books);
    let mut upstreams = Upstreams::new(PROVIDER);
    let account = upstreams.add(Arc::<Books>::clone(&books));
    upstreams.serves("first", account);
    (books, upstreams)
}

async fn spend_of(store: &dyn Store) -> (Vec<(String, Option<Decimal>, CostOrigin)>, Decimal, Decimal) {
    let rows = store.requests(&RequestQuery { limit: 1_000, ..RequestQuery::default() }).await.expect("rows");
    let mut rows: Vec<_> = rows.into_iter().map(|row| (row.request_id, row.spend, row.cost_origin)).collect();
    rows.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let counters = store.spent(&[Subject::new(SubjectKind::Key, "k")]).await.expect("counters");
    let query = trunkline_store::ActivityQuery { by: vec![Dimension::Day], ..Default::default() };
    let sums = store.activity(&query).await.expect("sums");
    (rows, counters[0].amount, sums.iter().map(|sum| sum.sums.spend).sum())
}

#[tokio::test]
async fn estimates_become_what_was_billed_and_twice_is_as_good_as_once() {
    let rows = [
        row("a", "0.5", CostOrigin::Estimated),
        row("b", "", CostOrigin::Unknown),
        row("c", "0.2", CostOrigin::Computed),
        row("d", "0.3", CostOrigin::Reported),
        row("e", "0.7", CostOrigin::Estimated),
    ];
    let store = store(&rows).await;
    let (books, upstreams) =
        one(Books::of(&[("gen-a", "0.4"), ("gen-b", "0.01"), ("gen-c", "0.2"), ("gen-d", "0.25")]));
    let before = spend_of(&store).await;
    let looked = reconcile(&store, &upstreams, &options()).await.expect("an outcome");
    assert_eq!(books.take_asked(), ["gen-a", "gen-b", "gen-c", "gen-e"]);
    assert_eq!(spend_of(&store).await, before, "to look changes nothing");
    assert_eq!((looked.asked, looked.differing, looked.agreeing), (4, 2, 1));
    assert_eq!((looked.without_record, looked.failed, looked.applied), (1, 0, None));
    assert_eq!(looked.difference, money("-0.09"));

    let first = reconcile(&store, &upstreams, &applied()).await.expect("an outcome");
    assert_eq!((first.applied, first.differences), (Some(3), looked.differences));
    let (after, counter, sum) = spend_of(&store).await;
    let said = |id: &str, spend: &str, origin| (id.to_owned(), Some(money(spend)), origin);
    assert_eq!(
        after,
        [
            said("a", "0.4", CostOrigin::Reconciled),
            said("b", "0.01", CostOrigin::Reconciled),
            said("c", "0.2", CostOrigin::Reconciled),
            said("d", "0.3", CostOrigin::Reported),
            said("e", "0.7", CostOrigin::Estimated),
        ]
    );
    assert_eq!((counter, sum), (money("1.61"), money("1.61")));
    let acts = store.acts(None, 10).await.expect("acts");
    assert_eq!((acts.len(), acts[0].by.as_str(), acts[0].action.as_str()), (1, "ann", "reconciled"));

    books.take_asked();
    let again = reconcile(&store, &upstreams, &applied()).await.expect("an outcome");
    assert_eq!(books.take_asked(), ["gen-e"], "what is known is not asked again");
    assert_eq!((again.applied, again.differing), (Some(0), 0));
    assert_eq!(store.acts(None, 10).await.expect("acts"), acts);

    let all = Options { all: true, ..applied() };
    let whole = reconcile(&store, &upstreams, &all).await.expect("an outcome");
    assert_eq!((whole.asked, whole.differing, whole.applied), (5, 1, Some(1)));
    assert_eq!(spend_of(&store).await.1, money("1.56"));
    assert_eq!(reconcile(&store, &upstreams, &all).await.expect("an outcome").applied, Some(0));
}

#[tokio::test]
async fn rows_of_others_are_left_alone_and_lost_deployments_found() {
    let other = RequestRow { provider: Some("openai".to_owned()), ..row("a", "1", CostOrigin::Estimated) };
    let lost = RequestRow { deployment: Some("gone".to_owned()), ..row("b", "1", CostOrigin::Estimated) };
    let early = RequestRow { started_at: NOON - 90_000_000, ..row("c", "1", CostOrigin::Estimated) };
    let attempt = AttemptRow {
        deployment: "first".to_owned(),
        provider: PROVIDER.to_owned(),
        spend: Some(money("0.5")),
        generation_id: Some("gen-of-attempt".to_owned()),
        ..AttemptRow::default()
    };
    let failed =
        RequestRow { generation_id: None, attempts: vec![attempt], ..row("d", "0.5", CostOrigin::Estimated) };
    let store = store(&[other, lost, early, failed]).await;
    let (first, mut upstreams) = one(Books::of(&[("gen-of-attempt", "0.125")]));
    let second = Arc::new(Books::of(&[("gen-b", "2")]));
    upstreams.add(Arc::<Books>::clone(&second));
    let outcome = reconcile(&store, &upstreams, &applied()).await.expect("an outcome");
    assert_eq!(first.take_asked(), ["gen-b", "gen-of-attempt"]);
    assert_eq!(second.take_asked(), ["gen-b"]);
    assert_eq!((outcome.asked, outcome.differing, outcome.applied), (2, 2, Some(2)));
    let rows = spend_of(&store).await.0;
    assert_eq!((rows[1].1, rows[1].2), (Some(money("2")), CostOrigin::Reconciled));
    assert_eq!((rows[3].1, rows[3].2), (Some(money("0.125")), CostOrigin::Reconciled));
}

/// A row whose reply told its own cost, after an attempt that has an id and told nothing.
fn reported_with_attempt(id: &str, spend: &str) -> RequestRow {
    let attempt = AttemptRow {
        deployment: "first".to_owned(),
        provider: PROVIDER.to_owned(),
        generation_id: Some(format!("gen-of-{id}")),
        ..AttemptRow::default()
    };
    RequestRow { attempts: vec![attempt], ..row(id, spend, CostOrigin::Reported) }
}

#[tokio::test]
async fn what_was_reported_and_agrees_is_not_asked_again_once_its_attempts_are_told() {
    let store = store(&[reported_with_attempt("a", "0.5")]).await;
    let (books, upstreams) = one(Books::of(&[("gen-a", "0.5"), ("gen-of-a", "0")]));
    let outcome = reconcile(&store, &upstreams, &applied()).await.expect("an outcome");
    assert_eq!((outcome.agreeing, outcome.differing, outcome.applied), (1, 0, Some(1)));
    assert_eq!(books.take_asked(), ["gen-a", "gen-of-a"]);
    let again = reconcile(&store, &upstreams, &applied()).await.expect("an outcome");
    assert_eq!((again.asked, again.applied), (0, Some(0)));
}

#[tokio::test]
async fn pages_are_gone_through_and_who_refuses_everything_is_not_asked_everything() {
    let rows: Vec<RequestRow> = (0..300_i64)
        .map(|number| RequestRow {
            started_at: NOON + number / 2,
            ..row(&format!("{number:03}"), "0.5", CostOrigin::Estimated)
        })
        .collect();
    let store = store(&rows).await;
    let (refusing, upstreams) = one(Books::default());
    let outcome = reconcile(&store, &upstreams, &applied()).await.expect("an outcome");
    assert_eq!((outcome.failed, outcome.given_up, outcome.applied), (20, true, Some(0)));
    assert!(refusing.take_asked().len() < 40);
    assert!(outcome.failures[0].why.contains("the key is refused"));
    assert!(outcome.to_string().contains("nothing more was asked"));

    let ids: Vec<String> = rows.iter().map(|row| format!("gen-{}", row.request_id)).collect();
    let bills: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "0.25")).collect();
    let (_, upstreams) = one(Books::of(&bills));
    let few = Options { listed_max: 7, ..applied() };
    let outcome = reconcile(&store, &upstreams, &few).await.expect("an outcome");
    assert_eq!((outcome.differing, outcome.differences.len(), outcome.applied), (300, 7, Some(300)));
    assert_eq!(outcome.difference, money("-75"));
    assert!(outcome.to_string().contains("… and 293 more"), "{outcome}");
    assert_eq!(spend_of(&store).await.1, money("75"));
}

#[test]
fn times_are_said_as_people_say_them() {
    let begin = NOON - NOON.rem_euclid(86_400_000);
    let day = Options::between("1d", Some("0h"), NOON).expect("times");
    assert_eq!((day.from, day.until, day.now), (NOON - 86_400_000, NOON, NOON));
    let whole = Options::between("2026-11-27", None, NOON).expect("a day");
    assert_eq!((whole.from, whole.until), (begin, NOON));
    let error = Options::between("1d", Some("yesterday"), NOON).expect_err("no time");
    assert!(error.starts_with("`yesterday` is no day"), "{error}");
}

#[tokio::test]
async fn days_are_told_where_the_upstream_tells_of_them() {
    let elsewhere = RequestRow { provider: Some("openai".to_owned()), ..row("b", "9", CostOrigin::Reported) };
    let store = store(&[row("a", "0.50", CostOrigin::Estimated), elsewhere]).await;
    let billed = |day: &str, spend: &str| BilledDay { day: day.to_owned(), spend: money(spend), requests: 2 };
    let days = vec![billed("2026-11-27", "0.40"), billed("2026-11-26", "0.01")];
    let (_, upstreams) = one(Books { days: Some(days.clone()), ..Books::of(&[("gen-a", "0.4")]) });
    let outcome = reconcile(&store, &upstreams, &options()).await.expect("an outcome");
    let text = outcome.to_string();
    let expected = "\
began                 request  model          ledger  from       billed  difference
2026-11-27T12:00:00Z  call-a   openai/gpt-4o  0.5     estimated  0.4     -0.1

day         ledger  billed  difference  requests  calls
2026-11-26  0       0.01    0.01        0         2
2026-11-27  0.5     0.4     -0.1        1         2

1 rows were asked about: 1 differ, by -0.1 dollars together, 0 agree, 0 have no record, 0 failed
nothing was changed; --apply takes over what the upstream billed
";
    assert_eq!(text, expected);
    let json = outcome.to_json();
    assert_eq!((&json["difference"], &json["applied"]), (&"-0.1".into(), &serde_json::Value::Null));
    assert_eq!(json["differences"][0]["cost_origin"], "estimated");
    assert_eq!(json["days"][1]["difference"], "-0.1");

    let (_, mut several) = one(Books { days: Some(days.clone()), ..Books::of(&[("gen-a", "0.4")]) });
    let other = several.add(Arc::new(Books { days: Some(days), ..Books::of(&[]) }));
    ["fourth", "second", "third"].into_iter().for_each(|deployment| several.serves(deployment, other));
    let outcome = reconcile(&store, &several, &options()).await.expect("an outcome");
    let expected = "\
day         ledger  requests  billed  calls  to
2026-11-26  0       0         0.01    2      first
2026-11-26  0       0         0.01    2      fourth, second and 1 more
2026-11-27  0.5     1         0.4     2      first
2026-11-27  0.5     1         0.4     2      fourth, second and 1 more
what accounts of one team were billed is the same, and is not to be added up
";
    assert!(outcome.to_string().contains(expected), "{outcome}");
    let json = outcome.to_json();
    assert_eq!(
        (&json["days"][2]["account"], &json["days"][2]["difference"]),
        (&"first".into(), &serde_json::Value::Null)
    );

    let (_, without) = one(Books::of(&[]));
    let outcome = reconcile(&store, &without, &options()).await.expect("an outcome");
    assert_eq!(outcome.without_days.as_deref(), Some("the account's plan has no reports"));
    let unasked = Options { days: false, ..options() };
    let outcome = reconcile(&store, &without, &unasked).await.expect("an outcome");
    assert_eq!((outcome.days, outcome.without_days), (None, None));
}

/// The end of the day of all rows.
const MIDNIGHT: i64 = NOON + 43_200_000;

fn apportioned() -> Options {
    let from = MIDNIGHT - 2 * 86_400_000;
    Options { from, until: MIDNIGHT, now: MIDNIGHT + 86_400_000, apportion: true, ..applied() }
}

/// Rows with ids, one without, one whose reply was told and whose first attempt was not, and one of another provider.
fn told_and_untold() -> [RequestRow; 4] {
    let attempt = |provider: &str| AttemptRow {
        deployment: "first".to_owned(),
        provider: provider.to_owned(),
        spend: Some(money("0.1")),
        ..AttemptRow::default()
    };
    [
        row("a", "0.5", CostOrigin::Estimated),
        RequestRow { generation_id: None, ..row("b", "0.3", CostOrigin::Estimated) },
        RequestRow { attempts: vec![attempt(PROVIDER)], ..row("c", "0.3", CostOrigin::Reported) },
        RequestRow {
            provider: Some("openai".to_owned()),
            attempts: vec![attempt("openai")],
            ..row("d", "0.3", CostOrigin::Estimated)
        },
    ]
}

fn books_of_a_day(spend: &str) -> Books {
    let day = BilledDay { day: "2026-11-27".to_owned(), spend: money(spend), requests: 5 };
    Books { days: Some(vec![day]), ..Books::of(&[("gen-a", "0.4")]) }
}

#[tokio::test]
async fn estimates_share_what_a_day_was_billed_besides() {
    let store = store(&told_and_untold()).await;
    let (_, upstreams) = one(books_of_a_day("0.7"));
    // 0.4 by the id, 0.2 as the reply told; 0.1 is left for estimates of 0.3 and 0.1.
    let first = reconcile(&store, &upstreams, &apportioned()).await.expect("an outcome");
    assert_eq!((first.applied, first.apportioned), (Some(1), Some(2)), "{first}");
    let day = &first.days.as_ref().expect("days")[0];
    assert_eq!((day.difference(), &day.left_as_it_is), (Some(Decimal::ZERO), &None));
    let (rows, counter, sum) = spend_of(&store).await;
    let said = |id: &str, spend: &str, origin| (id.to_owned(), Some(money(spend)), origin);
    let expected = [
        said("a", "0.4", CostOrigin::Reconciled),
        said("b", "0.075", CostOrigin::Estimated),
        said("c", "0.225", CostOrigin::Reported),
        said("d", "0.3", CostOrigin::Estimated),
    ];
    assert_eq!(rows, expected);
    assert_eq!((counter, sum), (money("1"), money("1")), "counters and sums moved with the rows");
    let again = reconcile(&store, &upstreams, &apportioned()).await.expect("an outcome");
    assert_eq!((again.applied, again.apportioned), (Some(0), Some(0)), "twice is as good as once");
    assert_eq!(spend_of(&store).await.0, expected);
    // What the report says by now counts, and be it nothing.
    let (_, upstreams) = one(books_of_a_day("0.6"));
    let nothing = reconcile(&store, &upstreams, &apportioned()).await.expect("an outcome");
    assert_eq!(nothing.apportioned, Some(2));
    assert_eq!(spend_of(&store).await.1, money("0.9"));
    assert!(nothing.to_string().ends_with("2 rows now have their share of what their days were billed\n"));
}

#[tokio::test]
async fn a_day_of_which_not_all_is_known_is_left_as_it_is() {
    let why = async |rows: &[RequestRow], books: Books, options: Options| {
        let store = store(rows).await;
        let (_, upstreams) = one(books);
        let outcome = reconcile(&store, &upstreams, &options).await.expect("an outcome");
        assert_eq!(outcome.apportioned, Some(0), "{outcome}");
        let day = outcome.days.as_ref().expect("days")[0].clone();
        let why = day.left_as_it_is.expect("a reason");
        assert!(outcome.to_string().contains(&format!("2026-11-27 is left as it is: {why}\n")), "{outcome}");
        why
    };
    let rows = told_and_untold();
    let books = || books_of_a_day("0.7");
    let part = Options { until: MIDNIGHT - 1, ..apportioned() };
    assert_eq!(why(&rows, books(), part).await, "only a part of it was looked at");
    let early = Options { now: MIDNIGHT + 86_399_999, ..apportioned() };
    assert_eq!(why(&rows, books(), early).await, "it has not ended a day ago");
    assert_eq!(
        why(&rows, books_of_a_day("0.5"), apportioned()).await,
        "less was billed than is known of single calls"
    );
    assert_eq!(why(&rows[..1], books(), apportioned()).await, "nothing of it is estimated");
    assert_eq!(
        why(&rows, books_of_a_day("1.41"), apportioned()).await,
        "0.81 dollars are left for estimates of 0.4: somebody else calls with the account"
    );
    let unknown = RequestRow { generation_id: None, ..row("e", "", CostOrigin::Unknown) };
    let more = |row: RequestRow| [&rows[..], &[row]].concat();
    assert_eq!(why(&more(unknown), books(), apportioned()).await, "nobody knows what 1 of its requests cost");
    let foreign = RequestRow { deployment: Some("gone".to_owned()), ..row("e", "0.1", CostOrigin::Reported) };
    assert_eq!(
        why(&more(foreign), books(), apportioned()).await,
        "1 calls were made by deployments that are not in the configuration"
    );
    let mut unreported = books_of_a_day("0.6");
    unreported.days.iter_mut().flatten().for_each(|day| day.requests = 0);
    assert_eq!(why(&rows, unreported, apportioned()).await, "the report has nothing of it");
    let store = store(&rows).await;
    assert_eq!(store.forget(MIDNIGHT, i64::MAX, 1).await.expect("the store answers"), 1);
    let (_, upstreams) = one(books());
    let outcome = reconcile(&store, &upstreams, &apportioned()).await.expect("an outcome");
    let left = outcome.days.expect("days").remove(0).left_as_it_is;
    assert_eq!(left.as_deref(), Some("of 3 requests 2 have rows"));
    let refused = Books { bills: None, ..books() };
    assert_eq!(why(&rows, refused, apportioned()).await, "rows could not be asked about");
}
