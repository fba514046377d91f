//! What a provider claims: fixtures for all of it, and a refusal of all else.

use trunkline_core::{ErrorKind, Operation};

use super::super::finding::{Finding, Outcome, Verdict, holds, same, told};
use super::super::operations::row;
use super::super::subject::{Subject, refused};
use super::super::transport::UpstreamReply;
use super::super::{Ending, Fixtures, Harness};
use trunkline_provider::Capabilities;

/// What a provider claims has a fixture that shows it, and what has a fixture is claimed.
///
/// This is what keeps the other cases from passing because there was nothing to look at.
pub async fn claims_and_fixtures_agree(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let capabilities = subject.capabilities();
    let doing = format!("asking for the capabilities of `{}`", subject.model);
    holds(!capabilities.operations.is_empty(), &doing, "an operation at least", "none")?;
    let streams = capabilities.operations.iter().any(|operation| operation.streams());
    holds(
        streams || !capabilities.streaming,
        &doing,
        "no claim to stream where no operation streams",
        format!("streaming, and the operations {}", capabilities.operation_names()),
    )?;
    let Some(fixtures) = subject.fixtures() else {
        return Ok(Verdict::Held);
    };
    for operation in Operation::ALL {
        fixtures_of(operation, &capabilities, fixtures)?;
    }
    if capabilities.streaming {
        for operation in subject.streamed_operations() {
            let there = !fixtures.error_events_of(operation).is_empty();
            missing(
                there,
                &format!("`error_event`, or one of `error_events` for {operation}, because it streams"),
            )?;
        }
    }
    for kind in [
        ErrorKind::UpstreamCredential,
        ErrorKind::UpstreamNotFound,
        ErrorKind::UpstreamRateLimited,
        ErrorKind::UpstreamFailed,
    ] {
        let there = fixtures.refusals.iter().any(|refusal| refusal.kind == kind);
        missing(there, &format!("a refusal of the kind {kind:?}"))?;
    }
    Ok(Verdict::Held)
}

fn fixtures_of(
    operation: Operation,
    capabilities: &Capabilities,
    fixtures: &Fixtures,
) -> Result<(), Finding> {
    let whole: Vec<_> = fixtures.whole.iter().filter(|whole| whole.operation == operation).collect();
    let complete = |ending| ending == Ending::Complete;
    let streams: Vec<_> = fixtures
        .streams
        .iter()
        .filter(|stream| stream.operation == operation && complete(stream.ending))
        .collect();
    if !capabilities.supports(operation) {
        let doing = format!("comparing the fixtures for {operation} with the capabilities");
        let came = format!("{} whole replies and {} streams", whole.len(), streams.len());
        let expected = "no fixtures for an operation that is not claimed";
        return holds(whole.is_empty() && streams.is_empty(), doing, expected, came);
    }
    let streamed = capabilities.streaming && operation.streams();
    missing(!whole.is_empty(), &format!("a whole reply to {operation}"))?;
    missing(!streamed || !streams.is_empty(), &format!("a complete stream for {operation}"))?;
    if capabilities.reports_usage && operation.reports_usage() {
        let told = whole.iter().any(|whole| whole.readings.tokens.is_some());
        missing(told, &format!("a whole reply to {operation} that tells tokens, because it reports usage"))?;
        let told = streams.iter().any(|stream| stream.readings.tokens.is_some());
        missing(!streamed || told, &format!("a stream for {operation} that tells tokens"))?;
    }
    if capabilities.reports_cost && row(operation).tells_cost {
        let told = whole.iter().any(|whole| whole.readings.cost.is_some());
        missing(told, &format!("a whole reply to {operation} that tells a cost, because it reports cost"))?;
        let told = streams.iter().any(|stream| stream.readings.cost.is_some());
        let streamed = streamed && operation.reports_usage();
        missing(!streamed || told, &format!("a stream for {operation} that tells a cost"))?;
    }
    Ok(())
}

fn missing(there: bool, what: &str) -> Result<(), Finding> {
    holds(there, "comparing the capabilities with the fixtures", what, "fixtures without it")
}

/// An operation that is not claimed is refused with `UnsupportedOperation`, which names those that are, and
/// nothing is sent.
pub async fn operations_that_are_not_claimed_are_refused(harness: &Harness) -> Outcome {
    let subject = Subject::new(harness)?;
    let capabilities = subject.capabilities();
    let mut others = Operation::ALL.into_iter().filter(|&operation| !capabilities.supports(operation));
    let Some(first) = others.next() else {
        return Ok(Verdict::NotApplicable("the provider claims every operation"));
    };
    for operation in [first].into_iter().chain(others) {
        let doing = format!("asking for {operation}, which is not claimed");
        let call = subject.question(operation, false);
        let reply = subject.call(&doing, call, UpstreamReply::json(200, "{}")).await?;
        let error = refused(&doing, "UnsupportedOperation", reply)?;
        same(&doing, "the kind", &ErrorKind::UnsupportedOperation, &error.kind())?;
        for claimed in capabilities.operations {
            let expected = format!("a message that names {claimed}, which the provider has");
            holds(error.message().contains(claimed.name()), &doing, &expected, told(&error))?;
        }
        same(&doing, "requests sent:", &0, &subject.transport.requests().len())?;
    }
    Ok(Verdict::Held)
}
