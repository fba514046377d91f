//! A loopback listener whose connections end with the value that owns it; the one place that spawns tasks.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How long accepting rests after the system refused a socket, so that it does not spin.
const ACCEPT_REST: Duration = Duration::from_millis(10);

/// A running listener. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub(crate) struct Serving {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Serving {
    /// Binds `127.0.0.1:port` (0 chooses a free one) and serves each connection by one future.
    pub(crate) async fn start<Serve, Served>(port: u16, serve: Serve) -> io::Result<Self>
    where
        Serve: Fn(TcpStream) -> Served + Send + Sync + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, serve));
        Ok(Self { address, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends and waits until the port is free and every connection is closed.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        // The only outcome of an aborted task is that it was cancelled.
        let _cancelled = (&mut self.task).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<Serve, Served>(listener: TcpListener, serve: Serve)
where
    Serve: Fn(TcpStream) -> Served + Send + Sync + 'static,
    Served: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // Without TCP_NODELAY one write is not one segment, and split points would be a matter of luck.
                Ok((stream, _peer)) if stream.set_nodelay(true).is_ok() => {
                    connections.spawn(serve(stream));
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            },
            Some(_finished) = connections.join_next() => {}
        }
    }
}
