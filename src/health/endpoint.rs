//! Answers requests for metrics and health over HTTP.

use std::sync::{Arc, OnceLock};

use super::collector::FactsCollector;
use super::facts::Facts;
use super::facts_cache::FactsCache;
use super::hang_detector::HangDetector;
use super::rules::evaluate;
use super::{alerts, spool_metrics, worker_metrics};
use crate::config::Config;
use crate::metrics::{MetricFamily, TextFormat};
use crate::observe::http::{Request, Response};
use crate::pipeline::Tally;
use crate::spool::now_ms;
use crate::warehouse::Warehouse;

/// The warehouse, once it is open.
pub(crate) type OpenedWarehouse = Arc<OnceLock<Arc<dyn Warehouse>>>;

/// Answers requests to one worker over HTTP.
pub(crate) struct Endpoint {
    config: Config,
    collector: FactsCollector,
    tally: Arc<Tally>,
    warehouse: OpenedWarehouse,
    hang_detector: Arc<HangDetector>,
    cache: Arc<FactsCache>,
    started_ms: i64,
}

impl Endpoint {
    /// `cache`: the facts that another thread of this process collects are served, too.
    pub(crate) fn new(
        config: &Config,
        tally: Arc<Tally>,
        warehouse: OpenedWarehouse,
        hang_detector: Arc<HangDetector>,
        cache: Arc<FactsCache>,
    ) -> Endpoint {
        Endpoint {
            config: config.clone(),
            collector: FactsCollector::new(config),
            tally,
            warehouse,
            hang_detector,
            cache,
            started_ms: now_ms(),
        }
    }

    /// Answers `/metrics`, `/healthz` (if it is not 200, the worker hangs: restart it) and `/readyz` (200 while the
    /// worker takes messages).
    pub(crate) fn answer(&self, request: &Request) -> Response {
        match request.path.as_str() {
            "/metrics" => self.metrics(TextFormat::accepted(&request.accept)),
            "/healthz" => match self.hang_detector.hangs_for(&self.tally.figures) {
                None => Response::text(200, "ok\n"),
                Some(lasted) => Response::text(503, format!("no round for {} s\n", lasted.as_secs())),
            },
            "/readyz" => self.ready(),
            "/" => Response::text(200, "irispool\n/metrics\n/healthz\n/readyz\n"),
            _ => Response::text(404, "there are /metrics, /healthz and /readyz\n"),
        }
    }

    fn metrics(&self, format: TextFormat) -> Response {
        match self.cache.get(|| self.collector.collect()) {
            Some(facts) => {
                let body = format.render(&self.families(&facts));
                Response { status: 200, content_type: format.content_type(), body }
            }
            None => Response::text(503, "reading the spool takes too long: does a disk hang?\n"),
        }
    }

    fn families(&self, facts: &Facts) -> Vec<MetricFamily> {
        let warehouse = self.warehouse.get().map(|warehouse| warehouse.metric_families());
        let mut families = worker_metrics::families(&self.tally, self.started_ms);
        families.extend(warehouse.unwrap_or_default());
        families.extend(spool_metrics::of_facts(facts));
        families.extend(alerts::metric_families());
        families.extend(spool_metrics::of_findings(&evaluate(facts, &self.config)));
        families
    }

    fn ready(&self) -> Response {
        let figures = &self.tally.figures;
        let refuse = |why: String| Response::text(503, why + "\n");
        if let Some(why) = figures.waiting().and_then(|waiting| waiting.why) {
            return refuse(format!("it waits for the warehouse: {why}"));
        }
        if figures.turned_at_ms() == 0 {
            return refuse("starting".to_owned());
        }
        if self.hang_detector.hangs_for(figures).is_some() {
            return refuse("it makes no rounds".to_owned());
        }
        let parked: Vec<String> = figures.parked().keys().map(ToString::to_string).collect();
        if !parked.is_empty() {
            return refuse(format!("parked: {}", parked.join(", ")));
        }
        if figures.keeper.dead.is_full() {
            return refuse("dead/ is full: it claims no messages".to_owned());
        }
        Response::text(200, "ready\n")
    }
}
