//! The list of models: open to all, kept for a while, and never in the way of a call.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{ErrorKind, ModelInfo, TokenPrices};
use trunkline_provider::{CallContext, Target};
use trunkline_testkit::simulator::{Credential, Fault, FaultRule};

use crate::world::{World, chat_with};

fn find<'a>(models: &'a [ModelInfo], id: &str) -> &'a ModelInfo {
    models.iter().find(|model| model.id == id).expect("it is listed")
}

async fn models(world: &World) -> Vec<ModelInfo> {
    world.provider().models(&CallContext::default()).await.unwrap()
}

#[tokio::test]
async fn the_list_is_read_with_all_its_gaps() {
    let world = World::new().await;
    let listed = models(&world).await;
    let ids: Vec<_> = listed.iter().map(|model| model.id.clone()).collect();
    assert_eq!(ids, world.control().model_ids());
    assert!(listed.len() > 380, "{}", listed.len());
    let model = find(&listed, "openai/gpt-4.1-nano");
    assert_eq!(model.kind.as_deref(), Some("language"));
    assert_eq!(model.context_window, Some(1_047_576));
    assert_eq!(model.output_tokens_max, Some(32_768));
    let price = |text: &str| Some(text.parse().unwrap());
    let expected = TokenPrices {
        input: price("0.0000001"),
        output: price("0.0000004"),
        cache_read: price("0.00000003"),
        cache_write: None,
    };
    assert_eq!(model.prices, Some(expected));
    assert_eq!(find(&listed, "openai/text-embedding-3-small").kind.as_deref(), Some("embedding"));

    let request = world.request();
    assert_eq!(request.path, "/v1/models");
    assert_eq!(request.credential, Credential::Missing, "the list is open, and no key is shown for it");
    assert_eq!(request.title(), Some("Trunkline"));
}

#[tokio::test]
async fn the_list_needs_no_credential_and_is_asked_for_once() {
    let world = World::with(&[]).await;
    assert!(!models(&world).await.is_empty());
    assert!(!models(&world).await.is_empty());
    assert_eq!(world.request().path, "/v1/models");
}

#[tokio::test]
async fn an_old_list_outlives_a_gateway_that_fails() {
    let world = World::with_ttl(&[], Duration::ZERO).await;
    let first = models(&world).await;
    world.control().fault(FaultRule::new([Fault::Unavailable]).for_path("/v1/models").always());
    assert_eq!(models(&world).await, first);
    assert_eq!(world.control().requests().len(), 2);
    assert_eq!(models(&world).await, first);
    assert_eq!(world.control().requests().len(), 2, "it is not asked again at once");
}

#[tokio::test]
async fn without_any_list_only_who_asks_for_it_fails() {
    let world = World::new().await;
    world.control().fault(FaultRule::new([Fault::Unavailable]).for_path("/v1/models").always());
    let error = world.provider().models(&CallContext::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamFailed);
    world.document(chat_with("openai/gpt-4.1-nano")).await;
}

/// A call goes out while the list hangs: it does not even look.
#[tokio::test]
async fn a_call_does_not_wait_for_the_list() {
    let world = World::new().await;
    world.control().fault(FaultRule::new([Fault::Hang]).for_path("/v1/models").always());
    let context = CallContext::default();
    let mut listing = std::pin::pin!(world.provider().models(&context));
    tokio::select! {
        _ = &mut listing => panic!("it hangs"),
        _ = world.control().wait_for_requests(1) => {}
    }
    tokio::select! {
        biased;
        _ = world.document(chat_with("openai/gpt-4.1-nano")) => {}
        _ = &mut listing => panic!("it hangs"),
    }
}

/// A caller that brings an address of its own gets the list of that address, and leaves no trace of it.
#[tokio::test]
async fn a_caller_s_own_address_is_asked_each_time() {
    let world = World::new().await;
    let other = World::new().await;
    other.control().add_model(serde_json::json!({ "id": "own/model" }));
    let target = Target {
        api_base: Some(format!("http://{}/v1", other.address())),
        from_caller: true,
        ..Target::default()
    };
    let context = CallContext::new(Arc::new(target));
    for asked in 1..=2 {
        let listed = world.provider().models(&context).await.unwrap();
        assert_eq!(find(&listed, "own/model").kind, None);
        assert_eq!(other.control().requests().len(), asked);
    }
    assert!(world.control().requests().is_empty());
}
