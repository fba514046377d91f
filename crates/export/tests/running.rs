//! An exporter that runs until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use trunkline_core::Secret;
use trunkline_export::{Destination, ExportOptions, Exporter, Standing};
use trunkline_gateway::{Record, Recorder};
use trunkline_transport::{HttpTransport, TransportOptions};

/// Counts what is handed on.
#[derive(Debug, Default)]
pub(crate) struct Behind(AtomicUsize);

impl Recorder for Behind {
    fn settled(&self, _record: &Record) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Behind {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Quick to give up, so that a test need not wait.
pub(crate) fn quick() -> ExportOptions {
    ExportOptions {
        batch_wait: Duration::from_millis(20),
        backoff: Duration::from_millis(1),
        backoff_max: Duration::from_millis(5),
        ..ExportOptions::default()
    }
}

pub(crate) fn webhook(url: &str) -> Destination {
    Destination::webhook(&Secret::new(url), &[]).expect("an address")
}

pub(crate) fn collector(url: &str) -> Destination {
    let headers = [("api-key".to_owned(), Secret::new("k"))];
    Destination::otlp(&Secret::new(url), &headers, "trunk").expect("an address")
}

/// An exporter that nobody polls, and the recorder behind it.
pub(crate) fn resting(destination: Destination, options: &ExportOptions) -> (Arc<Exporter>, Arc<Behind>) {
    let behind = Arc::new(Behind::default());
    let transport = Arc::new(HttpTransport::new(TransportOptions::default()).expect("a transport"));
    let exporter = Exporter::new(Arc::<Behind>::clone(&behind), transport, [destination], options);
    (Arc::new(exporter), behind)
}

/// An exporter that is polled.
pub(crate) struct Running {
    pub(crate) exporter: Arc<Exporter>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn of(exporter: &Arc<Exporter>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let exporter = Arc::clone(exporter);
        let running = Arc::clone(&exporter);
        let task = tokio::spawn(async move {
            running.run(async { stopped.await.expect("a word") }).await;
        });
        Self { exporter, stop, task }
    }

    pub(crate) fn start(destination: Destination, options: &ExportOptions) -> Self {
        Self::of(&resting(destination, options).0)
    }

    /// Ends it, and tells how it stood.
    pub(crate) async fn end(self) -> Standing {
        self.stop.send(()).expect("somebody waits");
        self.task.await.expect("no panic");
        standing(&self.exporter)
    }
}

pub(crate) fn standing(exporter: &Exporter) -> Standing {
    exporter.standings().next().expect("a destination")
}
