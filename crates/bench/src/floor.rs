//! The floor: hyper's server and client glued together, which reads nothing of what it passes on.

use std::io;
use std::net::SocketAddr;

use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::http1::invalid;
use crate::listener;

/// Passes every request on to `upstream` until the process ends.
pub(crate) async fn run(port: u16, upstream: SocketAddr) -> io::Result<()> {
    let authority: Authority =
        upstream.to_string().parse().map_err(|_| invalid("the upstream's address is none"))?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<HttpConnector, Incoming> =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(usize::MAX).build(connector);
    listener::serve(port, move |stream| serve(stream, client.clone(), authority.clone())).await
}

async fn serve(stream: TcpStream, client: Client<HttpConnector, Incoming>, authority: Authority) {
    let service = service_fn(move |request| client.request(towards(request, &authority)));
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // A caller who hangs up is no news, and an upstream that fails shows as a cut connection.
    let _ended = connection.await;
}

fn towards(mut request: Request<Incoming>, authority: &Authority) -> Request<Incoming> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.clone());
    // Without a path the request goes to the root, as it was asked.
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request.headers_mut().remove(HOST);
    request
}
