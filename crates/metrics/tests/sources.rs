//! What sources add to a scrape, beside the families that are there without them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use trunkline_core::Environment;
use trunkline_gateway::{Exposition, Form, LogRecorder, Reloads, Scraped};
use trunkline_metrics::{Gauge, GaugeKind, Metrics, Source, Value};
use trunkline_prices::Prices;
use trunkline_provider::{Limits, Registry};
use trunkline_router::Router;
use trunkline_transport::{HttpTransport, TransportOptions};

/// A source whose figure grows each time that it is asked, and whose name and kind others have too.
#[derive(Debug)]
struct Asked {
    name: &'static str,
    times: AtomicU64,
}

impl Source for Asked {
    fn gauges(&self) -> Vec<Gauge> {
        let times = self.times.fetch_add(1, Ordering::Relaxed) + 1;
        let gauge = |name| Gauge {
            name,
            meaning: "How often somebody asked",
            kind: GaugeKind::Gauge,
            samples: vec![(vec![("source", self.name.to_owned())], Value::Whole(times))],
        };
        vec![gauge("times_asked"), gauge("litellm_in_flight_requests"), gauge(self.name)]
    }
}

fn scraped() -> Scraped {
    let transport = HttpTransport::new(TransportOptions::default()).expect("a transport");
    let registry = Registry::new(Arc::new(transport), Environment::empty(), Limits::default());
    let router = Arc::new(Router::builder(Arc::new(registry)).build());
    Scraped { form: Form::Text, router, reloads: Reloads::default() }
}

#[test]
fn sources_are_asked_at_each_scrape_and_no_family_stands_twice() {
    let asked = |name| Arc::new(Asked { name, times: AtomicU64::new(0) });
    let [first, second] = ["first", "second"].map(asked);
    let metrics = Metrics::new(Arc::new(LogRecorder), Prices::bundled(), 10)
        .with_source(Arc::<Asked>::clone(&first))
        .with_source(Arc::<Asked>::clone(&second));
    let scraped = scraped();
    for times in 1..=2 {
        let text = metrics.text(&scraped);
        let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>();
        assert_eq!(lines("times_asked"), [format!("times_asked{{source=\"first\"}} {times}")]);
        assert_eq!(lines("litellm_in_flight_requests"), ["litellm_in_flight_requests 0"]);
        assert_eq!(lines("second"), [format!("second{{source=\"second\"}} {times}")]);
        for name in ["times_asked", "litellm_in_flight_requests", "first", "second"] {
            assert_eq!(lines(&format!("# TYPE {name} ")), [format!("# TYPE {name} gauge")]);
        }
    }
}
