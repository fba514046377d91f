//! The list of models: read leniently, and never in the way of anything.

use trunkline_core::{ErrorKind, ModelInfo};
use trunkline_provider::CallContext;

use super::super::Harness;
use super::super::finding::{Outcome, Verdict, excerpt, holds, same};
use super::super::subject::{Subject, refused, succeeded};
use super::super::transport::{Answer, UpstreamReply};
use super::NO_UPSTREAM;

/// The list of models gives every row that has an id, whatever else the row says or lacks; without a key too,
/// and as an empty list where the upstream has none.
pub async fn the_catalogue_is_read_leniently(harness: &Harness) -> Outcome {
    let mut subject = Subject::new(harness)?;
    let catalogue = subject.fixtures().and_then(|fixtures| fixtures.catalogue.as_ref());
    let Some(catalogue) = catalogue else {
        let doing = "asking for the models, of which there is no fixture";
        let models = subject.models(doing, Answer::Failure(ErrorKind::Internal)).await?;
        let models = succeeded(doing, "a list", models)?;
        same(doing, "requests sent:", &0, &subject.transport.requests().len())?;
        let unexpected = subject.fixtures().is_some() && !models.is_empty();
        holds(!unexpected, doing, "an empty list", format!("{models:?}"))?;
        return Ok(Verdict::Held);
    };
    let ids = |models: &[ModelInfo]| models.iter().map(|model| model.id.clone()).collect::<Vec<_>>();
    let doing = "asking for the models";
    let models = subject.models(doing, UpstreamReply::json(200, catalogue.body.clone())).await?;
    same(doing, "the ids", &catalogue.ids, &ids(&succeeded(doing, "a list", models)?))?;

    subject = Subject::new(harness)?;
    subject.context = CallContext::default();
    let doing = "asking for the models without any key";
    let models = subject.models(doing, UpstreamReply::json(200, catalogue.body.clone())).await?;
    same(doing, "the ids", &catalogue.ids, &ids(&succeeded(doing, "a list", models)?))?;
    Ok(Verdict::Held)
}

/// A list of models that is none is an error, and a refusal of it is one of its kind.
pub async fn a_catalogue_that_is_none_is_an_error(harness: &Harness) -> Outcome {
    if Subject::new(harness)?.fixtures().is_none_or(|fixtures| fixtures.catalogue.is_none()) {
        return Ok(NO_UPSTREAM);
    }
    let answers: [(u16, &str, ErrorKind); 6] = [
        (200, "", ErrorKind::UpstreamProtocol),
        (200, "<html></html>", ErrorKind::UpstreamProtocol),
        (200, "{\"data\":[", ErrorKind::UpstreamProtocol),
        (200, "42", ErrorKind::UpstreamProtocol),
        (503, "busy", ErrorKind::UpstreamFailed),
        (429, "slow down", ErrorKind::UpstreamRateLimited),
    ];
    for (status, body, kind) in answers {
        // A provider may keep what it was told, so that each answer goes to a new one.
        let subject = Subject::new(harness)?;
        let doing = format!("asking for the models and getting {status} {}", excerpt(body.as_bytes()));
        let models = subject.models(&doing, UpstreamReply::json(status, body)).await?;
        let error = refused(&doing, "an error", models)?;
        same(&doing, "the kind", &kind, &error.kind())?;
    }
    Ok(Verdict::Held)
}
