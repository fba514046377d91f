//! A caller who leaves: the upstream is told at once.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trunkline_testkit::upstream::{Cut, Script, ScriptedUpstream};

use crate::server::Start;

/// The longest that an upstream may go on for nobody.
const CANCEL_MAX: Duration = Duration::from_millis(100);

async fn check(streamed: bool) {
    let first = b"data: {\"id\":\"gen_1\",\"model\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let script = if streamed {
        Script::sse_cut_at(first, first.len(), Cut::Stall)
    } else {
        Script::cut_before_head(Cut::Stall)
    };
    let upstream = ScriptedUpstream::start([script]).await.expect("a loopback port");
    let config = format!(
        "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/x\n    api_base: {}/v1\n",
        upstream.url()
    );
    let server = Start::new().config(config).serve().await;
    let body = format!(r#"{{"model":"m","stream":{streamed},"messages":[]}}"#);
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut caller = TcpStream::connect(server.address).await.expect("it listens");
    caller.write_all(request.as_bytes()).await.expect("room");
    upstream.wait_for_requests(1).await;
    if streamed {
        let mut seen = Vec::new();
        while !seen.windows(8).any(|window| window == b"\"content") {
            let mut piece = [0; 4096];
            let count = caller.read(&mut piece).await.expect("a piece");
            assert!(count > 0, "the stream goes on");
            seen.extend_from_slice(&piece[..count]);
        }
    }
    let left = Instant::now();
    drop(caller);
    let told = tokio::time::timeout(Duration::from_secs(5), upstream.hung_up(0))
        .await
        .expect("the upstream is told");
    let after = told.saturating_duration_since(left);
    assert!(after <= CANCEL_MAX, "{after:?}");
    let log = server.stop().await;
    assert!(log.contains("caller gone"), "{log}");
}

#[tokio::test]
async fn a_stream_s_caller_leaves() {
    check(true).await;
}

#[tokio::test]
async fn a_whole_reply_s_caller_leaves() {
    check(false).await;
}
