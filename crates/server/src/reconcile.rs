//! `trunkline reconcile`: the ledger held against the bill of the Vercel AI Gateway, and put right where that is wanted.

use std::error::Error as StdError;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use trunkline_core::{Environment, Error, Usage};
use trunkline_limits::Clock;
use trunkline_provider::{Registry, Target};
use trunkline_reconcile::{AccountNumber, Bill, BilledDay, Options, Upstream, Upstreams, reconcile};
use trunkline_router::Router;
use trunkline_vercel_ai_gateway::{PREFIX, ReportedDay, VercelAccount};

use crate::flags::{Flags, ReconcileFlags};
use crate::sources::Sources;
use crate::{accounts, assemble};

/// Who did it, in the audit log.
const AUTHOR: &str = "command";

/// Prints what differs. Fails where rows could not be asked about.
pub(crate) fn run(
    asked: &ReconcileFlags,
    flags: &Flags,
    environment: &Environment,
) -> Result<(), Box<dyn StdError>> {
    let sources = Sources::read(flags, environment)?;
    sources.refuse_fatal(|finding| eprintln!("{finding}"))?;
    let registry = Arc::new(assemble::registry(&sources)?);
    let now = Clock::system().now_ms();
    let options = Options {
        all: asked.all,
        apply_as: asked.apply.then(|| AUTHOR.to_owned()),
        days: !asked.no_report,
        apportion: asked.apportion,
        ..Options::between(&asked.since, asked.until.as_deref(), now)?
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let (store, rows) = accounts::store_of_others(&sources, !asked.apply).await?;
        let router = sources.router(&registry, None, &rows)?;
        let upstreams = upstreams(&registry, &router);
        if upstreams.is_empty() {
            return Err("no deployment calls the Vercel AI Gateway, so that there is nobody to ask".into());
        }
        let outcome = reconcile(&*store, &upstreams, &options).await;
        store.close().await;
        Ok::<_, Box<dyn StdError>>(outcome?)
    })?;
    let text = if asked.json { format!("{:#}\n", outcome.to_json()) } else { outcome.to_string() };
    std::io::stdout().write_all(text.as_bytes())?;
    match outcome.failed {
        0 => Ok(()),
        failed => Err(format!("{failed} rows could not be asked about").into()),
    }
}

/// The accounts that deployments call the gateway with: one for each address and credential.
fn upstreams(registry: &Registry, router: &Router) -> Upstreams {
    let lookup = Arc::new(VercelAccount::new(registry));
    let mut upstreams = Upstreams::new(PREFIX);
    let mut known: Vec<(&Arc<Target>, AccountNumber)> = Vec::new();
    // Behind `*` the name that was asked for decides, which may be one of the gateway's.
    let calls_it = |prefix: &str| prefix == PREFIX || prefix.is_empty();
    for deployment in router.deployments().filter(|deployment| calls_it(&deployment.prefix)) {
        let target = deployment.target();
        let held = known.iter().find(|(other, _)| lookup.is_one(target, other)).map(|(_, account)| *account);
        let account = held.unwrap_or_else(|| {
            let account = Account { lookup: Arc::clone(&lookup), target: Arc::clone(target) };
            let account = upstreams.add(Arc::new(account));
            known.push((target, account));
            account
        });
        upstreams.serves(&*deployment.id, account);
    }
    upstreams
}

/// An account of the gateway's, as deployments call it.
#[derive(Debug)]
struct Account {
    lookup: Arc<VercelAccount>,
    target: Arc<Target>,
}

#[async_trait]
impl Upstream for Account {
    async fn bill(&self, generation_id: &str, told: Option<&Usage>) -> Result<Option<Bill>, Error> {
        let generation = self.lookup.generation(&self.target, generation_id).await?;
        Ok(generation.map(|generation| Bill { usage: generation.usage(told), cost: generation.cost }))
    }

    async fn days(&self, first: &str, last: &str) -> Result<Option<Vec<BilledDay>>, Error> {
        let days = self.lookup.report(&self.target, first, last).await?;
        let day = |day: ReportedDay| BilledDay { day: day.day, spend: day.spend, requests: day.requests };
        Ok(days.map(|days| days.into_iter().map(day).collect()))
    }
}
