//! Counters of what was spent: a cache of the rows, kept beside them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use trunkline_core::{Error, Subject};

use crate::failure::refused;
use crate::placeholders::{pieces, tuples};
use crate::session::Session;
use crate::totals::{self, Counter};
use crate::value::{Value, indexed};
use crate::{Charge, Lowered, Spent};

/// How many subjects one statement asks for.
const SUBJECTS_MAX: usize = 64;

/// What a counter of spend may be set to, in dollars.
// SQLite's picodollars go a little further.
pub const AMOUNT_MAX: Decimal = Decimal::from_parts(9_000_000, 0, 0, false, 0);

pub(crate) async fn spent(session: &mut Session, subjects: &[Subject]) -> Result<Vec<Spent>, Error> {
    let asked: BTreeMap<[Cow<'_, str>; 3], &Subject> =
        subjects.iter().map(|subject| (names(subject), subject)).collect();
    let keys: Vec<&[Cow<'_, str>; 3]> = asked.keys().collect();
    let mut spent = Vec::new();
    for keys in pieces(&keys, SUBJECTS_MAX) {
        let values = keys.iter().flat_map(|key| key.iter().map(|name| Value::text(name))).collect();
        for row in session.fetch(&question(session, keys.len()), values).await? {
            let key = [row.text(0)?.into(), row.text(1)?.into(), row.text(2)?.into()];
            if let Some(subject) = asked.get(&key) {
                spent.push(Spent {
                    subject: (*subject).clone(),
                    period: row.text(3)?,
                    begins_at: row.integer(4)?,
                    amount: row.money(5)?,
                    corrected: row.money(6)?,
                });
            }
        }
    }
    Ok(spent)
}

/// The statement that asks for so many subjects.
pub(crate) fn question(session: &Session, subjects: usize) -> String {
    format!(
        "WITH asked (subject, id, model) AS (VALUES {})
         SELECT held.subject, held.id, held.model, held.period, held.begins_at, held.amount, held.corrected
         FROM asked JOIN trunkline.counters AS held
            ON held.subject = asked.subject AND held.id = asked.id AND held.model = asked.model
         ORDER BY held.subject, held.id, held.model, held.period, held.begins_at",
        tuples(session, subjects, 3)
    )
}

fn names(subject: &Subject) -> [Cow<'_, str>; 3] {
    let model = subject.model.as_deref().map_or(Cow::Borrowed(""), indexed);
    [Cow::Borrowed(subject.kind.name()), indexed(&subject.id), model]
}

/// Lowers all counters of a subject to a figure. Whoever adds to them meanwhile is waited for, and loses nothing.
pub(crate) async fn lower(session: &mut Session, lowered: &Lowered) -> Result<(), Error> {
    let values = || {
        let subject = &lowered.subject;
        vec![Value::text(subject.kind.name()), Value::Text(Some(indexed(&subject.id))), lowered.to.into()]
    };
    // Whoever records takes its locks in this order too, so that no two wait for each other.
    let locking = "SELECT 1 FROM trunkline.counters WHERE subject = $1 AND id = $2 AND amount > $3
                   ORDER BY subject, id, model, period, begins_at FOR UPDATE";
    session.execute_in_postgres(locking, values()).await?;
    let text = "UPDATE trunkline.counters SET amount = $3 WHERE subject = $1 AND id = $2 AND amount > $3";
    session.execute(text, values()).await?;
    Ok(())
}

/// Adds to counters what was spent elsewhere. Whoever records takes its locks in the order of the counters too, so that no
/// two wait for each other.
pub(crate) async fn add(session: &mut Session, added: &[Spent]) -> Result<(), Error> {
    let charges: Vec<(Charge, Decimal)> =
        added.iter().map(|spent| Ok((charge(spent)?, spent.amount))).collect::<Result<_, Error>>()?;
    let mut sums: BTreeMap<Counter<'_>, Decimal> = BTreeMap::new();
    for (charge, amount) in &charges {
        *sums.entry(Counter::of(charge)).or_default() += amount;
    }
    if sums.values().all(|amount| !amount.is_sign_negative()) {
        return totals::store_counters(session, sums, false).await;
    }
    for (counter, amount) in sums {
        if amount.is_sign_negative() {
            take_off(session, counter, amount).await?;
        } else {
            totals::store_counters(session, BTreeMap::from([(counter, amount)]), false).await?;
        }
    }
    Ok(())
}

/// Adds what is less than nothing, to nothing at least.
async fn take_off(session: &mut Session, counter: Counter<'_>, amount: Decimal) -> Result<(), Error> {
    let text = format!(
        "UPDATE trunkline.counters SET amount = {}(amount + $6, 0)
         WHERE subject = $1 AND id = $2 AND model = $3 AND period = $4 AND begins_at = $5",
        session.greatest()
    );
    let mut values = Vec::from(counter.values());
    values.push(amount.into());
    session.execute(&text, values).await.map(drop)
}

/// The counter that a figure belongs to, which must be one that a counter holds.
fn charge(spent: &Spent) -> Result<Charge, Error> {
    if spent.amount.abs() > AMOUNT_MAX {
        return Err(refused(format!("a counter holds up to {AMOUNT_MAX} dollars")));
    }
    Ok(Charge { subject: spent.subject.clone(), period: spent.period.clone(), begins_at: spent.begins_at })
}

pub(crate) async fn set(session: &mut Session, spent: &Spent) -> Result<(), Error> {
    let charge = charge(spent)?;
    let mut values = Vec::from(Counter::of(&charge).values());
    values.push(spent.amount.into());
    let text = "INSERT INTO trunkline.counters (subject, id, model, period, begins_at, amount)
                VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (subject, id, model, period, begins_at) DO UPDATE SET amount = excluded.amount";
    session.execute(text, values).await?;
    Ok(())
}
