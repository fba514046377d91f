//! Responses: whole and streamed, tools, reasoning, what is stored and what only its account may use.

use serde_json::{Value, json};
use trunkline_testkit::simulator::{Fault, Simulator};

use crate::client::{KEY, Received, post, send};
use crate::simulator_chat::simulator;
use crate::simulator_messages::named_events;

const MODEL: &str = "openai/gpt-5.3-codex";

async fn responses(simulator: &Simulator, body: &Value) -> Received {
    post(&simulator.url(), "/v1/responses", &body.to_string()).await
}

fn asking(input: impl Into<Value>, members: &Value) -> Value {
    let mut body = json!({ "model": MODEL, "input": input.into() });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn tools() -> Value {
    json!([
        { "type": "function", "name": "wx", "parameters": { "type": "object", "required": ["city"],
            "properties": { "city": { "type": "string" } } } },
        { "type": "custom", "name": "apply_patch", "format": { "type": "grammar" } },
        { "type": "web_search" }, { "type": "local_shell" }, { "type": "namespace", "name": "n", "tools": [] },
    ])
}

#[tokio::test]
async fn a_whole_response_is_spelt_as_openai_spells_it() {
    let simulator = simulator().await;
    let body = asking("Hé!", &json!({ "instructions": "Be brief.", "metadata": { "a": "b" } }));
    let received = responses(&simulator, &body).await;
    assert_eq!(received.status, 200);
    let response = received.json();
    assert!(response["id"].as_str().unwrap().starts_with("resp_"));
    assert!(received.text().contains(
        r#","object":"response","created_at":1790000000,"status":"completed","background":false,"#
    ));
    let item = &response["output"][0];
    assert_eq!((&item["type"], &item["status"]), (&json!("message"), &json!("completed")));
    let text = json!({ "type": "output_text", "text": "You said “Hé!”. Voilà, 漢字 🙂.", "annotations": [], "logprobs": [] });
    assert_eq!(item["content"], json!([text]));
    let usage = json!({ "input_tokens": 15, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": 11,
        "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 26 });
    assert_eq!((&response["usage"], &response["metadata"]), (&usage, &json!({ "a": "b" })));
    let gateway = &response["provider_metadata"]["gateway"];
    assert_eq!(gateway["cost"], "0.00018025");
    let recorded = simulator.control().requests().pop().unwrap();
    assert_eq!(gateway["generationId"].as_str(), recorded.generation_id.as_deref());
}

#[tokio::test]
async fn a_stream_has_openais_events_in_order() {
    let simulator = simulator().await;
    let members = json!({ "stream": true, "store": false, "reasoning": { "effort": "low", "summary": "auto" },
        "include": ["reasoning.encrypted_content"], "tools": tools() });
    let received = responses(&simulator, &asking("hello", &members)).await;
    assert!(received.complete && !received.text().contains("[DONE]"));
    let events = named_events(&received);
    for (index, (name, data)) in events.iter().enumerate() {
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(name), &json!(index)));
    }
    let mut names = events.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    names.dedup();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(names, expected);
    let text = events.iter().filter(|(name, _)| *name == "response.output_text.delta");
    let text = text.filter_map(|(_, data)| data["delta"].as_str()).collect::<String>();
    assert_eq!(text, "You said “hello”. Voilà, 漢字 🙂.");
    let (_, last) = events.last().unwrap();
    let response = &last["response"];
    assert_eq!(
        (&response["status"], &response["usage"]["output_tokens_details"]["reasoning_tokens"]),
        (&json!("completed"), &json!(13))
    );
    assert!(response["output"][0]["encrypted_content"].is_string());
    assert!(response["provider_metadata"]["gateway"]["cost"].is_string());
    assert_eq!(events[0].1["response"].get("provider_metadata"), None);
}

#[tokio::test]
async fn tools_are_called_and_their_outputs_quoted() {
    let simulator = simulator().await;
    let prompt = r#"wx {"city": "Oslo"} and apply_patch "*** Begin\n""#;
    let first = responses(&simulator, &asking(prompt, &json!({ "tools": tools() }))).await.json();
    let output = first["output"].as_array().unwrap();
    assert_eq!(
        (&output[0]["type"], &output[0]["arguments"]),
        (&json!("function_call"), &json!(r#"{"city": "Oslo"}"#))
    );
    assert_eq!(
        (&output[1]["type"], &output[1]["input"]),
        (&json!("custom_tool_call"), &json!("*** Begin\n"))
    );
    let streamed = responses(&simulator, &asking(prompt, &json!({ "tools": tools(), "stream": true }))).await;
    let deltas = |wanted: &str| {
        let events = named_events(&streamed).into_iter().filter(|(name, _)| *name == wanted);
        events.filter_map(|(_, data)| data["delta"].as_str().map(str::to_owned)).collect::<String>()
    };
    assert_eq!(deltas("response.function_call_arguments.delta"), r#"{"city": "Oslo"}"#);
    assert_eq!(deltas("response.custom_tool_call_input.delta"), "*** Begin\n");

    let answers = json!([
        { "type": "custom_tool_call_output", "call_id": output[1]["call_id"], "output": "patched" },
        { "type": "function_call_output", "call_id": output[0]["call_id"], "output": "3°" },
    ]);
    let continued = asking(answers.clone(), &json!({ "previous_response_id": first["id"] }));
    let second = responses(&simulator, &continued).await.json();
    assert_eq!(second["output"][0]["content"][0]["text"], "The tool said “3°”. Voilà, 漢字 🙂.");
    // The same, with everything sent again.
    let mut items = vec![json!({ "role": "user", "content": prompt })];
    items.extend(output.iter().chain(answers.as_array().unwrap()).cloned());
    let again = responses(&simulator, &asking(items.clone(), &json!({ "store": false }))).await;
    assert_eq!(again.json()["output"][0]["content"][0]["text"], "The tool said “3°”. Voilà, 漢字 🙂.");
    items.pop();
    let refused = responses(&simulator, &asking(items, &json!({}))).await;
    assert_eq!(refused.status, 400);
    let call_id = output[0]["call_id"].as_str().unwrap();
    assert_eq!(
        refused.json()["error"]["message"],
        format!("No tool output found for function call {call_id}.")
    );
}

#[tokio::test]
async fn what_one_account_was_given_another_may_not_use() {
    let simulator = simulator().await;
    let include = json!({ "include": ["reasoning.encrypted_content"] });
    let first = responses(&simulator, &asking("hello", &include)).await.json();
    let url = simulator.url();
    let as_other = async |body: &Value| {
        let key = [("authorization", "Bearer vck_other")];
        let received = send(&url, "POST", "/v1/responses", &key, &body.to_string()).await;
        (received.status, received.json()["error"]["code"].clone())
    };
    let continued = asking("and?", &json!({ "previous_response_id": first["id"] }));
    assert_eq!(responses(&simulator, &continued).await.status, 200);
    assert_eq!(as_other(&continued).await, (400, json!("previous_response_not_found")));

    let mut items = first["output"].as_array().unwrap().clone();
    items.push(json!({ "role": "user", "content": "and?" }));
    assert_eq!(responses(&simulator, &asking(items.clone(), &json!({}))).await.status, 200);
    assert_eq!(as_other(&asking(items.clone(), &json!({}))).await, (400, json!("invalid_encrypted_content")));
    let sealed = items[0]["encrypted_content"].as_str().unwrap();
    items[0]["encrypted_content"] = json!(format!("AAAA{}", &sealed[4..]));
    let altered = responses(&simulator, &asking(items, &json!({}))).await;
    assert_eq!(
        (altered.status, &altered.json()["error"]["code"]),
        (400, &json!("invalid_encrypted_content"))
    );
}

#[tokio::test]
async fn what_is_not_stored_cannot_be_continued() {
    let simulator = simulator().await;
    let first = responses(&simulator, &asking("hello", &json!({ "store": false }))).await.json();
    let continued = asking("and?", &json!({ "previous_response_id": first["id"] }));
    let refused = responses(&simulator, &continued).await.json();
    let id = first["id"].as_str().unwrap();
    let error = json!({ "message": format!("Previous response with id '{id}' not found."),
        "type": "invalid_request_error", "param": "previous_response_id", "code": "previous_response_not_found" });
    assert_eq!(refused["error"], error);
}

#[tokio::test]
async fn a_stored_response_is_told_again_and_deleted() {
    let simulator = simulator().await;
    let first = responses(&simulator, &asking("hello", &json!({}))).await;
    let path = format!("/v1/responses/{}", first.json()["id"].as_str().unwrap());
    let ask = async |method: &str, path: &str| send(&simulator.url(), method, path, &[KEY], "").await;
    assert_eq!(ask("GET", &path).await.text(), first.text());
    let items = ask("GET", &format!("{path}/input_items")).await.json();
    assert_eq!((&items["object"], &items["has_more"]), (&json!("list"), &json!(false)));
    assert_eq!(items["data"][0]["content"][0]["text"], "hello");
    assert_eq!(items["first_id"], items["data"][0]["id"]);
    let cancelled = ask("POST", &format!("{path}/cancel")).await;
    assert_eq!(
        (cancelled.status, &cancelled.json()["error"]["message"]),
        (400, &json!("Cannot cancel a synchronous response."))
    );
    let other = send(&simulator.url(), "GET", &path, &[("authorization", "Bearer vck_other")], "").await;
    assert_eq!(other.status, 404);
    assert_eq!(ask("DELETE", &path).await.json()["deleted"], true);
    assert_eq!(ask("GET", &path).await.status, 404);
}

#[tokio::test]
async fn a_response_in_the_background_can_be_cancelled() {
    let simulator = simulator().await;
    let queued = responses(&simulator, &asking("hello", &json!({ "background": true }))).await.json();
    assert_eq!((&queued["status"], &queued["output"]), (&json!("queued"), &json!([])));
    let path = format!("/v1/responses/{}", queued["id"].as_str().unwrap());
    let cancelled = post(&simulator.url(), &format!("{path}/cancel"), "").await.json();
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(send(&simulator.url(), "GET", &path, &[KEY], "").await.json()["status"], "cancelled");
}

#[tokio::test]
async fn a_limit_makes_a_response_incomplete() {
    let simulator = simulator().await;
    let body = asking("hello", &json!({ "max_output_tokens": 3, "stream": true }));
    let received = responses(&simulator, &body).await;
    let events = named_events(&received);
    let (name, last) = events.last().unwrap();
    assert_eq!((*name, &last["response"]["status"]), ("response.incomplete", &json!("incomplete")));
    assert_eq!(last["response"]["incomplete_details"], json!({ "reason": "max_output_tokens" }));
}

#[tokio::test]
async fn structured_output_satisfies_its_schema() {
    let simulator = simulator().await;
    let schema = json!({ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } });
    let format = json!({ "text": { "format": { "type": "json_schema", "name": "x", "schema": schema } } });
    let response = responses(&simulator, &asking("hello", &format)).await.json();
    assert_eq!(response["output"][0]["content"][0]["text"], r#"{"n":7}"#);
}

#[tokio::test]
async fn a_conversation_is_counted_and_compacted() {
    let simulator = simulator().await;
    let body = asking("hello", &json!({})).to_string();
    let count = post(&simulator.url(), "/v1/responses/input_tokens", &body).await;
    assert_eq!(count.text(), r#"{"object":"response.input_tokens","input_tokens":9}"#);
    let compacted = post(&simulator.url(), "/v1/responses/compact", &body).await.json();
    assert_eq!(compacted["object"], "response.compaction");
    let mut items = compacted["output"].as_array().unwrap().clone();
    assert_eq!((items.len(), &items[0]["type"]), (1, &json!("compaction")));
    items.push(json!({ "role": "user", "content": "and?" }));
    assert_eq!(responses(&simulator, &asking(items.clone(), &json!({}))).await.status, 200);
    let key = [("authorization", "Bearer vck_other")];
    let body = asking(items, &json!({})).to_string();
    assert_eq!(send(&simulator.url(), "POST", "/v1/responses", &key, &body).await.status, 400);
}

#[tokio::test]
async fn streams_fail_in_their_own_dialect() {
    let simulator = simulator().await;
    let stream = async |fault: Fault| {
        simulator.control().fault(fault);
        responses(&simulator, &asking("hello", &json!({ "stream": true }))).await
    };
    let failed = stream(Fault::ErrorEvent { after_events: 3 }).await;
    let events = named_events(&failed);
    assert_eq!((events.len(), events[3].0), (4, "error"));
    assert_eq!((&events[3].1["code"], &events[3].1["sequence_number"]), (&json!("server_error"), &json!(3)));
    let failed = stream(Fault::RelayedErrorEvent { after_events: 3 }).await;
    let events = named_events(&failed);
    assert_eq!(
        (events[3].0, &events[3].1["response"]["error"]["code"]),
        ("response.failed", &json!("server_error"))
    );
    let cut = stream(Fault::NoDone).await;
    assert_eq!(named_events(&cut).last().unwrap().0, "response.output_item.done");
    let bare = stream(Fault::OmitUsage).await;
    assert_eq!(named_events(&bare).last().unwrap().1["response"]["usage"], Value::Null);
}

#[tokio::test]
async fn input_is_checked_as_openai_checks_it() {
    let simulator = simulator().await;
    let message = async |input: Value| {
        responses(&simulator, &asking(input, &json!({}))).await.json()["error"]["message"].clone()
    };
    let part = json!([{ "role": "user", "content": [{ "type": "text", "text": "x" }] }]);
    let expected = "Invalid value: 'text'. Supported values are: 'input_text', 'input_image', 'input_file', 'input_audio'.";
    assert_eq!(message(part).await, expected);
    let orphan = json!([{ "type": "function_call_output", "call_id": "call_1", "output": "x" }]);
    assert_eq!(message(orphan).await, "No tool call found for function call output with call_id call_1.");
    assert_eq!(message(json!(["x"])).await, "Invalid type for 'input[0]': expected an object.");
    assert_eq!(message(Value::Null).await, "Missing required parameter: 'input'.");
}

#[tokio::test]
async fn openai_itself_is_played_below_its_name() {
    let simulator = simulator().await;
    let key = [("authorization", "Bearer sk-1")];
    let body = json!({ "model": "gpt-4o", "input": "hello" }).to_string();
    let response = send(&simulator.url(), "POST", "/openai/v1/responses", &key, &body).await.json();
    assert_eq!((&response["model"], response.get("provider_metadata")), (&json!("gpt-4o"), None));
}
