//! Kept replies that replicas share.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use redis::aio::ConnectionManager as Link;
use redis::{RedisError, Script, Value};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use trunkline_cache::{CacheKey, Found, Kept, Storage};
use trunkline_core::Error;

use crate::Connection;

/// How many replies may wait to be written. What comes while so many do is not kept.
const QUEUED_MAX: usize = 256;

/// Writes a reply with the number of the last flush: one with another number is as good as gone. So a flush is one number
/// that changes, however many replies there are, and theirs ends with their time.
const PUT: &str =
    "redis.call('SET', KEYS[2], (redis.call('GET', KEYS[1]) or '0') .. ' ' .. ARGV[1], 'PX', ARGV[2])";

/// How many of some replies are there, and no longer are.
const DELETE: &str = r"
local flushes, count = redis.call('GET', KEYS[1]) or '0', 0
for index = 2, #KEYS do
  local start = redis.call('GETRANGE', KEYS[index], 0, #flushes)
  if start == flushes .. ' ' then count = count + 1 end
  redis.call('UNLINK', KEYS[index])
end
return count";

/// Replies that are kept in Redis.
pub struct Replies {
    connection: Connection,
    prefix: String,
    /// Where the number of the last flush stands.
    flushes: String,
    delete: Script,
    queue: Sender<Queued>,
}

/// What writes the replies that are to be kept. Whoever opened [`Replies`] polls it.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    flushes: String,
    queued: Mutex<Receiver<Queued>>,
}

#[derive(Debug)]
struct Queued {
    key: String,
    kept: Arc<Kept>,
    ttl: Duration,
}

impl Replies {
    /// Replies that are shared with all who have the same `namespace`, and what writes them.
    pub fn new(connection: Connection, namespace: Option<&str>) -> (Self, Writer) {
        let prefix = format!("{{trunkline}}:{}:reply:", namespace.unwrap_or_default());
        let (queue, queued) = channel(QUEUED_MAX);
        let flushes = format!("{prefix}flushes");
        let writer =
            Writer { connection: connection.clone(), flushes: flushes.clone(), queued: Mutex::new(queued) };
        (Self { connection, prefix, flushes, delete: Script::new(DELETE), queue }, writer)
    }

    fn key(&self, key: &CacheKey) -> String {
        format!("{}{key}", self.prefix)
    }
}

impl Writer {
    /// Writes what is to be kept, one reply after another. Ends when nobody is left who could keep something.
    pub async fn write(&self) {
        let script = Script::new(PUT);
        let mut queued = self.queued.lock().await;
        while let Some(Queued { key, kept, ttl }) = queued.recv().await {
            let Some(bytes) = kept.to_bytes() else { continue };
            let mut value = now_ms().to_string().into_bytes();
            value.push(b' ');
            value.extend_from_slice(&bytes);
            let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
            let mut invocation = script.prepare_invoke();
            invocation.key(&self.flushes).key(key).arg(value).arg(ttl_ms);
            let written =
                self.connection.call(async |link| invocation.invoke_async::<Option<Value>>(link).await).await;
            if let Err(error) = written {
                tracing::debug!(error = %error, "a reply was not kept");
            }
        }
    }
}

#[async_trait]
impl Storage for Replies {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Found>, Error> {
        let key = self.key(key);
        let names = [self.flushes.as_str(), key.as_str()];
        let (flushes, reply): (Option<String>, Option<Vec<u8>>) =
            self.connection.call(async |link| redis::cmd("MGET").arg(&names).query_async(link).await).await?;
        Ok(reply.and_then(|reply| found(flushes.as_deref().unwrap_or("0"), &reply)))
    }

    fn put(&self, key: CacheKey, kept: Arc<Kept>, ttl: Duration) {
        // What finds the queue full is only asked anew.
        let _ = self.queue.try_send(Queued { key: self.key(&key), kept, ttl });
    }

    async fn delete(&self, keys: &[CacheKey]) -> Result<u64, Error> {
        let mut invocation = self.delete.prepare_invoke();
        invocation.key(&self.flushes);
        for key in keys {
            invocation.key(self.key(key));
        }
        self.connection.call(async |link| invocation.invoke_async(link).await).await
    }

    async fn flush(&self) -> Result<(), Error> {
        let flushed = async |link: &mut Link| -> Result<u64, RedisError> {
            redis::cmd("INCR").arg(&self.flushes).query_async(link).await
        };
        self.connection.call(flushed).await.map(drop)
    }

    async fn ping(&self) -> Result<(), Error> {
        self.connection.ping().await
    }
}

/// Reads "flushes, when it was kept in milliseconds since 1970, the reply".
fn found(flushes: &str, bytes: &[u8]) -> Option<Found> {
    let mut parts = bytes.splitn(3, |byte| *byte == b' ');
    let _ = parts.next().filter(|part| *part == flushes.as_bytes())?;
    let kept_at: i64 = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let kept = Arc::new(Kept::from_bytes(parts.next()?)?);
    let age_ms = now_ms().saturating_sub(kept_at).max(0);
    Some(Found { kept, age: Duration::from_millis(age_ms.unsigned_abs()) })
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl std::fmt::Debug for Replies {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Replies").field("connection", &self.connection).finish_non_exhaustive()
    }
}
