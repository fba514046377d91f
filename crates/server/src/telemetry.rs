//! The log: one line a request, and what goes wrong; to standard error, as text or as JSON.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};
use trunkline_gateway::{LineRecorder, Log, LogForm, LogLines, LogRecorder, Recorder};

use crate::{flags::Flags, sources::Sources};

/// Installs the one subscriber of the process. Its lines, and those of the recorder, go where the log writes them.
pub(crate) fn install(flags: &Flags, sources: &Sources) -> io::Result<(Log, Arc<dyn Recorder>)> {
    let variable = |name: &str| sources.loaded.environment.get(name).map(|text| text.trim().to_lowercase());
    let asked = variable("LITELLM_LOG").and_then(|text| text.parse().ok()).unwrap_or(LevelFilter::INFO);
    let own = if flags.debug || flags.detailed_debug { LevelFilter::DEBUG } else { asked };
    let others = if flags.detailed_debug { LevelFilter::DEBUG } else { LevelFilter::WARN };
    let levels = Targets::new().with_default(others).with_target("trunkline", own);
    let as_json = sources.loaded.settings.json_logs || variable("JSON_LOGS").as_deref() == Some("true");
    let form = if as_json { LogForm::Json } else { LogForm::Text };
    let log = Log::start(form, io::stderr())?;
    let colours = io::stderr().is_terminal();
    tracing_subscriber::registry().with(layer(form, colours, log.lines()).with_filter(levels)).init();
    // It knows neither levels, nor colours, nor the spans of others, which that flag may let in.
    let is_plain = own >= LevelFilter::INFO && !flags.detailed_debug && (as_json || !colours);
    let direct = is_plain.then(|| -> Arc<dyn Recorder> { Arc::new(LineRecorder::new(log.lines())) });
    Ok((log, direct.unwrap_or_else(|| Arc::new(LogRecorder))))
}

/// Lets a command beside the server tell on standard error what goes wrong besides.
pub(crate) fn install_for_command() {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).without_time();
    let layer = layer.with_target(false).with_ansi(io::stderr().is_terminal());
    tracing_subscriber::registry().with(layer.with_filter(LevelFilter::WARN)).init();
}

/// The form of every line, that of requests too.
fn layer(form: LogForm, colours: bool, lines: LogLines) -> Box<dyn Layer<Registry> + Send + Sync> {
    let writer = move || lines.clone();
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false).with_ansi(colours);
    match form {
        LogForm::Text => layer.boxed(),
        LogForm::Json => layer.json().flatten_event(true).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;
    use std::io::Write;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use http::StatusCode;
    use trunkline_core::{Cost, ErrorKind, Observation, Usage, cost};
    use trunkline_gateway::{ErrorText, Outcome, Record};

    struct Sink(Sender<Vec<u8>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map(|()| bytes.len()).map_err(io::Error::other)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Of a request that was refused before anything was known of it.
    fn bare() -> Record {
        let operation = Cow::Owned("POST /v1/chat/completions".to_owned());
        Record {
            outcome: Some(Outcome::Failed(ErrorKind::Unauthenticated)),
            ..Record::opened("0d9b".to_owned(), operation)
        }
    }

    fn full() -> Record {
        let usage =
            Usage { uncached_input: 1200, cache_read: 34, output: 7, reasoning: 1, ..Usage::default() };
        Record {
            operation: Cow::Borrowed("chat_completions"),
            model: Some("public".to_owned()),
            user: Some("somebody".to_owned()),
            group: Some("public".into()),
            deployment: Some("first".into()),
            provider: Some("openai".into()),
            upstream_model: Some("gpt".into()),
            attempts: 3,
            usage_is_estimated: true,
            streamed: true,
            status: Some(StatusCode::OK),
            outcome: Some(Outcome::Completed),
            upstream_duration: Some(Duration::from_millis(3)),
            duration: Some(Duration::from_nanos(1_234_567_499)),
            observation: Observation {
                usage: Some(usage),
                generation_id: Some("chatcmpl-1".to_owned()),
                ..Observation::default()
            },
            cost: cost::amount(b"0.000120").map(Cost::Computed),
            ..bare()
        }
    }

    /// Of a caller that would like to write lines of its own.
    fn forged() -> Record {
        Record {
            call_id: "a\" status=200".to_owned(),
            model: Some("m\n2026-01-01T00:00:00.000000Z  INFO request\\".to_owned()),
            user: Some("\u{1b}[2J\u{7f}\u{85}\u{2028}\u{202e}\u{e9}\u{301}\t\r\0".to_owned()),
            outcome: Some(Outcome::Failed(ErrorKind::UpstreamFailed)),
            error: Some(Box::new(ErrorText { message: "no\n\"".to_owned(), causes: Some("why".to_owned()) })),
            is_retry_budget_spent: true,
            duration: Some(Duration::ZERO),
            cost: cost::amount(b"-12.5").map(Cost::Computed),
            ..full()
        }
    }

    /// A line without its time, and the shape of that.
    fn parted(line: &str) -> (String, String) {
        let begin = line.find("20").expect("a year");
        let (before, rest) = line.split_at(begin);
        let (time, behind) = rest.split_at(27);
        let shape = time.replace(|letter: char| letter.is_ascii_digit(), "0");
        (format!("{before}{behind}"), shape)
    }

    /// Holds `LineRecorder` to what `LogRecorder` and the subscriber print.
    fn check(form: LogForm) {
        let (sender, written) = channel();
        let log = Log::start(form, Sink(sender)).expect("a thread");
        let subscriber = tracing_subscriber::registry().with(layer(form, false, log.lines()));
        let direct = LineRecorder::new(log.lines());
        tracing::subscriber::with_default(subscriber, || {
            for record in [bare(), full(), forged()] {
                LogRecorder.settled(&record);
                direct.settled(&record);
            }
        });
        drop(log);
        let text = String::from_utf8(written.iter().collect::<Vec<_>>().concat()).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6, "{text}");
        for pair in lines.chunks(2) {
            let ((expected, shape), (direct, direct_shape)) = (parted(pair[0]), parted(pair[1]));
            assert_eq!(direct, expected);
            assert_eq!((direct_shape.as_str(), shape), ("0000-00-00T00:00:00.000000Z", direct_shape.clone()));
        }
    }

    #[test]
    fn requests_are_written_as_the_subscriber_would_print_them() {
        check(LogForm::Text);
        check(LogForm::Json);
    }
}
