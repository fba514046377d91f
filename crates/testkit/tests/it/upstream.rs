//! The scripted upstream does what its script says, byte for byte.

use std::io::ErrorKind;
use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use trunkline_testkit::recordings;
use trunkline_testkit::upstream::{Cut, Pause, Script, ScriptedUpstream, Step, refused_url};

use crate::client::{connect, get, read_until, receive, request, send};

#[tokio::test]
async fn requests_get_the_scripts_in_order_and_are_recorded() {
    let scripts = [Script::json(429, r#"{"a":1}"#), Script::text(200, "b")];
    let upstream = ScriptedUpstream::start(scripts).await.unwrap();
    let first = send(&upstream.url(), "POST", "/v1/x?y=1", &[("X-Title", "é")], "{}").await;
    let second = get(&upstream.url(), "/").await;
    let third = get(&upstream.url(), "/").await;
    assert_eq!((first.status, first.text(), first.complete), (429, r#"{"a":1}"#, true));
    assert_eq!((second.status, second.text()), (200, "b"));
    assert_eq!((third.status, third.text()), (500, "no script left"));
    let requests = upstream.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(
        requests[0].head,
        request("POST", "/v1/x?y=1", &[("X-Title", "é")], "{}").as_bytes()[..requests[0].head.len()]
    );
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("POST", "/v1/x?y=1"));
    assert_eq!(requests[0].body, "{}");
    assert_eq!(upstream.connections(), 3);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let upstream =
        ScriptedUpstream::start([Script::text(200, "a"), Script::text(200, "b").then(Step::Close)])
            .await
            .unwrap();
    let mut stream = connect(&upstream.url()).await;
    stream.write_all(b"GET /1 HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut stream, b"\r\n\r\na").await;
    stream.write_all(b"GET /2 HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(receive(&mut stream).await.text(), "b");
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_stream_is_cut_at_any_byte_in_any_way() {
    let stream = recordings::by_name("truncated").unwrap().bytes;
    let upstream = ScriptedUpstream::answering(move |index, _| {
        Script::sse_cut_at(stream, index / 2, if index % 2 == 0 { Cut::Close } else { Cut::Reset })
    })
    .await
    .unwrap();
    for length in 0..=stream.len() {
        let closed = get(&upstream.url(), "/").await;
        assert_eq!((closed.status, &closed.body[..]), (200, &stream[..length]));
        assert_eq!((closed.complete, closed.error), (false, None));
        let reset = get(&upstream.url(), "/").await;
        assert_eq!((reset.status, &reset.body[..]), (200, &stream[..length]));
        assert_eq!((reset.complete, reset.error), (false, Some(ErrorKind::ConnectionReset)));
    }
}

#[tokio::test]
async fn nothing_comes_before_a_cut_head() {
    let upstream =
        ScriptedUpstream::start([Script::cut_before_head(Cut::Reset), Script::cut_before_head(Cut::Close)])
            .await
            .unwrap();
    let reset = get(&upstream.url(), "/").await;
    assert_eq!((reset.head.as_str(), reset.error), ("", Some(ErrorKind::ConnectionReset)));
    let closed = get(&upstream.url(), "/").await;
    assert_eq!((closed.head.as_str(), closed.error), ("", None));
}

#[tokio::test]
async fn a_caller_that_leaves_is_noticed() {
    let upstream = ScriptedUpstream::start([Script::silence_after_head()]).await.unwrap();
    let mut stream = connect(&upstream.url()).await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;
    let before = Instant::now();
    drop(stream);
    assert!(upstream.hung_up(0).await >= before);
}

#[tokio::test]
async fn a_pause_ends_when_told() {
    let script = Script::new([
        Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab".into()),
        Step::Pause(Pause::Told),
        Step::SendSplit { bytes: "cd".into(), at: vec![1] },
        Step::Close,
    ]);
    let upstream = ScriptedUpstream::start([script]).await.unwrap();
    let mut stream = connect(&upstream.url()).await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let begin = read_until(&mut stream, b"ab").await;
    assert!(begin.ends_with(b"\r\n\r\nab"));
    upstream.tell();
    assert_eq!(read_until(&mut stream, b"cd").await, b"cd");
    upstream.played(0).await;
}

#[tokio::test]
async fn broken_framing_is_sent_as_it_is() {
    let scripts = [
        Script::truncated_chunk(b"abc", 10),
        Script::senseless_chunk(b"abc"),
        Script::garbage(),
        Script::json_cut_at(200, b"{\"a\":1}", 3, Cut::Close),
        Script::sse([&b"a"[..], b"", b"bc"]).then(Step::Close),
        Script::sse_split_at(b"abcdef", &[1, 3]).then(Step::Close),
        Script::sse_drip(b"ab", std::time::Duration::ZERO).then(Step::Close),
    ];
    let upstream = ScriptedUpstream::start(scripts).await.unwrap();
    let mut received = Vec::new();
    for _ in 0..7 {
        received.push(get(&upstream.url(), "/").await);
    }
    let seen = received
        .iter()
        .map(|it| (it.status, it.text(), it.chunks.as_slice(), it.complete))
        .collect::<Vec<_>>();
    assert_eq!(
        seen,
        [
            (200, "abc", &[3][..], false),
            (200, "abc", &[3], false),
            (0, "", &[], false),
            (200, "{\"a", &[], false),
            (200, "abc", &[1, 2], true),
            (200, "abcdef", &[1, 2, 3], true),
            (200, "ab", &[1, 1], true),
        ]
    );
}

#[tokio::test]
async fn stopping_and_refusing_leave_nobody_listening() {
    let upstream = ScriptedUpstream::start([]).await.unwrap();
    let address = upstream.address();
    upstream.stop().await;
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let refused = refused_url().await.unwrap();
    let refused = refused.strip_prefix("http://").unwrap();
    assert_eq!(TcpStream::connect(refused).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
