//! Clients that are built from values: names, keys, transports, providers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use trunkline::bytes::Bytes;
use trunkline::futures_util::stream;
use trunkline::{
    Client, DeploymentSpec, Environment, Error, ErrorKind, Limits, Registry, Segments, SendOptions, Target,
    Transport, TransportBody, Waits, async_trait, http,
};

use crate::simulated::{KEY, body, client, simulator};

#[tokio::test]
async fn names_of_ones_own() {
    let simulator = simulator().await;
    let client = Client::builder()
        .api_key("vercel_ai_gateway", KEY)
        .api_base("vercel_ai_gateway", simulator.v1_url())
        .alias("fast", "vercel_ai_gateway/openai/gpt-4o")
        .deployment(DeploymentSpec {
            group: "warm".to_owned(),
            model: "vercel_ai_gateway/openai/gpt-4o".to_owned(),
            defaults: vec![("temperature".to_owned(), Bytes::from_static(b"1.50"))],
            ..DeploymentSpec::default()
        })
        .alias("hot", "warm")
        .build()
        .unwrap();
    client.chat("fast", "hi").await.unwrap();
    client.chat("hot", "hi").await.unwrap();
    client.chat("warm", "hi").temperature(0.0).await.unwrap();
    let begin = r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":"hi"}]"#;
    assert_eq!(body(&simulator, 0), format!("{begin}}}"));
    assert_eq!(body(&simulator, 1), format!("{begin},\"temperature\":1.50}}"));
    assert_eq!(body(&simulator, 2), format!("{begin},\"temperature\":0.0}}"));
    for request in simulator.control().requests() {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    }
}

#[tokio::test]
async fn keys_come_from_the_environment_value() {
    let simulator = simulator().await;
    let environment = Environment::from_iter([
        ("AI_GATEWAY_API_KEY".to_owned(), "vck_environment".to_owned()),
        ("VERCEL_AI_GATEWAY_API_BASE".to_owned(), simulator.v1_url()),
    ]);
    let client = Client::builder().environment(environment).build().unwrap();
    client.chat("vercel_ai_gateway/openai/gpt-4o", "hi").await.unwrap();
    client.chat("vercel_ai_gateway/openai/gpt-4o", "hi").api_key("vck_call").await.unwrap();
    let shown: Vec<_> = simulator.control().requests();
    assert_eq!(shown[0].header("authorization"), Some("Bearer vck_environment"));
    assert_eq!(shown[1].header("authorization"), Some("Bearer vck_call"));
}

#[tokio::test]
async fn a_key_stays_at_the_base_that_it_was_given_for() {
    let (home, abroad) = (simulator().await, simulator().await);
    let client = client(&home);
    let model = "vercel_ai_gateway/openai/gpt-4o";
    let error = client.chat(model, "hi").api_base(abroad.v1_url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamCredential);
    client.chat(model, "hi").api_base(abroad.v1_url()).api_key("vck_abroad").await.unwrap();
    let shown = abroad.control().requests();
    assert_eq!(shown[0].header("authorization"), None);
    assert_eq!(shown[1].header("authorization"), Some("Bearer vck_abroad"));
    assert!(home.control().requests().is_empty());

    // A deployment with a base of its own brings its own key too.
    let elsewhere = Client::builder()
        .api_key("vercel_ai_gateway", KEY)
        .deployment(DeploymentSpec {
            group: "elsewhere".to_owned(),
            model: model.to_owned(),
            target: Target { api_base: Some(abroad.v1_url()), ..Target::default() },
            ..DeploymentSpec::default()
        })
        .build()
        .unwrap();
    let error = elsewhere.chat("elsewhere", "hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialMissing);
    assert_eq!(abroad.control().requests().len(), 2);
}

#[tokio::test]
async fn a_key_changes_no_route() {
    let simulator = simulator().await;
    let everything = DeploymentSpec {
        group: "*".to_owned(),
        model: "vercel_ai_gateway/*".to_owned(),
        ..DeploymentSpec::default()
    };
    let client = Client::builder()
        .api_key("vercel_ai_gateway", KEY)
        .api_base("vercel_ai_gateway", simulator.v1_url())
        .api_key("openai", "sk-of-openai")
        .waits(Waits { total: Duration::from_secs(60), ..Waits::default() })
        .deployment(everything)
        .build()
        .unwrap();
    client.chat("openai/gpt-4o", "hi").await.unwrap();
    assert_eq!(simulator.control().requests()[0].model.as_deref(), Some("openai/gpt-4o"));
}

#[test]
fn what_leads_nowhere_is_told_when_the_client_is_built() {
    let refused = |client: Result<Client, Error>| {
        let error = client.unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, message) = refused(Client::builder().alias("fast", "slow").build());
    assert_eq!(kind, ErrorKind::Configuration);
    assert!(
        message.starts_with("the alias `fast` leads nowhere: model `slow` begins with no known"),
        "{message}"
    );
    let (kind, message) = refused(Client::builder().api_key("vercel", "vck_x").build());
    assert_eq!(kind, ErrorKind::Configuration);
    assert!(message.starts_with("no provider has the prefix `vercel`; known prefixes: "), "{message}");
    let spec = DeploymentSpec { group: "a".to_owned(), model: "b/c".to_owned(), ..DeploymentSpec::default() };
    assert_eq!(refused(Client::builder().deployment(spec).build()).0, ErrorKind::UnknownModel);
}

#[test]
fn nothing_shows_a_key() {
    let builder = Client::builder()
        .environment(Environment::from_iter([("OPENAI_API_KEY", "sk-of-the-environment")]))
        .api_key("vercel_ai_gateway", KEY);
    let shown = format!("{builder:?}") + &format!("{:?}", builder.build().unwrap());
    assert!(!shown.contains("sk-of-the-environment") && !shown.contains(KEY), "{shown}");
    let call = Client::builder()
        .build()
        .unwrap()
        .chat("echo/any", "hi")
        .api_key("sk-of-the-call")
        .header("x-api-key", "sk-of-the-call")
        .extra("byok", "sk-of-the-call");
    let shown = format!("{call:?}");
    assert!(shown.contains("x-api-key") && shown.contains("byok"), "{shown}");
    assert!(!shown.contains("sk-of-the-call"), "{shown}");
}

/// Answers everything with one embedding, and notes how it was sent.
#[derive(Debug, Default)]
struct Canned {
    sent: Mutex<Vec<(String, Waits)>>,
}

#[async_trait]
impl Transport for Canned {
    async fn send(
        &self,
        request: http::Request<Segments>,
        options: &SendOptions,
    ) -> Result<http::Response<TransportBody>, Error> {
        self.sent.lock().unwrap().push((request.uri().to_string(), options.waits));
        let json =
            Bytes::from_static(br#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}"#);
        let body: TransportBody = Box::pin(stream::iter([Ok(json)]));
        Ok(http::Response::new(body))
    }
}

#[tokio::test]
async fn a_transport_of_ones_own_with_the_client_s_waits() {
    let transport = Arc::new(Canned::default());
    let seconds = Duration::from_secs;
    let own = Waits { idle: seconds(9), ..Waits::default() };
    let target = Target { send: SendOptions { waits: own, ..SendOptions::default() }, ..Target::default() };
    let waits = Waits { connect: seconds(1), first_event: seconds(2), idle: seconds(3), total: seconds(4) };
    let client = Client::builder()
        .transport(transport.clone())
        .waits(waits)
        .api_key("openai", "sk-x")
        .deployment(DeploymentSpec {
            group: "patient".to_owned(),
            model: "openai/m".to_owned(),
            target,
            ..DeploymentSpec::default()
        })
        .build()
        .unwrap();
    let embeddings = client.embeddings("openai/other", ["a", "b"]).await.unwrap();
    // They came in the other order.
    assert_eq!(embeddings.into_vectors(), [[1.0], [2.0]]);
    client.embeddings("patient", "a").await.unwrap();
    client.embeddings("openai/other", "a").timeout(seconds(5)).await.unwrap();

    let sent = transport.sent.lock().unwrap();
    let uri = || "https://api.openai.com/v1/embeddings".to_owned();
    // A whole reply has no first event to wait for: its wait is that for the whole.
    let whole = |total| Waits { first_event: total, total, ..waits };
    let patient = Waits { idle: seconds(9), ..whole(seconds(4)) };
    assert_eq!(*sent, [(uri(), whole(seconds(4))), (uri(), patient), (uri(), whole(seconds(5)))]);
}

#[tokio::test]
async fn replies_past_a_limit_are_refused() {
    let simulator = simulator().await;
    let client = Client::builder()
        .api_key("vercel_ai_gateway", KEY)
        .api_base("vercel_ai_gateway", simulator.v1_url())
        .limits(Limits { reply_bytes_max: 100, ..Limits::default() })
        .build()
        .unwrap();
    let error = client.chat("vercel_ai_gateway/openai/gpt-4o", "hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamProtocol);
    assert_eq!(error.to_string(), "the reply is larger than reply_bytes_max (100 bytes)");
}

#[tokio::test]
async fn a_provider_crate_registers_itself() {
    fn register(registry: &mut Registry) {
        let echo = Arc::clone(&registry.by_prefix("echo").unwrap().provider);
        registry.register("second", echo, trunkline::About::default());
    }
    let client = Client::builder().register(register).build().unwrap();
    assert_eq!(client.chat("second/any", "hi").await.unwrap().text(), "hi");
}

#[test]
fn calls_and_clients_travel_between_threads() {
    fn travels<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Client>();
    travels::<trunkline::ChatCall>();
    travels::<trunkline::EmbeddingCall>();
    travels::<trunkline::ChatStream>();
    travels::<trunkline::Completion>();
}
