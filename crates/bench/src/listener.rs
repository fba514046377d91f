//! A loopback listener whose connections end with it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How long accepting rests after the system refused a socket, so that it does not spin.
const ACCEPT_REST: Duration = Duration::from_millis(10);

/// Binds `127.0.0.1:port` (0 takes a free one), says where on standard output, and serves until the process ends.
pub(crate) async fn serve<Serve, Served>(port: u16, serve: Serve) -> io::Result<()>
where
    Serve: Fn(TcpStream) -> Served,
    Served: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    println!("listening on {}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if stream.set_nodelay(true).is_ok() => {
                    connections.spawn(serve(stream));
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}
