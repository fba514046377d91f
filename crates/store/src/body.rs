//! What of a row no column holds, as one JSON text: so that a row is few values, and a new field is no new column.
//!
//! A row costs what its bytes cost, and a ledger has millions. What is as usual is left out, and so is what an attempt or a
//! charge has in common with its row.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use trunkline_core::{Error, Subject, SubjectKind, Usage};

use crate::failure::unreadable;
use crate::tokens;
use crate::value::is_indexed_whole;
use crate::{AttemptRow, Charge, CostOrigin, RequestRow};

/// The fields of a row, and which of them stand in the first part of the text.
#[derive(Serialize, Deserialize)]
#[serde(remote = "RequestRow", default = "RequestRow::default")]
struct Body {
    #[serde(skip_serializing_if = "is_indexed_whole")]
    request_id: String,
    #[serde(skip_serializing_if = "is_indexed_whole")]
    call_id: String,
    #[serde(skip)]
    started_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_at: Option<i64>,
    ended_at: i64,
    operation: String,
    route: String,
    #[serde(skip_serializing_if = "is_false")]
    streamed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_kind: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    key: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    team_id: Option<String>,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    customer: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    model: String,
    #[serde(skip_serializing_if = "is_none_or_in_column")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_base: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", with = "tokens")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "is_false")]
    usage_is_estimated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    spend: Option<Decimal>,
    cost_origin: CostOrigin,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    market_cost: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    surcharge_cost: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_cost: Option<Decimal>,
    #[serde(skip_serializing_if = "is_false")]
    is_byok: bool,
    #[serde(skip_serializing_if = "is_false")]
    is_contradictory: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_id: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    cache_hit: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(skip)]
    attempts: Vec<AttemptRow>,
    #[serde(skip)]
    charges: Vec<Charge>,
}

/// The text as it is written: the row's own fields, its attempts, what it is charged to.
#[derive(Serialize)]
struct Written<'row>(Own<'row>, Vec<Attempt<'row>>, Vec<Charged<'row>>);

struct Own<'row>(&'row RequestRow);

impl Serialize for Own<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Body::serialize(self.0, serializer)
    }
}

/// The text as it is read.
#[derive(Deserialize)]
struct Read<'text>(
    #[serde(with = "Body")] RequestRow,
    #[serde(borrow)] Vec<Attempt<'text>>,
    #[serde(borrow)] Vec<Charged<'text>>,
);

/// An attempt. One that used and cost what the whole request did has `same`, and no names or figures of its own.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Attempt<'row> {
    #[serde(skip_serializing_if = "is_false")]
    same: bool,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    group: Option<Cow<'row, str>>,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    deployment: Option<Cow<'row, str>>,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    provider: Option<Cow<'row, str>>,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    upstream_model: Option<Cow<'row, str>>,
    duration_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    error_kind: Option<Cow<'row, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", with = "tokens")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spend: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    generation_id: Option<Cow<'row, str>>,
}

impl<'row> Attempt<'row> {
    fn of(attempt: &'row AttemptRow, row: &RequestRow) -> Self {
        let names = [
            (&attempt.group, &row.group),
            (&attempt.deployment, &row.deployment),
            (&attempt.provider, &row.provider),
            (&attempt.upstream_model, &row.upstream_model),
        ];
        let has_same_names = names.iter().all(|(own, whole)| whole.as_ref() == Some(*own));
        let has_same_spend = written_alike(attempt.spend, row.spend);
        let has_same_usage = attempt.usage == row.usage && attempt.generation_id == row.generation_id;
        let same = has_same_names && has_same_spend && has_same_usage;
        let differing = |name: &'row String| (!same).then_some(Cow::Borrowed(name.as_str()));
        Self {
            same,
            group: differing(&attempt.group),
            deployment: differing(&attempt.deployment),
            provider: differing(&attempt.provider),
            upstream_model: differing(&attempt.upstream_model),
            duration_ms: attempt.duration_ms,
            error_kind: attempt.error_kind.as_deref().map(Cow::Borrowed),
            status: attempt.status,
            usage: attempt.usage.clone().filter(|_| !same),
            spend: attempt.spend.filter(|_| !same),
            generation_id: attempt.generation_id.as_ref().and_then(differing),
        }
    }

    fn of_row(self, row: &RequestRow) -> AttemptRow {
        let name = |own: Option<Cow<'_, str>>, whole: &Option<String>| {
            own.map_or_else(|| whole.clone().filter(|_| self.same).unwrap_or_default(), Cow::into_owned)
        };
        AttemptRow {
            group: name(self.group, &row.group),
            deployment: name(self.deployment, &row.deployment),
            provider: name(self.provider, &row.provider),
            upstream_model: name(self.upstream_model, &row.upstream_model),
            duration_ms: self.duration_ms,
            error_kind: self.error_kind.map(Cow::into_owned),
            status: self.status,
            usage: if self.same { row.usage.clone() } else { self.usage },
            spend: if self.same { row.spend } else { self.spend },
            generation_id: if self.same {
                row.generation_id.clone()
            } else {
                self.generation_id.map(Cow::into_owned)
            },
        }
    }
}

/// Whether two figures are equal, with the same places.
fn written_alike(one: Option<Decimal>, other: Option<Decimal>) -> bool {
    one == other && one.map(|one| one.scale()) == other.map(|other| other.scale())
}

/// A charge: kind, id, model, period, beginning. The id is left out where it is the row's own.
#[derive(Serialize, Deserialize)]
struct Charged<'row>(
    SubjectKind,
    #[serde(borrow)] Option<Cow<'row, str>>,
    #[serde(borrow)] Option<Cow<'row, str>>,
    #[serde(borrow)] Cow<'row, str>,
    i64,
);

impl<'row> Charged<'row> {
    fn of(charge: &'row Charge, row: &RequestRow) -> Self {
        let Subject { kind, id, model } = &charge.subject;
        let is_own = own_id(*kind, row).is_some_and(|own| own == &**id);
        let id = (!is_own).then(|| Cow::Borrowed(&**id));
        Self(*kind, id, model.as_deref().map(Cow::Borrowed), Cow::Borrowed(&charge.period), charge.begins_at)
    }

    fn of_row(self, row: &RequestRow) -> Charge {
        let Self(kind, id, model, period, begins_at) = self;
        let id = id.unwrap_or_else(|| Cow::Borrowed(own_id(kind, row).unwrap_or_default()));
        let mut subject = Subject::new(kind, &*id);
        subject.model = model.map(|model| (&*model).into());
        Charge { subject, period: period.into_owned(), begins_at }
    }
}

/// Who the row itself says a subject is.
fn own_id(kind: SubjectKind, row: &RequestRow) -> Option<&str> {
    match kind {
        SubjectKind::Team => row.team_id.as_deref(),
        SubjectKind::User => row.user_id.as_deref(),
        SubjectKind::Key => row.key.as_deref(),
        SubjectKind::Customer => row.customer.as_deref(),
        SubjectKind::Global | SubjectKind::Member | SubjectKind::Tag => None,
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_none_or_in_column(text: &Option<String>) -> bool {
    text.as_ref().is_none_or(|text| is_indexed_whole(text))
}

/// What most texts have room in.
const USUAL_BYTES: usize = 1_024;

/// The text of a row.
pub(crate) fn write(row: &RequestRow) -> Result<String, Error> {
    let attempts = row.attempts.iter().map(|attempt| Attempt::of(attempt, row)).collect();
    let charges = row.charges.iter().map(|charge| Charged::of(charge, row)).collect();
    let mut text = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut text, &Written(Own(row), attempts, charges))
        .map_err(|error| unreadable("a request", error))?;
    String::from_utf8(text).map_err(|error| unreadable("a request", error))
}

/// The row of a text. `complete` fills in what stands in columns, where the text does not hold it; what attempts and
/// charges have in common with the row is taken from that.
pub(crate) fn read(
    text: &str,
    complete: impl FnOnce(&mut RequestRow) -> Result<(), Error>,
) -> Result<RequestRow, Error> {
    let Read(mut row, attempts, charges) =
        serde_json::from_str(text).map_err(|error| unreadable("a request", error))?;
    complete(&mut row)?;
    row.attempts = attempts.into_iter().map(|attempt| attempt.of_row(&row)).collect();
    row.charges = charges.into_iter().map(|charge| charge.of_row(&row)).collect();
    Ok(row)
}
