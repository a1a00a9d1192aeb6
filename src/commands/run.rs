//! `irispool run`: the daemon, and the drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

use super::open_warehouse::open_patiently;
use super::pid_file::PidFile;
use super::units::counted;
use crate::config::{self, Config};
use crate::exit::{Exit, Explain, Failure};
use crate::health::alerts::AlertWatcher;
use crate::health::{
    ClientWatcher, DrainHistory, Endpoint, FactsCache, HangDetector, OpenedWarehouse, StatusPublisher,
};
use crate::keeper::{Keeper, KeeperSettings};
use crate::message::EncodeMode;
use crate::observe::service::Service;
use crate::observe::{Progress, http};
use crate::pipeline::{self, Ended, PipelineError, Settings, Tally, Totals};
use crate::signals::Stop;
use crate::spool::{Layout, Retention, Worker, now_ms};
use crate::warehouse::Warehouse;

/// How often the progress bar is updated.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// How often the worker publishes its state for other processes.
const NEWS_INTERVAL: Duration = Duration::from_secs(1);

/// How often a summary is logged while messages are delivered.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// Runs one worker until a signal stops it, or, with `once`, until nothing is left to do.
///
/// # Errors
/// If the spool or the warehouse cannot be used at all.
pub(super) fn run(config: &Config, once: bool) -> Result<Exit, Failure> {
    let stop = Stop::on_signals().map_err(PipelineError::Thread)?;
    let is_new = !Layout::at(&config.spool).is_there();
    let layout = Layout::open(&config.spool)?.with_temporary_names(config.temporary_names.clone());
    if is_new {
        tracing::warn!(
            "created a new, empty spool in {}: check that the IRIS client writes into its incoming folder",
            layout.root().display()
        );
    }
    // A drain sends no alerts: its exit code tells the result, and it ends before a problem could last.
    let facts_cache = Arc::new(FactsCache::default());
    let watch = match once {
        true => None,
        false => {
            AlertWatcher::start(config, &stop, Arc::clone(&facts_cache)).map_err(PipelineError::Thread)?
        }
    };
    let client_watcher = ClientWatcher::start(config, &stop).map_err(PipelineError::Thread)?;
    let began_ms = now_ms();
    let (exit, _) = work(config, once, layout.clone(), stop.clone(), facts_cache)?;
    if once && !stop.requested() {
        DrainHistory::record(&layout.drains(), began_ms, now_ms());
        client_watcher.has_looked();
    }
    drop(watch);
    Ok(exit)
}

/// Runs a worker, and reports on it from the start, even while it waits for its warehouse: a progress bar for a
/// backlog, a summary line a minute, and one at the end.
pub(super) fn work(
    config: &Config,
    once: bool,
    layout: Layout,
    stop: Stop,
    facts_cache: Arc<FactsCache>,
) -> Result<(Exit, Totals), Failure> {
    let started = Instant::now();
    let tally = Arc::new(Tally::default());
    tally.figures.wait(None);
    let opened = OpenedWarehouse::default();
    let (finished, teller_stop) = bounded::<()>(0);
    let hang_detector = Arc::new(HangDetector::default());
    let endpoint = || {
        let (tally, opened) = (Arc::clone(&tally), Arc::clone(&opened));
        Endpoint::new(config, tally, opened, Arc::clone(&hang_detector), facts_cache)
    };
    let listen = config.listen.map(|address| serve(address, endpoint())).transpose()?;
    // Written only now, so that a second worker with the same address fails before it touches the first one's file.
    let _pid_file = config.pid_file.as_deref().map(PidFile::write).transpose()?;
    let worker = Worker::register(&layout)?;
    tally.figures.registered(worker.name());
    let teller = {
        let (tally, stop_seen) = (Arc::clone(&tally), stop.clone());
        let listen = listen.map(|address| address.to_string());
        let mut publisher = StatusPublisher::new(layout.clone(), listen, config);
        thread::Builder::new()
            .name("tell".to_owned())
            .spawn(move || tell(&tally, &hang_detector, &mut publisher, &stop_seen, &teller_stop))
            .map_err(PipelineError::Thread)?
    };
    let ended = match open_patiently(config, once, &stop, &tally) {
        Ok(Some(warehouse)) => {
            let _ = opened.set(Arc::clone(&warehouse));
            tally.figures.waited();
            deliver(config, once, layout, worker, warehouse, &tally, stop)
        }
        Ok(None) => worker.retire().map(|()| Ended::default()).map_err(Into::into),
        Err(failure) => worker.retire().map_err(Into::into).and(Err(failure)),
    };
    drop(finished);
    let _ = teller.join();
    let ended = ended?;
    let totals = tally.totals();
    summarise("ended", &totals, &Totals::default(), started.elapsed());
    let exit = if ended.left > 0 {
        if tally.figures.keeper.dead.is_full() {
            let dead_bytes = tally.figures.keeper.dead.bytes();
            tracing::error!(
                dead_bytes,
                "dead/ has reached dead_max_bytes, so no more messages were claimed: see irispool dead list"
            );
        }
        tracing::error!(files = ended.left, "messages stay in the spool");
        Exit::Left
    } else if once && totals.dead > 0 {
        Exit::Dead
    } else {
        Exit::Done
    };
    Ok((exit, totals))
}

/// Runs the pipeline, with the keeper in a thread beside it.
fn deliver(
    config: &Config,
    once: bool,
    layout: Layout,
    worker: Worker,
    warehouse: Arc<dyn Warehouse>,
    tally: &Arc<Tally>,
    stop: Stop,
) -> Result<Ended, Failure> {
    let settings = settings(config, once);
    let status = &tally.figures.keeper;
    status.dead.set(config.dead_max_bytes);
    status.dead.count_when_due(&layout, &stop)?;
    let keeper =
        Keeper::start(layout.clone(), keeper_settings(config, &settings), Arc::clone(status), stop.clone())
            .map_err(PipelineError::Thread)?;
    let ended = pipeline::run(settings, layout, worker, warehouse, Arc::clone(tally), stop);
    if once {
        keeper.finish();
    } else {
        drop(keeper);
    }
    Ok(ended?)
}

/// Serves metrics and health until the process ends. Returns the address, with the port that the system chose for 0.
fn serve(address: SocketAddr, endpoint: Endpoint) -> Result<SocketAddr, ListenError> {
    let failed = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    http::serve(listener, Arc::new(move |request: &http::Request| endpoint.answer(request)))
        .map_err(failed)?;
    tracing::info!(%address, "serving /metrics, /healthz and /readyz");
    Ok(address)
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

impl Explain for ListenError {
    fn hint(&self) -> Option<String> {
        Some(match self.source.kind() {
            io::ErrorKind::AddrInUse => "each worker needs a port of its own for --listen".to_owned(),
            io::ErrorKind::PermissionDenied => "ports under 1024 need root: choose a higher one".to_owned(),
            _ => "choose an address of this machine, such as 127.0.0.1:9464 for local use only".to_owned(),
        })
    }
}

fn keeper_settings(config: &Config, settings: &Settings) -> KeeperSettings {
    KeeperSettings {
        keep: settings.keep,
        max_age: config.keep_max_age,
        max_bytes: config.keep_max_bytes,
        interval: settings.scan_interval,
    }
}

fn settings(config: &Config, once: bool) -> Settings {
    Settings {
        once,
        schema: match config.schema {
            config::SchemaPolicy::Evolve => EncodeMode::Evolve,
            config::SchemaPolicy::Rescue => EncodeMode::Rescue,
            config::SchemaPolicy::Strict => EncodeMode::Strict,
        },
        keep: match config.keep {
            config::KeepPolicy::None => Retention::None,
            config::KeepPolicy::Done => Retention::Done,
            config::KeepPolicy::Archive => Retention::Archive,
        },
        max_file_bytes: config.max_file_bytes,
        in_flight_bytes: config.in_flight_bytes,
        batch_rows: config.batch_rows as u64,
        flush_interval: config.flush_interval.unwrap_or_else(|| config.warehouse.usual_flush_interval()),
        scan_interval: config.scan_interval,
        claim_files: config.claim_files as u64,
        write_age: config.write_age,
        readers: config.readers,
        settlers: config.settlers,
        stop_timeout: config.stop_timeout,
    }
}

/// Updates the progress bar, publishes the worker's state for `irispool status`, and logs a summary a minute while
/// there is work. Ends when `stop` is disconnected.
fn tell(
    tally: &Tally,
    hang_detector: &HangDetector,
    publisher: &mut StatusPublisher,
    asked: &Stop,
    stop: &Receiver<()>,
) {
    let progress = Progress::new(0, true);
    let (mut shown, mut said) = (Totals::default(), Totals::default());
    let mut last_summary = Instant::now();
    let mut next_news = Instant::now();
    let mut service = Service::of_environment();
    let (mut is_ready, mut is_stopping) = (false, false);
    while let Err(crossbeam_channel::RecvTimeoutError::Timeout) = stop.recv_timeout(PROGRESS_INTERVAL) {
        let now = tally.totals();
        progress.add_total(now.claimed - shown.claimed);
        progress.delivered(now.delivered + now.dead - shown.delivered - shown.dead, now.rows - shown.rows);
        shown = now;
        let hangs = hang_detector.hangs_for(&tally.figures).is_some();
        // A worker that waits for its warehouse counts as started, so that it does not hold up the boot.
        let waits_for = tally.figures.waiting().and_then(|waiting| waiting.why);
        if !is_ready && (waits_for.is_some() || tally.figures.turned_at_ms() > 0) {
            is_ready = service.ready();
        }
        if !is_stopping && asked.requested() {
            is_stopping = service.stopping();
        }
        if is_ready && !hangs {
            service.well();
        }
        if Instant::now() >= next_news {
            service.status(match waits_for {
                Some(why) => format!("waits for the warehouse: {why}"),
                None => format!("{} delivered, {} dead", counted(now.delivered, "message"), now.dead),
            });
            publisher.publish(tally);
            next_news = Instant::now() + NEWS_INTERVAL;
        }
        if last_summary.elapsed() >= SUMMARY_INTERVAL {
            if now != said {
                summarise("delivered", &now, &said, last_summary.elapsed());
            }
            said = now;
            last_summary = Instant::now();
        }
    }
    if is_ready && !is_stopping {
        service.stopping();
    }
    publisher.finish(tally);
    progress.finish();
}

fn summarise(what: &'static str, now: &Totals, before: &Totals, elapsed: Duration) {
    let files = now.delivered - before.delivered;
    let seconds = elapsed.as_secs_f64().max(0.001);
    tracing::info!(
        files,
        rows = now.rows - before.rows,
        superseded = now.superseded - before.superseded,
        already_loaded = now.already_loaded - before.already_loaded,
        rescued_rows = now.rescued_rows - before.rescued_rows,
        dead = now.dead - before.dead,
        letters_gone = now.letters_gone - before.letters_gone,
        seconds = format!("{seconds:.1}"),
        files_per_second = (files as f64 / seconds) as u64,
        "{what}"
    );
}
