//! The scripted upstream: the fastest answers that can be given, so that what is measured is what stands before it.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::answer::Answer;
use crate::http1::{Body, Framing, Head, invalid};
use crate::listener;
use crate::question::Edges;
use crate::script::Script;

/// Answers that are kept written out. A run asks for a few dozen.
const ANSWERS_MAX: usize = 1_000;
/// What a connection reads at once, at first and at most.
const READ_BYTES: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 256 * 1024;

/// Answers to give, by model and by whether usage is asked for.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    answers: Mutex<HashMap<(String, bool), Arc<Answer>>>,
    /// Calls of scripts with faults.
    calls: AtomicU64,
}

/// Serves until the process ends.
pub(crate) async fn run(port: u16) -> io::Result<()> {
    let upstream = Arc::new(Upstream::default());
    listener::serve(port, move |stream| {
        let upstream = Arc::clone(&upstream);
        async move {
            // A caller who hangs up is no news.
            let _ended = upstream.serve(stream).await;
        }
    })
    .await
}

impl Upstream {
    /// Answers the requests of one connection until it ends.
    pub(crate) async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        let mut ahead = Vec::new();
        while let Some(asked) = read_request(&mut stream, &mut buffer, &mut ahead).await? {
            let answer = self.answer(&asked);
            write_answer(&mut stream, &answer).await?;
        }
        Ok(())
    }

    fn answer(&self, asked: &Edges) -> Arc<Answer> {
        let Some(model) = asked.model() else { return Arc::new(Answer::empty_list()) };
        let Some(script) = Script::parse(model) else {
            return Arc::new(Answer::refusal(404, "the model's name asks for no script"));
        };
        if let Script::Fault { percent } = script
            && self.is_faulty(percent)
        {
            return Arc::new(Answer::refusal(500, "a scripted fault"));
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (model.to_owned(), asked.asks_for_usage());
        if let Some(answer) = answers.get(&key) {
            return Arc::clone(answer);
        }
        if answers.len() >= ANSWERS_MAX {
            answers.clear();
        }
        let answer = Arc::new(Answer::new(script, model, key.1));
        answers.insert(key, Arc::clone(&answer));
        answer
    }

    /// Faults are spread evenly: of a hundred calls exactly so many fail.
    fn is_faulty(&self, percent: u64) -> bool {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        (call + 1) * percent / 100 > call * percent / 100
    }
}

/// Reads one request, or `None` where the caller has left. What was read of the next one stays in `ahead`.
async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    ahead: &mut Vec<u8>,
) -> io::Result<Option<Edges>> {
    let head = loop {
        if let Some(head) = Head::parse(ahead)? {
            break head;
        }
        let read = stream.read(buffer).await?;
        if read == 0 {
            return if ahead.is_empty() { Ok(None) } else { Err(invalid("a head was cut")) };
        }
        ahead.extend_from_slice(&buffer[..read]);
    };
    let mut body = Body::new(if head.framing == Framing::Unsaid { Framing::Length(0) } else { head.framing });
    let mut edges = Edges::default();
    let taken = body.feed(&ahead[head.bytes..], &mut |piece| edges.see(piece))?;
    ahead.drain(..head.bytes + taken);
    while !body.is_complete() {
        let read = stream.read(buffer).await?;
        if read == 0 {
            return Err(invalid("a body was cut"));
        }
        let taken = body.feed(&buffer[..read], &mut |piece| edges.see(piece))?;
        ahead.extend_from_slice(&buffer[taken..read]);
        if read == buffer.len() && read < READ_BYTES_MAX {
            buffer.resize(read * 2, 0);
        }
    }
    Ok(Some(edges))
}

async fn write_answer(stream: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> io::Result<()> {
    let Some(every) = answer.every else {
        for write in &answer.writes {
            stream.write_all(write).await?;
            if answer.writes.len() > 1 {
                // The others have their turn, so that writes do not melt into one.
                tokio::task::yield_now().await;
            }
        }
        return Ok(());
    };
    let mut ticks = tokio::time::interval(every);
    for write in &answer.writes {
        ticks.tick().await;
        stream.write_all(write).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    async fn ask(body: &str) -> String {
        let (mut near, far) = duplex(1 << 20);
        let length = body.len();
        let request = format!("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}");
        near.write_all(request.as_bytes()).await.expect("room");
        near.shutdown().await.expect("open");
        Upstream::default().serve(far).await.expect("served");
        let mut answer = String::new();
        near.read_to_string(&mut answer).await.expect("text");
        answer
    }

    #[tokio::test]
    async fn the_model_says_what_is_answered() {
        assert!(ask(r#"{"model":"whole-10"}"#).await.contains(r#""content":"The quick ""#));
        assert_eq!(ask(r#"{"model":"stream-5x2"}"#).await.matches("data: ").count(), 6);
        assert!(ask(r#"{"model":"gpt-4o"}"#).await.starts_with("HTTP/1.1 404 "));
        assert!(ask(r#"{"model":"fault-100"}"#).await.starts_with("HTTP/1.1 500 "));
        assert!(ask(r#"{"model":"fault-0"}"#).await.starts_with("HTTP/1.1 200 "));
    }

    #[test]
    fn faults_are_as_many_as_asked() {
        let upstream = Upstream::default();
        assert_eq!((0..1000).filter(|_| upstream.is_faulty(1)).count(), 10);
        assert_eq!((0..1000).filter(|_| upstream.is_faulty(100)).count(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn paced_streams_take_their_time() {
        let begun = tokio::time::Instant::now();
        assert_eq!(ask(r#"{"model":"paced-4-100"}"#).await.matches("data: ").count(), 5);
        assert_eq!(begun.elapsed().as_millis(), 400);
    }
}
