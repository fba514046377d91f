//! Accepting connections, and stopping without cutting what is open.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use trunkline_core::{Error, ErrorKind};

use crate::connection::{Connection, Protocol};
use crate::{Gateway, Tls};

/// How long replies that were told to end have for their last bytes.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long accepting rests after a failure that concerns the whole process, such as no file descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// As much as is read at once where a body is large. A connection that rests behind one keeps so much room, until
/// smaller ones have come. Heads have a limit of their own, which is looked at when they have been read.
const READ_BYTES_MAX: usize = 256 * 1024;

/// Accepts connections for a [`Gateway`].
#[derive(Debug)]
pub struct Server {
    gateway: Arc<Gateway>,
    listener: TcpListener,
    tls: Option<Tls>,
    stop: watch::Receiver<bool>,
}

/// Tells a [`Server`] to stop. Dropping it does as well.
#[derive(Clone, Debug)]
pub struct StopHandle(watch::Sender<bool>);

impl StopHandle {
    /// Begins to stop: probes fail, open replies have their grace.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Binds to a port, 0 for any free one. Without a host it is every address where there is a master key, and
    /// this machine's own where there is none.
    ///
    /// # Errors
    ///
    /// `Configuration`, naming the address, if it is in use or not this machine's, or if it would serve others
    /// without a key.
    pub async fn bind(
        gateway: Arc<Gateway>,
        host: Option<IpAddr>,
        port: u16,
        tls: Option<Tls>,
    ) -> Result<(Self, StopHandle), Error> {
        let settings = gateway.settings();
        let serves_others = settings.master_key.is_some() || settings.open_to_all;
        let default = if serves_others { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        let address = SocketAddr::new(host.unwrap_or(default.into()), port);
        if !serves_others && !address.ip().is_loopback() {
            let message = format!(
                "listening on {address} would serve others than this machine, and there is no master key. Set \
                 general_settings.master_key or LITELLM_MASTER_KEY, or listen on 127.0.0.1"
            );
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => "; another program listens there. Choose another --port",
                io::ErrorKind::PermissionDenied => {
                    "; ports below 1024 need permission. Choose another --port"
                }
                _ => "",
            };
            let message = format!("cannot listen on {address}{hint}");
            Error::new(ErrorKind::Configuration, message).with_source(error)
        })?;
        let (sender, stop) = watch::channel(false);
        Ok((Self { gateway, listener, tls, stop }, StopHandle(sender)))
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// `Internal` if the system cannot tell.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.listener.local_addr().map_err(|error| {
            Error::new(ErrorKind::Internal, "the address that is listened on is not known").with_source(error)
        })
    }

    /// Serves until it is told to stop, and then until open replies have ended or their grace is over.
    pub async fn run(mut self) {
        let connections_max = Arc::new(Semaphore::new(
            self.gateway.settings().limits.connections_max.min(Semaphore::MAX_PERMITS),
        ));
        let graceful = GracefulShutdown::new();
        // Every connection is a task of this set: dropping the server ends them all.
        let mut connections = JoinSet::new();
        let mut stop = self.stop.clone();
        loop {
            while connections.try_join_next().is_some() {}
            let stopped = stop.wait_for(|stop| *stop);
            let place = tokio::select! {
                biased;
                _ = stopped => break,
                place = Arc::clone(&connections_max).acquire_owned() => place.expect("never closed"),
            };
            let stopped = self.stop.wait_for(|stop| *stop);
            let accepted = tokio::select! {
                biased;
                _ = stopped => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let serving =
                        serve(Arc::clone(&self.gateway), stream, self.tls.clone(), graceful.watcher());
                    connections.spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) if is_connection_error(&error) => {}
                Err(error) => {
                    tracing::error!(error = %error, "accepting connections failed");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
        self.drain(graceful, connections).await;
    }

    /// Probes fail, new connections are still served for the delay, then open replies have their grace.
    async fn drain(self, graceful: GracefulShutdown, mut connections: JoinSet<()>) {
        self.gateway.drain();
        let waits = self.gateway.settings().waits.clone();
        tracing::info!(
            delay_seconds = waits.shutdown_delay.as_secs(),
            grace_seconds = waits.shutdown_grace.as_secs(),
            connections = connections.len(),
            "stopping: open replies go on until their grace is over"
        );
        let delay = tokio::time::sleep(waits.shutdown_delay);
        tokio::pin!(delay);
        loop {
            tokio::select! {
                () = &mut delay => break,
                accepted = self.listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(serve(Arc::clone(&self.gateway), stream, self.tls.clone(), graceful.watcher()));
                    }
                }
            }
        }
        drop(self.listener);
        let ended = async {
            graceful.shutdown().await;
            while connections.join_next().await.is_some() {}
        };
        tokio::pin!(ended);
        if tokio::time::timeout(waits.shutdown_grace, &mut ended).await.is_err() {
            self.gateway.stop();
            if tokio::time::timeout(LAST_WORDS, &mut ended).await.is_err() {
                tracing::warn!("some connections did not end in time and are closed");
            }
        }
    }
}

fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

async fn serve(gateway: Arc<Gateway>, stream: TcpStream, tls: Option<Tls>, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %error, "TCP_NODELAY could not be set");
    }
    let Some(Tls(acceptor)) = tls else {
        return serve_stream(gateway, stream, watcher).await;
    };
    let wait = gateway.settings().waits.header;
    match tokio::time::timeout(wait, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve_stream(gateway, stream, watcher).await,
        Ok(Err(error)) => tracing::debug!(error = %error, "TLS with a caller failed"),
        Err(_) => tracing::debug!("TLS with a caller took too long"),
    }
}

async fn serve_stream<S>(gateway: Arc<Gateway>, stream: S, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let waits = gateway.settings().waits.clone();
    let header_bytes_max = gateway.settings().limits.header_bytes_max;
    let (connection, protocol) = match Connection::open(stream, waits.header, waits.downstream_write).await {
        Ok(opened) => opened,
        Err(error) => return tracing::debug!(error = %error, "a connection said nothing"),
    };
    let io = TokioIo::new(connection);
    let service = service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, std::convert::Infallible>(gateway.handle(request).await) }
    });
    let outcome = match protocol {
        Protocol::Http1 => {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(waits.header)
                .max_buf_size(header_bytes_max.max(READ_BYTES_MAX))
                .serve_connection(io, service);
            watcher.watch(connection).await
        }
        Protocol::Http2 => {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(waits.downstream_write)
                .max_header_list_size(u32::try_from(header_bytes_max.max(READ_BYTES_MAX)).unwrap_or(u32::MAX))
                .serve_connection(io, service);
            watcher.watch(connection).await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(error = %error, "a connection ended early");
    }
}
