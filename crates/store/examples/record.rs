//! Measures what a row costs: `cargo run --release -p trunkline-store --example record -- [rows] [keys] [batch] [named]`.
//!
//! With `named` 0, calls have random ids of their own, as if callers chose them; with 1, those of the ledger.
//! Prints the processor time of the whole process, SQLite's thread included, for each row that is recorded.

use std::error::Error;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use trunkline_core::{Subject, SubjectKind, Usage};
use trunkline_store::{AttemptRow, Charge, CostOrigin, RequestRow, SqliteStore, Store};

/// The unit of `/proc/self/stat`.
const TICK: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let mut argument = |usual: usize| arguments.next().unwrap_or(Ok(usual));
    let (count, keys, batch, named) = (argument(200_000)?, argument(100)?, argument(500)?, argument(1)?);
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(&folder.path().join("record.db")).await?;
    let rows: Vec<RequestRow> = (0..count).map(|number| row(number, keys, named == 1)).collect();
    let (began, spent_before) = (Instant::now(), processor_time()?);
    for batch in rows.chunks(batch) {
        store.record(batch).await?;
    }
    let (wall, spent) = (began.elapsed(), processor_time()? - spent_before);
    let bytes = std::fs::metadata(folder.path().join("record.db"))?.len();
    let each = |time: Duration| time.as_nanos() / count as u128;
    println!(
        "{count} rows of {keys} keys in batches of {batch}, ids of calls {}",
        if named == 1 { "shared" } else { "random" }
    );
    println!(
        "processor {} ns a row, wall {} ns a row, {} bytes a row",
        each(spent),
        each(wall),
        bytes / count as u64
    );
    Ok(())
}

/// A plain chat: one attempt, four counters.
fn row(number: usize, keys: usize, named: bool) -> RequestRow {
    let started_at = 1_795_737_600_000 + i64::try_from(number).unwrap_or(0) * 20;
    let scattered = number.wrapping_mul(2_654_435_761) >> 7;
    let key = format!("{:064x}", scattered % keys);
    let (user, team) = (format!("user-{}", scattered % keys), format!("team-{}", scattered % 20.min(keys)));
    let usage = Usage { uncached_input: 1_200, cache_read: 800, output: 350, ..Usage::default() };
    let spend = Decimal::new(123_456, 8);
    let attempt = AttemptRow {
        group: "gpt-4o".to_owned(),
        deployment: "5f0c6f1e9f0c".to_owned(),
        provider: "vercel_ai_gateway".to_owned(),
        upstream_model: "openai/gpt-4o".to_owned(),
        duration_ms: 900,
        error_kind: None,
        status: Some(200),
        usage: Some(usage.clone()),
        spend: Some(spend),
        generation_id: Some(format!("gen_{number:026}")),
    };
    let names = [(SubjectKind::Key, key.as_str()), (SubjectKind::User, &user), (SubjectKind::Team, &team)];
    let mut charges: Vec<Charge> = names
        .iter()
        .map(|(kind, name)| Charge {
            subject: Subject::new(*kind, *name),
            period: "30d".to_owned(),
            begins_at: 1_793_491_200_000,
        })
        .collect();
    charges.push(Charge { subject: Subject::global(), period: String::new(), begins_at: 0 });
    let request_id = format!("019ac2c7-{number:012x}-7abc-8def");
    let random = u128::from(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    RequestRow {
        call_id: if named { request_id.clone() } else { format!("{random:032x}") },
        request_id,
        started_at,
        first_byte_at: Some(started_at + 400),
        ended_at: started_at + 900,
        operation: "chat_completions".to_owned(),
        route: "/v1/chat/completions".to_owned(),
        streamed: true,
        status: Some(200),
        outcome: "completed".to_owned(),
        key: Some(key),
        user_id: Some(user),
        team_id: Some(team),
        model: "gpt-4o".to_owned(),
        group: Some("gpt-4o".to_owned()),
        deployment: Some(attempt.deployment.clone()),
        provider: Some(attempt.provider.clone()),
        upstream_model: Some(attempt.upstream_model.clone()),
        api_base: Some("https://ai-gateway.vercel.sh/v1".to_owned()),
        usage: Some(usage),
        spend: Some(spend),
        cost_origin: CostOrigin::Reported,
        cost: Some(spend),
        generation_id: attempt.generation_id.clone(),
        client_address: Some("10.0.0.7".to_owned()),
        attempts: vec![attempt],
        charges,
        ..RequestRow::default()
    }
}

/// User and system time of the process, from the fourteenth and fifteenth field of its state.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let state = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = state.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).map_or(Ok(0), |ticks| ticks.parse::<u32>());
    Ok(TICK * (ticks(11)? + ticks(12)?))
}
