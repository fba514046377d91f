//! What an account looks up of its own bill.

use std::sync::Arc;

use trunkline_core::{Environment, ErrorKind, Secret};
use trunkline_provider::{Limits, Registry, Target};
use trunkline_testkit::simulator::{Fault, FaultRule, Simulator, SimulatorOptions};
use trunkline_transport::{HttpTransport, TransportOptions};
use trunkline_vercel_ai_gateway::VercelAccount;

use crate::world::{World, chat_with, streamed_with};

/// An account at the gateway of a world, which finds its key in the environment.
fn account(base: &str) -> VercelAccount {
    let variables = [("AI_GATEWAY_API_KEY", "vck_environment"), ("VERCEL_AI_GATEWAY_API_BASE", base)];
    let transport = HttpTransport::new(TransportOptions::default()).unwrap();
    let registry = Registry::new(Arc::new(transport), Environment::from_iter(variables), Limits::default());
    VercelAccount::new(&registry)
}

#[tokio::test]
async fn a_generation_is_what_was_billed() {
    let world = World::new().await;
    let (_, seen) = world.document(chat_with("sim/surcharged")).await;
    let account = account(&format!("http://{}", world.address()));
    let id = seen.generation_id.unwrap();
    let look_up = async || account.generation(&Target::default(), &id).await.unwrap();
    assert_eq!(look_up().await, None, "the record is not there yet");
    let record = look_up().await.unwrap();
    let billed = &world.control().bill()[0];
    assert_eq!(record.cost.gateway_cost, Some(billed.gateway_cost));
    assert_eq!(
        (record.cost.cost, record.cost.surcharge_cost),
        (Some(billed.cost), Some(billed.surcharge_cost))
    );
    let told = seen.usage.unwrap();
    assert_eq!((record.usage(None), record.usage(Some(&told))), (told.clone(), told));
    for id in ["gen_0", "", "gen_1&id=gen_2"] {
        assert_eq!(account.generation(&Target::default(), id).await.unwrap(), None, "{id}");
    }
}

#[test]
fn targets_are_one_whose_address_and_credential_are() {
    let account = account("http://gateway.example/v1");
    let target = |base: Option<&str>, key: Option<&str>| Target {
        api_base: base.map(str::to_owned),
        api_key: key.map(Secret::new),
        ..Target::default()
    };
    let usual = target(None, None);
    for same in [
        target(None, Some("vck_environment")),
        target(None, Some("")),
        target(Some("http://gateway.example"), None),
        target(Some("http://gateway.example/v1/"), Some("vck_environment")),
    ] {
        assert!(account.is_one(&usual, &same), "{same:?}");
    }
    let mut with_header = target(None, None);
    with_header.extra_headers.insert("authorization", "Bearer vck_other".parse().unwrap());
    for other in [target(None, Some("vck_other")), target(Some("http://other.example/v1"), None), with_header]
    {
        assert!(!account.is_one(&usual, &other), "{other:?}");
        assert!(account.is_one(&other, &other.clone()));
    }
}

#[tokio::test]
async fn a_stream_that_broke_off_has_a_record_of_what_was_sent() {
    let world = World::new().await;
    let fault = Fault::CutEvents { after_events: 3, how: trunkline_testkit::simulator::CutKind::Close };
    world.control().fault(FaultRule::new([fault]));
    let (events, error) = world.events(streamed_with(crate::world::MODEL)).await;
    assert!(error.is_some() && events.len() == 3);
    let bill = world.control().settled_bill().await;
    let account = account(&format!("http://{}/v1", world.address()));
    let id = bill[0].generation_id.as_deref().unwrap();
    account.generation(&Target::default(), id).await.unwrap();
    let record = account.generation(&Target::default(), id).await.unwrap().unwrap();
    assert_eq!(record.cost.gateway_cost, Some(bill[0].gateway_cost));
    assert_eq!(record.usage(None).all_output(), bill[0].completion_tokens);
}

#[tokio::test]
async fn a_whole_reply_that_broke_off_has_told_its_id() {
    use trunkline_core::Operation::{ChatCompletions, Messages, Responses};
    let chat = r#"{"model":"x","max_tokens":9,"messages":[{"role":"user","content":"Weather in Oslo?"}]}"#;
    for (operation, body, is_told) in [
        (ChatCompletions, chat, true),
        (Messages, chat, true),
        (Responses, r#"{"model":"x","input":"Weather in Oslo?"}"#, false),
    ] {
        let world = World::new().await;
        let fault = Fault::CutEvents { after_events: 1, how: trunkline_testkit::simulator::CutKind::Close };
        world.control().fault(FaultRule::new([fault]));
        let error =
            world.call(crate::world::call_of(operation, crate::world::MODEL, body)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UpstreamCut, "{operation}: {error}");
        let bill = world.control().settled_bill().await;
        assert!(!bill[0].gateway_cost.is_zero(), "it was billed");
        let expected = bill[0].generation_id.as_deref().filter(|_| is_told);
        assert_eq!(error.generation_id(), expected, "{operation}");
    }
}

#[tokio::test]
async fn days_are_reported_where_the_plan_has_reports() {
    for reports in [true, false] {
        let options =
            SimulatorOptions { reports, now_seconds: Some(1_790_000_000), ..SimulatorOptions::default() };
        let simulator = Simulator::start(options).await.unwrap();
        let account = account(&simulator.v1_url());
        let report = account.report(&Target::default(), "2026-09-01", "2026-09-30").await.unwrap();
        assert_eq!(report, reports.then(Vec::new), "nothing was asked yet");
    }
}

#[tokio::test]
async fn a_refused_credential_is_no_missing_record() {
    let world = World::new().await;
    let account = account(&format!("http://{}", world.address()));
    let target = Target { api_key: Some(Secret::new("vck_invalid_one")), ..Target::default() };
    let error = account.generation(&target, "gen_0").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamCredential);
    let error = account.report(&target, "2026-09-01", "2026-09-30").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamCredential);
    world.control().fault(FaultRule::new([Fault::HtmlBadGateway]).for_path("/v1/generation"));
    let error = account.generation(&Target::default(), "gen_0").await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
}
