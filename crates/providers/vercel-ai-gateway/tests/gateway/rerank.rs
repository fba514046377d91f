//! Rerank, in both versions of Cohere's dialect.

use trunkline_core::{ErrorKind, Operation, Retry};
use trunkline_provider::Target;
use trunkline_testkit::simulator::{Fault, FaultRule};

use crate::world::{World, call_of, value};

const MODEL: &str = "cohere/rerank-v5-pro";

const VERSIONS: [(Operation, &str); 2] =
    [(Operation::Rerank, "/v1/rerank"), (Operation::RerankV2, "/v2/rerank")];

const BODY: &str = r#"{"model":"x","query":"coffee please","documents":["tea","coffee","milk"],"top_n":2}"#;

#[tokio::test]
async fn documents_come_back_in_order() {
    for (operation, path) in VERSIONS {
        let world = World::new().await;
        let (document, seen) = world.document(call_of(operation, MODEL, BODY)).await;
        let request = world.request();
        assert_eq!((request.path.as_str(), request.model.as_deref()), (path, Some(MODEL)));
        let sent = BODY.replacen("\"x\"", "\"cohere/rerank-v5-pro\"", 1);
        assert_eq!(String::from_utf8(request.body.to_vec()).unwrap(), sent);
        let results = value(&document, "results");
        assert_eq!(results.as_array().map(Vec::len), Some(2));
        assert_eq!(results[0]["index"], 1, "{results}");
        // The gateway tells no bill here, but the id that it can be looked up by.
        assert!(request.billed.is_some());
        assert_eq!((seen.cost, seen.usage), (None, None));
        assert!(seen.generation_id.is_some());
        assert_eq!(seen.generation_id, request.generation_id);
    }
}

/// Cohere's clients are given the origin alone.
#[tokio::test]
async fn the_bare_origin_is_a_base() {
    for (operation, path) in VERSIONS {
        let world = World::new().await;
        let target = Target { api_base: Some(format!("http://{}", world.address())), ..Target::default() };
        world.call_at(target, call_of(operation, MODEL, BODY)).await.unwrap();
        assert_eq!(world.request().path, path);
    }
}

#[tokio::test]
async fn rerank_is_refused_in_cohere_s_words() {
    for (operation, path) in VERSIONS {
        let world = World::new().await;
        let empty = r#"{"model":"x","query":"","documents":["tea"]}"#;
        let error = world.call(call_of(operation, MODEL, empty)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UpstreamInvalidRequest);
        assert!(error.upstream().expect("an answer").body.starts_with(br#"{"message":""#), "{error:?}");
        assert_eq!(error.message(), "invalid request: query: too_small");

        world.control().fault(FaultRule::new([Fault::RateLimited { retry_after: None }]).for_path(path));
        let error = world.call(call_of(operation, MODEL, BODY)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::UpstreamRateLimited, Retry::SameTarget));
    }
}
