//! `GET /metrics`: what is counted of requests, deployments and reloads, read as strictly as a scraper may.

mod callers;
mod exposition;

use std::collections::BTreeSet;

use trunkline_testkit::upstream::{Cut, Script, ScriptedUpstream};

use crate::client::{get, post, send};
use crate::server::{Start, Trunkline, until};
use exposition::{Exposition, Form};

const KEY: &str = "sk-metrics-and-long-enough";
const PATH: &str = "/v1/chat/completions";
const WHOLE: &str = r#"{"id":"x","model":"x","choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":3}}}"#;
const EVENT: &str = "data: {\"model\":\"x\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const USAGE: &str = "data: {\"model\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// What is told of a caller without a virtual key.
const NOBODY: [(&str, &str); 5] = [
    ("hashed_api_key", "None"),
    ("api_key_alias", "None"),
    ("team", "None"),
    ("team_alias", "None"),
    ("user", "None"),
];

async fn scraped(server: &Trunkline) -> Exposition {
    let answer = get(server.address, "/metrics").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    Exposition::parse(&answer.text(), Form::Text)
}

fn body(model: &str, streams: bool) -> String {
    format!(r#"{{"model":"{model}","stream":{streams},"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

fn row(group: &str, base: &str, more: &str) -> String {
    format!(
        "- {{model_name: \"{group}\", model_info: {{id: id-{}}}, litellm_params: {{model: \"openai/{}\", api_key: sk-1, \
         api_base: \"{base}/v1\", input_cost_per_token: 0.0000025, output_cost_per_token: 0.00001{more}}}}}\n",
        group.trim_matches(['/', '*']),
        if group.contains('*') { "*" } else { "x" },
    )
}

async fn world(name: &str, answer: impl Fn(&str) -> Script + Send + Sync + 'static) -> ScriptedUpstream {
    let upstream =
        ScriptedUpstream::answering(move |_, request| answer(&String::from_utf8_lossy(&request.body)));
    upstream.await.unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[tokio::test]
async fn replies_that_were_kept_are_counted_and_those_that_were_looked_for_in_vain() {
    let upstream = world("upstream", |_| Script::json(200, WHOLE)).await;
    let config = format!(
        "model_list:\n{}litellm_settings: {{callbacks: [prometheus], cache: true, cache_params: {{type: local}}}}\n",
        row("m", &upstream.url(), "")
    );
    let server = Start::new().config(config).serve().await;
    let asked = body("m", false);
    let unlooked = asked.replace("\"model\"", "\"cache\":{\"no-cache\":true},\"model\"");
    for body in [&asked, &asked, &asked, &unlooked, &body("nobody", false)] {
        post(server.address, PATH, body).await;
    }
    assert_eq!(upstream.requests().len(), 2);
    let told = scraped(&server).await;
    assert!(check_labels(&told) > 10, "labels are those of the page");
    let with =
        |more: &[(&'static str, &'static str)]| [&NOBODY[..], &[("requested_model", "m")], more].concat();
    let kept = [("model", "None"), ("model_id", "None"), ("api_provider", "None")];
    assert_eq!(told.whole("litellm_cache_hits_metric_total", &with(&kept)), 2);
    let asked = [("model", "x"), ("model_id", "id-m"), ("api_provider", "openai")];
    assert_eq!(told.whole("litellm_cache_misses_metric_total", &with(&asked)), 1);
    let sums =
        ["litellm_cache_hits_metric_total", "litellm_cache_misses_metric_total"].map(|name| told.sum(name));
    assert_eq!(sums, [2, 1]);
}

#[tokio::test]
async fn requests_are_counted_whole_streamed_cut_refused_and_led_elsewhere() {
    let good = world("good", |body| {
        if !body.contains("\"stream\":true") {
            return Script::json(200, WHOLE);
        }
        let stream = [EVENT, USAGE, DONE].concat();
        if body.contains("cut") {
            return Script::sse_cut_at(stream.as_bytes(), EVENT.len() + 5, Cut::Close);
        }
        Script::sse([EVENT, USAGE, DONE])
    })
    .await;
    let base = format!("{}/v1", good.url());
    let down = world("down", |_| Script::json(500, r#"{"error":{"message":"down"}}"#)).await;
    let config = format!(
        "model_list:\n{}{}litellm_settings:\n  callbacks: [prometheus]\n  num_retries: 0\n  fallbacks: [{{bad: [good]}}]\n",
        row("good", &good.url(), ", rpm: 5000"),
        row("bad", &down.url(), ""),
    );
    let server = Start::new().config(config).serve().await;
    for _ in 0..3 {
        assert_eq!(post(server.address, PATH, &body("good", false)).await.status, 200);
    }
    let streamed = post(server.address, PATH, &body("good", true)).await;
    assert!(streamed.text().ends_with(DONE), "{}", streamed.text());
    let cut = post(server.address, PATH, &body("good", true).replace("hi", "cut")).await;
    assert!(cut.text().contains("error"), "{}", cut.text());
    assert_eq!(post(server.address, PATH, &body("bad", false)).await.status, 200);
    assert_eq!(post(server.address, PATH, &body("nobody", false)).await.status, 400);
    let alone = body("bad", false).replace("\"model\"", "\"disable_fallbacks\":true,\"model\"");
    assert_eq!(post(server.address, PATH, &alone).await.status, 500);
    assert_eq!(get(server.address, "/v1/models").await.status, 200);

    let told = scraped(&server).await;
    assert!(check_labels(&told) > 40, "labels are those of the page");
    let good = &[("requested_model", "good"), ("model_id", "id-good"), ("api_provider", "openai")];
    let with = |more: &[(&'static str, &'static str)]| [&NOBODY[..], good, more].concat();
    let total = "litellm_proxy_total_requests_metric_total";
    assert_eq!(told.whole(total, &with(&[("status_code", "200"), ("route", PATH)])), 4);
    assert_eq!(told.sum(total), 8, "listings are no requests to models");
    let failed = "litellm_proxy_failed_requests_metric_total";
    let cut =
        [("exception_status", "502"), ("exception_class", "Openai.InternalServerError"), ("route", PATH)];
    assert_eq!(told.whole(failed, &with(&cut)), 1);
    let nobody = [
        ("requested_model", "unknown"),
        ("model_id", "None"),
        ("api_provider", "None"),
        ("exception_status", "400"),
        ("exception_class", "BadRequestError"),
        ("route", PATH),
    ];
    assert_eq!(told.whole(failed, &[&NOBODY[..], &nobody].concat()), 1);
    assert_eq!(told.sum(failed), 3);

    check_use(&told, good);

    let latency = with(&[("model_group", "good"), ("model", "x")]);
    for (family, count) in [
        ("litellm_request_total_latency_metric", 4),
        ("litellm_llm_api_latency_metric", 4),
        ("litellm_llm_api_time_to_first_token_metric", 1),
    ] {
        assert_eq!(told.whole(&format!("{family}_count"), &latency), count, "{family}");
    }
    assert_eq!(told.label("litellm_deployment_state", "id-good", "api_base"), base);

    assert_eq!(told.sum("litellm_deployment_success_responses_total"), 5);
    assert_eq!(told.sum("litellm_deployment_failure_responses_total"), 3);
    assert_eq!(told.sum("litellm_deployment_total_requests_total"), 8);
    let no_key = &NOBODY[..4];
    let fallback = [
        ("requested_model", "bad"),
        ("fallback_model", "good"),
        ("model_id", "id-good"),
        ("exception_status", "500"),
        ("exception_class", "Openai.InternalServerError"),
    ];
    assert_eq!(told.whole("litellm_deployment_successful_fallbacks_total", &[no_key, &fallback].concat()), 1);
    assert_eq!(told.sum("litellm_deployment_rpm_limit"), 5000);
    assert_eq!(told.sum("litellm_in_flight_requests"), 1, "the scrape itself");
    assert_eq!(told.sum("trunkline_metrics_overflow_total"), 0);
    for family in
        ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "trunkline_build_info"]
    {
        assert!(told.sum(family) >= 1, "{family}");
    }

    let accept = ("accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5");
    let open = send(server.address, "GET", "/metrics", &[accept], b"").await;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.header("content-type"), Some(content_type));
    let open = Exposition::parse(&open.text(), Form::OpenMetrics);
    assert_eq!(open.sum(total), 8);
}

/// What four requests to a group used, and a fifth that came there from another.
fn check_use(told: &Exposition, good: &[(&'static str, &'static str)]) {
    let used = [&NOBODY[..], good, &[("model", "x")]].concat();
    // Three whole replies, a stream, and what is estimated of the one that was cut.
    let input = told.whole("litellm_input_tokens_metric_total", &used);
    assert!((38..100).contains(&input), "{input}");
    let after_fallback =
        [("requested_model", "bad"), ("model_id", "id-good"), ("api_provider", "openai"), ("model", "x")];
    let after_fallback = [&NOBODY[..], &after_fallback].concat();
    assert_eq!(told.whole("litellm_input_tokens_metric_total", &after_fallback), 10);
    assert_eq!(told.whole("litellm_output_tokens_metric_total", &after_fallback), 4);
    assert_eq!(told.whole("litellm_total_tokens_metric_total", &after_fallback), 14);
    assert_eq!(told.whole("litellm_input_cached_tokens_metric_total", &after_fallback), 3);
    let spend = told.value("litellm_spend_metric_total", &after_fallback);
    assert!((spend - 0.000_065).abs() < 1e-12, "{spend}");
    assert_eq!(told.whole("litellm_requests_metric_total", &used), 4);
}

#[tokio::test]
async fn a_deployment_that_rests_is_an_outage_and_a_spent_budget_is_counted() {
    let upstream = world("limited", |_| {
        Script::reply(
            429,
            &[("content-type", "application/json"), ("retry-after", "600")],
            r#"{"error":{"message":"slow"}}"#,
        )
    })
    .await;
    let down = world("down", |_| Script::json(503, r#"{"error":{"message":"down"}}"#)).await;
    let config = format!(
        "model_list:\n{}{}{}litellm_settings:\n  callbacks: [prometheus]\ntrunkline_settings:\n  retry_budget_percent: 1\n  retry_budget_burst: 1\n",
        row("a", &upstream.url(), "").replace("model_name: \"a\"", "model_name: m"),
        row("b", &upstream.url(), "").replace("model_name: \"b\"", "model_name: m"),
        row("c", &down.url(), ", num_retries: 3"),
    );
    let server = Start::new().config(config).serve().await;
    assert_eq!(post(server.address, PATH, &body("m", false)).await.status, 429);
    assert_eq!(post(server.address, PATH, &body("c", false)).await.status, 503);
    let told = scraped(&server).await;
    assert_eq!(told.of_deployment("litellm_deployment_state", "id-a"), 2);
    assert_eq!(told.of_deployment("litellm_deployment_state", "id-c"), 0);
    assert_eq!(told.of_deployment("litellm_deployment_cooled_down_total", "id-a"), 1);
    assert_eq!(told.label("litellm_deployment_cooled_down_total", "id-a", "exception_status"), "429");
    assert_eq!(told.sum("trunkline_retry_budget_refusals_total"), 1);
}

#[tokio::test]
async fn invented_names_add_no_series() {
    let upstream = world("unknowing", |body| {
        if body.contains("gpt-4o") {
            return Script::json(200, WHOLE);
        }
        Script::json(404, r#"{"error":{"message":"no such model"}}"#)
    })
    .await;
    let free = row("openai/*", &upstream.url(), "")
        .replace(", input_cost_per_token: 0.0000025, output_cost_per_token: 0.00001", "");
    let config = format!("model_list:\n{free}litellm_settings:\n  callbacks: prometheus\n  num_retries: 0\n");
    let server = Start::new().config(config).serve().await;
    let ask = async |from: usize, count: usize| {
        use futures_util::StreamExt;
        let asked = futures_util::stream::iter(from..from + count).map(|number| {
            // Half of them lead nowhere, half to an upstream that does not know them.
            let prefix = if number % 2 == 0 { "openai/" } else { "" };
            let body = body(&format!("{prefix}invented-{number}"), false);
            let server = &server;
            async move { post(server.address, PATH, &body).await.status }
        });
        let statuses: BTreeSet<u16> = asked.buffer_unordered(64).collect().await;
        assert_eq!(statuses, BTreeSet::from([400, 404]));
    };
    assert_eq!(post(server.address, PATH, &body("openai/gpt-4o", false)).await.status, 200);
    ask(0, 10).await;
    let before = scraped(&server).await.series();
    ask(10, 9_990).await;
    let told = scraped(&server).await;
    let now = told.series();
    let new: Vec<&String> = now.difference(&before).take(3).collect();
    assert!(
        new.is_empty() && now.len() == before.len(),
        "{} new series: {new:?} …",
        now.len() - before.len()
    );
    assert_eq!(told.sum("litellm_proxy_total_requests_metric_total"), 10_001);
    assert!(
        told.labels("requested_model").is_subset(&BTreeSet::from(["unknown", "openai/gpt-4o"])),
        "{:?}",
        told.labels("requested_model")
    );
    assert!(told.labels("requested_model").contains("openai/gpt-4o"));
    assert_eq!(told.sum("trunkline_metrics_overflow_total"), 0);
}

#[tokio::test]
async fn reloads_are_counted_by_what_came_of_them() {
    let config = |text: &str, more: &str| {
        format!(
            "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    mock_response: {text}\n\
             trunkline_settings:\n  metrics: true\n{more}"
        )
    };
    let outcome = |name: &'static str| [("outcome", name)];
    let reloads = "trunkline_config_reloads_total";
    let server = Start::new().config(config("one", "")).serve().await;
    assert_eq!(post(server.address, PATH, &body("m", false)).await.status, 200);
    let told = scraped(&server).await;
    assert_eq!((told.whole(reloads, &outcome("taken_up")), told.whole(reloads, &outcome("refused"))), (0, 0));
    assert_eq!(told.sum("trunkline_config_last_reload_successful"), 1);

    server.configure(&config("two", "  no_such_key: 1\n"));
    until("it is refused", async || scraped(&server).await.whole(reloads, &outcome("refused")) == 1).await;
    let told = scraped(&server).await;
    assert_eq!(told.sum("trunkline_config_last_reload_successful"), 0);
    let started = told.value("process_start_time_seconds", &[]);
    let last = "trunkline_config_last_reload_timestamp_seconds";
    assert!(told.value(last, &outcome("refused")) >= started);

    server.configure(&config("three", ""));
    until("it is taken up", async || scraped(&server).await.whole(reloads, &outcome("taken_up")) == 1).await;
    let told = scraped(&server).await;
    assert_eq!(told.sum("trunkline_config_last_reload_successful"), 1);
    assert!(told.value(last, &outcome("taken_up")) >= told.value(last, &outcome("refused")));
    let total = told.sum("litellm_proxy_total_requests_metric_total");
    assert_eq!(total, 1, "counts outlive a reload");
}

#[tokio::test]
async fn scrapers_show_the_key_unless_the_file_lets_them_in() {
    let config = |more: &str| {
        format!(
            "model_list:\n- {{model_name: m, litellm_params: {{model: openai/x, mock_response: hi}}}}\n\
             general_settings:\n  master_key: {KEY}\n{more}"
        )
    };
    let bearer = format!("Bearer {KEY}");
    let keyed = [("authorization", bearer.as_str())];
    let asked = async |server: &Trunkline| {
        let with = send(server.address, "GET", "/metrics", &keyed, b"").await;
        (with.status, get(server.address, "/metrics").await.status)
    };
    let off = Start::new().config(config("")).serve().await;
    assert_eq!(asked(&off).await, (404, 401));
    let on = Start::new().config(config("litellm_settings:\n  callbacks: [prometheus]\n")).serve().await;
    assert_eq!(asked(&on).await, (200, 401));
    let open = "litellm_settings:\n  callbacks: [prometheus]\n  require_auth_for_metrics_endpoint: false\n";
    let open = Start::new().config(config(open)).serve().await;
    assert_eq!(asked(&open).await, (200, 200));
    let text = get(open.address, "/metrics").await.text();
    assert!(!text.contains(KEY), "{text}");
}

/// Holds the labels of all series to the page, and counts them.
fn check_labels(told: &Exposition) -> usize {
    let page = include_str!("../../docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut found = 0;
    for (name, row) in rows.filter(|(name, _)| name.starts_with("litellm_") || name.starts_with("trunkline_"))
    {
        let cell = row.split('|').nth(2).unwrap_or_else(|| panic!("no labels: {name}")).trim();
        // `outcome: a, b` has the values too; a dash stands for none.
        let labels = cell.split(", ").map(|label| label.split(':').next().unwrap_or_default());
        let labels: BTreeSet<&str> = labels.filter(|label| !label.starts_with(['`', '–'])).collect();
        for of_series in told.label_names(name) {
            assert_eq!(of_series, labels, "{name}");
            found += 1;
        }
    }
    found
}

#[tokio::test]
async fn the_page_names_every_family_and_no_other() {
    let page = include_str!("../../docs/metrics.md");
    let named: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name))
        .filter(|name| ["litellm_", "trunkline_", "process_"].iter().any(|start| name.starts_with(start)))
        .collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../metrics/src");
    let files =
        std::fs::read_dir(folder).expect("the crate's files").map(|file| file.expect("a file").path());
    let sources: Vec<String> = files.map(|path| std::fs::read_to_string(path).expect("a text")).collect();
    let known: BTreeSet<&str> = sources
        .iter()
        // Tests stand last, and may name what there is not.
        .flat_map(|source| source.split("#[cfg(test)]").next().unwrap_or_default().split('"'))
        .filter(|text| ["litellm_", "trunkline_", "process_"].iter().any(|start| text.starts_with(start)))
        .filter(|text| !["litellm_model_name"].contains(text))
        .collect();
    assert!(known.len() > 40, "the crate was not understood: {known:?}");
    assert_eq!(named, known, "docs/metrics.md is behind the code");
}
