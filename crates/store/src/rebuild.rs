//! Works sums and counters out anew: they are a cache of the rows, and the rows are what counts.

use trunkline_core::Error;

use crate::ledger;
use crate::session::Session;
use crate::totals::Totals;

/// How many rows are read at once.
const PAGE: i64 = 1_000;

pub(crate) async fn rebuild(session: &mut Session) -> Result<(), Error> {
    // Rows that were added meanwhile would be counted by nobody, or twice.
    session
        .execute_in_postgres("LOCK TABLE trunkline.requests IN SHARE ROW EXCLUSIVE MODE", Vec::new())
        .await?;
    for table in ["hours", "days", "tag_days"] {
        session.execute(&format!("DELETE FROM trunkline.{table}"), Vec::new()).await?;
    }
    // What amendments added is told to processes that count in memory, and goes on from where it stands.
    session.execute("DELETE FROM trunkline.counters WHERE corrected = 0", Vec::new()).await?;
    session.execute("UPDATE trunkline.counters SET amount = 0", Vec::new()).await?;
    let mut after = String::new();
    loop {
        let rows = ledger::page(session, &after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        let mut totals = Totals::new(session.places());
        rows.iter().for_each(|row| totals.add(row));
        totals.store(session).await?;
        after.clone_from(&last.request_id);
    }
}
