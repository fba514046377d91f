//! The audit log: what administrators did.

use serde_json::{Value, json};
use trunkline_core::Error;
use trunkline_store::Act;

use crate::asked::Query;
use crate::desk::Desk;
use crate::{Asked, Reply, times};

/// `GET /audit/logs`: the newest first; `before` is the number of the last line of the page before.
pub(crate) async fn logs(desk: &Desk, asked: &Asked<'_>) -> Result<Reply, Error> {
    let query = Query::read(asked.query, &["before", "limit"])?;
    let before = match query.text("before") {
        Some(_) => i64::try_from(query.number("before", 1, i64::MAX.unsigned_abs())?).ok(),
        None => None,
    };
    let limit = query.number("limit", 50, 500)?;
    let acts = desk.store().acts(before, limit).await?;
    let next = acts.last().map(|act| act.number).filter(|_| acts.len() as u64 == limit);
    Ok(Reply::ok(json!({ "logs": acts.iter().map(shown).collect::<Vec<_>>(), "next_before": next })))
}

fn shown(act: &Act) -> Value {
    json!({
        "number": act.number,
        "at": times::text(act.at),
        "by": act.by,
        "action": act.action,
        "kind": act.kind.name(),
        "id": act.id,
        "before": act.before,
        "after": act.after,
    })
}
