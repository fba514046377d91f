//! An upstream that plays a script for each request, at the level of TCP.
//!
//! ```
//! use trunkline_testkit::upstream::{Cut, Script, ScriptedUpstream};
//!
//! # async fn example() -> std::io::Result<()> {
//! let upstream = ScriptedUpstream::start([
//!     Script::json(503, r#"{"error":{"message":"busy"}}"#),
//!     Script::sse_cut_at(b"data: {}\n\ndata: [DONE]\n\n", 12, Cut::Reset),
//! ])
//! .await?;
//! println!("{}", upstream.url());
//! # Ok(())
//! # }
//! ```

mod connection;
mod request;
mod script;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::net::TcpSocket;
use tokio::sync::{Semaphore, watch};

pub use request::UpstreamRequest;
pub use script::{Cut, Pause, Script, Step};

use crate::serving::Serving;

/// A scripted upstream on loopback. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub struct ScriptedUpstream {
    serving: Serving,
    shared: Arc<Shared>,
}

impl ScriptedUpstream {
    /// Gives the first request the first script, the second the second, whatever connection they come on.
    ///
    /// A request beyond the last script is answered 500 with the text `no script left`, and recorded.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> io::Result<Self> {
        let mut scripts = scripts.into_iter().collect::<VecDeque<_>>();
        Self::answering(move |_index, _request| {
            scripts.pop_front().unwrap_or_else(|| Script::text(500, "no script left"))
        })
        .await
    }

    /// Asks `answer` for the script of each request; the index counts from 0.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub async fn answering<Answer>(answer: Answer) -> io::Result<Self>
    where
        Answer: FnMut(usize, &UpstreamRequest) -> Script + Send + 'static,
    {
        let shared = Arc::new(Shared {
            answer: Mutex::new(Box::new(answer)),
            tells: Semaphore::new(0),
            seen: watch::Sender::new(Seen::default()),
        });
        let serving = Serving::start(0, {
            let shared = Arc::clone(&shared);
            move |stream| connection::serve(stream, Arc::clone(&shared))
        })
        .await?;
        Ok(Self { serving, shared })
    }

    /// The origin, such as `http://127.0.0.1:40123`, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.serving.address())
    }

    /// The address listened on.
    pub fn address(&self) -> SocketAddr {
        self.serving.address()
    }

    /// The requests so far, in the order in which they were read.
    pub fn requests(&self) -> Vec<UpstreamRequest> {
        self.shared.seen.borrow().requests.clone()
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.seen.borrow().connections
    }

    /// Lets one [`Pause::Told`] go on; told ahead of the pause, it is remembered.
    pub fn tell(&self) {
        self.shared.tells.add_permits(1);
    }

    /// Waits until at least `count` requests were read, and gives them.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<UpstreamRequest> {
        self.wait(|seen| seen.requests.len() >= count).await.requests
    }

    /// Waits until the caller of request `index` went away while its script was playing, and says when.
    pub async fn hung_up(&self, index: usize) -> Instant {
        let found = |seen: &Seen| seen.hang_ups.iter().find(|hang_up| hang_up.0 == index).copied();
        let seen = self.wait(|seen| found(seen).is_some()).await;
        found(&seen).map_or_else(Instant::now, |(_, at)| at)
    }

    /// Waits until the script of request `index` has been played to its end.
    pub async fn played(&self, index: usize) {
        self.wait(|seen| seen.played.contains(&index)).await;
    }

    /// Closes the listener and every connection, and waits until that is done.
    pub async fn stop(self) {
        self.serving.stop().await;
    }

    async fn wait(&self, enough: impl Fn(&Seen) -> bool + Send + Sync) -> Seen {
        let mut seen = self.shared.seen.subscribe();
        // The sender lives in `self.shared`, so that waiting cannot fail while `self` is borrowed.
        seen.wait_for(|seen| enough(seen)).await.map_or_else(|_| Seen::default(), |seen| seen.clone())
    }
}

/// The origin of a loopback port on which nobody listens: connecting to it is refused.
///
/// # Errors
/// When no loopback port can be bound.
#[expect(clippy::mem_forget, reason = "the port stays taken: whoever got it next would answer there")]
pub async fn refused_url() -> io::Result<String> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let address = socket.local_addr()?;
    std::mem::forget(socket);
    Ok(format!("http://{address}"))
}

type Answer = Box<dyn FnMut(usize, &UpstreamRequest) -> Script + Send>;

/// What the connections and the handle share.
pub(crate) struct Shared {
    answer: Mutex<Answer>,
    tells: Semaphore,
    seen: watch::Sender<Seen>,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    connections: usize,
    requests: Vec<UpstreamRequest>,
    hang_ups: Vec<(usize, Instant)>,
    played: Vec<usize>,
}

impl Shared {
    fn connected(&self) {
        self.seen.send_modify(|seen| seen.connections += 1);
    }

    fn script(&self, request: UpstreamRequest) -> (usize, Script) {
        let mut answer = self.answer();
        let index = self.seen.borrow().requests.len();
        let script = answer(index, &request);
        self.seen.send_modify(|seen| seen.requests.push(request));
        (index, script)
    }

    fn hung_up(&self, index: usize) {
        let now = Instant::now();
        self.seen.send_modify(|seen| seen.hang_ups.push((index, now)));
    }

    fn played(&self, index: usize) {
        self.seen.send_modify(|seen| seen.played.push(index));
    }

    /// Holding it across the choice of a script and its record keeps the two in one order.
    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").field("seen", &self.seen).finish_non_exhaustive()
    }
}
