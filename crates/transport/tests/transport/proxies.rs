//! Proxies are those that the options name, and never those of the process.

use tokio::net::TcpListener;
use trunkline_core::{Environment, ErrorKind};
use trunkline_transport::{HttpTransport, TransportOptions};

use crate::upstream::{answer, exchange, upstream};

const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nproxied";

fn through(variables: &[(&str, &str)]) -> HttpTransport {
    let environment: Environment = variables.iter().copied().collect();
    HttpTransport::new(TransportOptions::from_environment(&environment)).unwrap()
}

#[tokio::test]
async fn a_plain_upstream_is_asked_for_through_the_proxy() {
    let (proxy, played) = upstream(|stream| answer(stream, PLAIN)).await;
    let proxy = proxy.replace("http://", "http://user:word@");
    let response = exchange(&through(&[("HTTP_PROXY", &proxy)]), "http://upstream.invalid").await.unwrap();
    assert_eq!(response.into_body(), "proxied");
    let sent = played.await.unwrap();
    assert!(sent.starts_with("POST http://upstream.invalid/v1/chat/completions HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("proxy-authorization: Basic dXNlcjp3b3Jk\r\n"), "{sent}");
}

#[tokio::test]
async fn an_encrypted_upstream_is_reached_by_a_tunnel() {
    const REFUSED: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let (proxy, played) = upstream(|stream| answer(stream, REFUSED)).await;
    let error = exchange(&through(&[("HTTPS_PROXY", &proxy)]), "https://upstream.invalid").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamUnreachable);
    assert!(!error.reached_upstream());
    let sent = played.await.unwrap();
    assert!(sent.starts_with("CONNECT upstream.invalid:443 HTTP/1.1\r\n"), "{sent}");
    assert!(!sent.contains("content-type"), "nothing of the request is shown to the proxy: {sent}");
}

#[tokio::test]
async fn some_hosts_need_no_proxy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let (url, _) = upstream(|stream| answer(stream, PLAIN)).await;
    let transport = through(&[("HTTP_PROXY", &proxy), ("NO_PROXY", "localhost, 127.0.0.0/8")]);
    assert_eq!(exchange(&transport, &url).await.unwrap().status(), 200);
}

#[test]
fn a_proxy_that_is_none_is_refused_without_showing_it() {
    let environment = Environment::from_iter([("HTTPS_PROXY", "http://user:word@:not a port")]);
    let error = HttpTransport::new(TransportOptions::from_environment(&environment)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.message(), "HTTPS_PROXY is not the URL of a proxy");
    assert!(!format!("{error:?}").contains("word"));
}
