//! Responses: ids that lead back to their deployment, items that stay what they were, streams that end as they should.

use trunkline_testkit::upstream::{Cut, Script, ScriptedUpstream};

use crate::client::{Answer, get, post, send};
use crate::server::{Start, Trunkline};

const CREATED: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_up1\",\"object\":\"response\",\"status\":\"in_progress\",\"model\":\"gpt-5\",\"output\":[],\"x\":1.50}}\n\n";
const DELTA: &str = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"item_id\":\"msg_1\",\"delta\":\"\\\"response\\\": caf\\u00e9\"}\n\n";
const ITEM: &str = "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"sequence_number\":2,\"item\":{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"encrypted_content\":\"gAAAA+/b1==\"}}\n\n";
const COMPLETED: &str = "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":3,\"response\":{\"id\":\"resp_up1\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"gpt-5\",\"output\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"encrypted_content\":\"gAAAA+/b1==\"}],\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":3,\"output_tokens_details\":{\"reasoning_tokens\":1},\"total_tokens\":12}}}\n\n";
const WHOLE: &str = r#"{"id":"resp_up1","object":"response","status":"completed","model":"gpt-5","output":[{"type":"message","id":"msg_1","content":[{"type":"output_text","text":"hi"}]}],"previous_response_id":null,"n":1.0}"#;

/// Two upstreams that are different deployments of the model `m`; `alone` is the second one's.
struct World {
    first: ScriptedUpstream,
    second: ScriptedUpstream,
}

impl World {
    async fn new(first: Vec<Script>, second: Vec<Script>) -> Self {
        let start = async |scripts| ScriptedUpstream::start(scripts).await.expect("a loopback port");
        Self { first: start(first).await, second: start(second).await }
    }

    /// A server that asks the first one first.
    async fn server(&self) -> Trunkline {
        self.server_with([1, 2]).await
    }

    async fn server_with(&self, orders: [u8; 2]) -> Trunkline {
        self.configured(orders, "").await
    }

    async fn configured(&self, orders: [u8; 2], more: &str) -> Trunkline {
        let row = |group: &str, order: u8, key: &str, upstream: &ScriptedUpstream| {
            format!(
                "- model_name: {group}\n  litellm_params:\n    model: openai/gpt-5\n    order: {order}\n    \
                 api_key: sk-upstream-{key}\n    api_base: {}/v1\n",
                upstream.url()
            )
        };
        let rows = [
            row("m", orders[0], "first", &self.first),
            row("m", orders[1], "second", &self.second),
            row("alone", 1, "second", &self.second),
        ];
        let config = format!(
            "general_settings:\n  master_key: sk-callers-key-1\nmodel_list:\n{}{more}",
            rows.concat()
        );
        Start::new().config(config).serve().await
    }
}

async fn ask(server: &Trunkline, body: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("authorization", "Bearer sk-callers-key-1")];
    send(server.address, "POST", "/v1/responses", &headers, body.as_bytes()).await
}

async fn about(server: &Trunkline, method: &str, path: &str) -> Answer {
    send(server.address, method, path, &[("authorization", "Bearer sk-callers-key-1")], b"").await
}

#[tokio::test]
async fn a_stream_goes_out_as_it_came_but_for_ids_model_and_marks() {
    let stream = [CREATED, DELTA, ITEM, COMPLETED].concat();
    let world = World::new(vec![Script::sse([stream.as_bytes()])], vec![]).await;
    let server = world.server().await;
    let answer = ask(&server, r#"{"model":"m","stream":true,"input":"hi"}"#).await;
    assert!(answer.complete && answer.status == 200, "{}", answer.text());
    let text = answer.text();
    let id =
        text.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id").to_owned();
    assert!(id.starts_with("resp_") && !text.contains("resp_up1"), "{text}");
    let mark = text.split("\"encrypted_content\":\"").nth(1).and_then(|rest| rest.split("gAAAA").next());
    let mark = mark.expect("a mark").to_owned();
    assert!(mark.starts_with("tl1:") && mark.ends_with(':'), "{mark}");
    // Undone, the bytes are the upstream's.
    let undone =
        text.replace(&id, "resp_up1").replace("\"model\":\"m\"", "\"model\":\"gpt-5\"").replace(&mark, "");
    assert_eq!(undone, stream);
    let log = server.stop().await;
    assert!(log.contains("usage.input_tokens=9") && log.contains("usage.output_tokens=3"), "{log}");
}

#[tokio::test]
async fn follow_ups_go_back_to_the_deployment_that_answered() {
    let answers = || Script::json(200, WHOLE);
    let world = World::new(vec![answers(), answers(), answers()], vec![answers()]).await;
    let (server, first, second) = (world.server().await, &world.first, &world.second);
    let whole = ask(&server, r#"{"model":"m","input":"hi"}"#).await.json();
    assert_eq!((whole["model"].as_str(), whole["n"].to_string()), (Some("m"), "1.0".to_owned()));
    let id = whole["id"].as_str().expect("an id").to_owned();
    let follow_up =
        ask(&server, &format!(r#"{{"model":"m","previous_response_id":"{id}","input":"and?"}}"#)).await;
    assert_eq!(follow_up.status, 200, "{}", follow_up.text());
    assert_eq!((first.requests().len(), second.requests().len()), (2, 0));
    let sent = first.requests().pop().expect("the follow-up");
    assert_eq!(sent.body, r#"{"model":"gpt-5","previous_response_id":"resp_up1","input":"and?"}"#);
    // Another model's deployment did not issue it.
    let foreign = ask(&server, &format!(r#"{{"model":"alone","previous_response_id":"{id}"}}"#)).await;
    assert_eq!(foreign.status, 400, "{}", foreign.text());
    assert_eq!(second.requests().len(), 0);
    // By its id alone, the response is found where it is.
    let got = about(&server, "GET", &format!("/v1/responses/{id}?include[]=a&key=k")).await;
    assert_eq!((got.status, got.json()["id"].as_str()), (200, Some(id.as_str())));
    assert_eq!(first.requests().pop().expect("asked").target, "/v1/responses/resp_up1?include[]=a");
}

#[tokio::test]
async fn a_response_that_was_kept_leads_back_to_the_deployment_that_answered_then() {
    let stream = [CREATED, DELTA, ITEM, COMPLETED].concat();
    // The first one is busy once, so that the second answers what is kept.
    let first = vec![Script::json(503, "{}"), Script::json(503, "{}"), Script::json(200, WHOLE)];
    let second = vec![Script::json(200, WHOLE), Script::sse([stream.as_bytes()]), Script::json(200, WHOLE)];
    let world = World::new(first, second).await;
    let cache = "litellm_settings: {cache: true, cache_params: {type: local}}\n\
        router_settings: {num_retries: 2, disable_cooldowns: true}\n";
    let server = world.configured([1, 2], cache).await;
    for body in [r#"{"model":"m","input":"hi"}"#, r#"{"model":"m","stream":true,"input":"hi"}"#] {
        let (asked, kept) = (ask(&server, body).await, ask(&server, body).await);
        assert_eq!((asked.status, kept.status), (200, 200), "{}", asked.text());
        assert!(
            asked.header("x-litellm-cache-key").is_none() && kept.header("x-litellm-cache-key").is_some()
        );
        assert!(!kept.text().contains("resp_up1") && kept.text().contains("\"resp_"), "{}", kept.text());
        assert_eq!(asked.text(), kept.text());
    }
    assert_eq!((world.first.requests().len(), world.second.requests().len()), (2, 2));
    let kept = ask(&server, r#"{"model":"m","input":"hi"}"#).await.json();
    let body = format!(r#"{{"model":"m","previous_response_id":{},"input":"and?"}}"#, kept["id"]);
    assert_eq!(ask(&server, &body).await.status, 200);
    let sent = world.second.requests().pop().expect("the follow-up");
    assert_eq!(sent.body, r#"{"model":"gpt-5","previous_response_id":"resp_up1","input":"and?"}"#);
}

#[tokio::test]
async fn encrypted_items_go_back_as_they_came() {
    let stream = [CREATED, ITEM, COMPLETED].concat();
    let answers = vec![Script::sse([stream.as_bytes()]), Script::json(200, WHOLE)];
    let world = World::new(vec![Script::json(200, WHOLE)], answers).await;
    let text =
        ask(&world.server_with([2, 1]).await, r#"{"model":"m","stream":true,"input":"hi"}"#).await.text();
    let item = text.lines().find(|line| line.contains("output_item.done\"")).expect("the item");
    let item: serde_json::Value = serde_json::from_str(item.trim_start_matches("data: ")).expect("JSON");
    let content = item["item"]["encrypted_content"].as_str().expect("a text");
    // Another server with the same key, which would ask the first deployment first, asks the one of the item.
    let server = world.server().await;
    let input = |content: &str| {
        format!(
            r#"[{{"type":"reasoning","id":"rs_1","encrypted_content":"{content}"}},{{"role":"user","content":"and?"}}]"#
        )
    };
    let answer = ask(&server, &format!(r#"{{"model":"m","input":{}}}"#, input(content))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((world.first.requests().len(), world.second.requests().len()), (0, 2));
    let sent = world.second.requests().pop().expect("the follow-up");
    assert_eq!(sent.body, format!(r#"{{"model":"gpt-5","input":{}}}"#, input("gAAAA+/b1==")));
    // Unmarked, it goes where every question goes.
    ask(&server, &format!(r#"{{"model":"m","input":{}}}"#, input("gAAAA+/b1=="))).await;
    assert_eq!(world.first.requests().len(), 1);
}

#[tokio::test]
async fn what_was_not_given_to_this_key_is_refused() {
    let world = World::new(vec![Script::json(200, WHOLE)], vec![]).await;
    let (server, first) = (world.server().await, &world.first);
    for id in ["resp_up1", "resp_AAAA", "../models", "%2e%2e"] {
        let found = about(&server, "GET", &format!("/v1/responses/{id}")).await;
        assert_eq!(
            (found.status, found.json()["error"]["param"].as_str()),
            (404, Some("response_id")),
            "{id}"
        );
    }
    let forged = ask(&server, r#"{"model":"m","previous_response_id":"resp_up1"}"#).await;
    assert_eq!(forged.error(), (400, "invalid_request_error".to_owned(), "previous_response_id".to_owned()));
    let item = r#"{"model":"m","input":[{"type":"reasoning","encrypted_content":"tl1:AAAA:gAAA"}]}"#;
    assert_eq!(
        ask(&server, item).await.error(),
        (400, "invalid_request_error".to_owned(), "input".to_owned())
    );
    assert_eq!(first.requests().len(), 0);
    // An id of a gateway with another key is another caller's.
    let id =
        ask(&server, r#"{"model":"m","input":"hi"}"#).await.json()["id"].as_str().expect("an id").to_owned();
    let config = "general_settings:\n  master_key: sk-callers-key-2\nmodel_list: []\n";
    let other = Start::new().config(config).serve().await;
    let key = [("authorization", "Bearer sk-callers-key-2")];
    let found = send(other.address, "DELETE", &format!("/v1/responses/{id}"), &key, b"").await;
    assert_eq!(found.status, 404, "{}", found.text());
}

#[tokio::test]
async fn a_cut_is_told_as_a_failed_response() {
    let begun = [CREATED, DELTA].concat();
    let cut = Script::sse_cut_at(begun.as_bytes(), begun.len(), Cut::Reset);
    let world = World::new(vec![cut], vec![]).await;
    let server = world.server().await;
    let answer = ask(&server, r#"{"model":"m","stream":true,"input":"hi"}"#).await;
    let text = answer.text();
    let last = text.split("\n\n").filter(|event| !event.is_empty()).last().expect("an event");
    let payload = last.strip_prefix("event: response.failed\ndata: ").unwrap_or_else(|| panic!("{text}"));
    let failed: serde_json::Value = serde_json::from_str(payload).expect("JSON");
    assert_eq!(
        (failed["sequence_number"].as_u64(), failed["response"]["status"].as_str()),
        (Some(2), Some("failed"))
    );
    assert_eq!(failed["response"]["model"], "m");
    assert_eq!(failed["response"]["error"]["code"], "server_error");
    assert!(failed["response"]["id"].as_str().is_some_and(|id| id.starts_with("resp_") && id != "resp_up1"));
    assert!(!text.contains("response.completed"));
}

#[tokio::test]
async fn a_socket_is_refused_so_that_clients_go_on_over_http() {
    let server = Start::new().serve().await;
    let headers = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")];
    let answer = send(server.address, "GET", "/v1/responses", &headers, b"").await;
    assert_eq!(answer.status, 426, "{}", answer.text());
    assert_eq!(get(server.address, "/v1/responses").await.status, 405);
    assert_eq!(post(server.address, "/v1/responses", "{}").await.status, 400);
}
