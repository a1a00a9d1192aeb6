//! `irispool run`: the daemon, and the drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

use super::pid_file::PidFile;
use crate::catalog;
use crate::config::{self, Config, WarehouseSpec};
use crate::exit::{Exit, Explain, Failure};
use crate::health::alerts::Watch;
use crate::health::{Endpoint, Publisher};
use crate::message::Mode;
use crate::observe::service::Service;
use crate::observe::{Progress, http};
use crate::pipeline::{self, KeepSettings, Keeper, PipelineError, Room, Settings, Tally, Totals};
use crate::signals::Stop;
use crate::spool::{Keep, Layout, SpoolError, now_ms};
use crate::warehouse::bigquery::{self, BigQuery};
use crate::warehouse::{Warehouse, WarehouseError, sqlite::Sqlite};

/// How often the progress bar learns of new numbers.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// A warehouse that is not ready when a daemon starts is tried again after so long.
const OPEN_RETRY: Duration = Duration::from_secs(5);

/// How often other processes learn how this one does.
const NEWS_INTERVAL: Duration = Duration::from_secs(1);

/// A worker that has gone no round for so long is not called well.
const ROUND_AGE_MAX: Duration = Duration::from_secs(60);

/// A summary line comes after so long with work in it.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

impl Explain for SpoolError {
    fn hint(&self) -> Option<String> {
        SpoolError::hint(self)
    }
}

impl Explain for PipelineError {
    fn hint(&self) -> Option<String> {
        match self {
            PipelineError::Spool(error) => error.hint(),
            PipelineError::Thread(_) => {
                Some("lower readers and settlers, or raise the limit on processes".to_owned())
            }
        }
    }
}

/// Runs one worker until a signal, or, with `once`, until nothing is left to do.
///
/// # Errors
/// When the spool or the warehouse can't be used at all.
pub(super) fn run(config: &Config, once: bool) -> Result<Exit, Failure> {
    let stop = Stop::on_signals().map_err(PipelineError::Thread)?;
    let _pid_file = config.pid_file.as_deref().map(PidFile::write).transpose()?;
    let layout = Layout::open(&config.spool)?;
    // A drain says by its exit code how it went, and is gone before anything has lasted.
    let watch = if once { None } else { Watch::start(config, &stop).map_err(PipelineError::Thread)? };
    let Some(warehouse) = open_patiently(config, once, &stop)? else { return Ok(Exit::Done) };
    let (exit, _) = work(config, once, layout, warehouse, stop)?;
    drop(watch);
    Ok(exit)
}

/// Opens the warehouse. A daemon waits for one that is not ready yet; nothing where it is told to stop meanwhile.
fn open_patiently(config: &Config, once: bool, stop: &Stop) -> Result<Option<Arc<dyn Warehouse>>, Failure> {
    loop {
        match open_warehouse(config) {
            Err(failure) if failure.may_pass() && !once => {
                tracing::warn!(why = failure.to_string(), "waiting: the warehouse is not ready");
                if stop.wait(OPEN_RETRY) {
                    return Ok(None);
                }
            }
            other => return other.map(Some),
        }
    }
}

/// Opens the warehouse that the settings name.
///
/// # Errors
/// When it is not there and can't be made, is something else, or lets nobody in.
pub(super) fn open_warehouse(config: &Config) -> Result<Arc<dyn Warehouse>, Failure> {
    Ok(match &config.warehouse {
        WarehouseSpec::Sqlite(path) => Arc::new(open_sqlite(path, config.busy_timeout)?),
        WarehouseSpec::BigQuery { .. } => Arc::new(open_bigquery(config)?),
    })
}

/// Opens the database and, in a new one, makes all tables and views in one step: one by one, as messages come, each
/// would be a commit of its own and make every other worker read the schema anew.
fn open_sqlite(path: &Path, busy_timeout: Duration) -> Result<Sqlite, WarehouseError> {
    let sqlite = Sqlite::open(path, busy_timeout)?;
    if !sqlite.is_new()? {
        return Ok(sqlite);
    }
    match sqlite.set_up(catalog::all().iter().map(|dataset| dataset.name.as_str())) {
        Ok(made) => tracing::debug!(tables = made.tables, views = made.views, "made what was missing"),
        Err(error @ WarehouseError::Later { .. }) => return Err(error),
        // A found table that is in the way holds up its own dataset only, and says so when a message comes for it.
        Err(WarehouseError::Setup { why, hint }) => tracing::warn!(why, hint, "could not make all tables"),
    }
    Ok(sqlite)
}

/// Opens the settings' warehouse, which is in BigQuery, with the credentials that the process finds around it.
pub(super) fn open_bigquery(config: &Config) -> Result<BigQuery, WarehouseError> {
    let options = bigquery::Options {
        method: match config.method {
            config::Method::Auto => bigquery::Method::Auto,
            config::Method::Stream => bigquery::Method::Stream,
            config::Method::Load => bigquery::Method::Load,
        },
        batch_rows: config.stream_rows,
        in_flight: config.requests_in_flight,
        requests_per_second: config.requests_per_second.map(f64::from),
        load_threshold_files: config.load_threshold_files as u64,
        environment: bigquery::Environment::of_process(),
        ..bigquery::Options::default()
    };
    BigQuery::open(&config.warehouse.to_string(), options)
}

/// Runs the pipeline, and tells of it: a progress bar for a backlog, a summary line a minute and one at the end.
pub(super) fn work(
    config: &Config,
    once: bool,
    layout: Layout,
    warehouse: Arc<dyn Warehouse>,
    stop: Stop,
) -> Result<(Exit, Totals), Failure> {
    let started = Instant::now();
    let tally = Arc::new(Tally::default());
    let (finished, teller_stop) = bounded::<()>(0);
    let listen = config.listen.0.map(|address| serve(config, address, &tally, &warehouse)).transpose()?;
    let teller = {
        let (tally, stop_seen) = (Arc::clone(&tally), stop.clone());
        let listen = listen.map(|address| address.to_string());
        let mut publisher = Publisher::new(layout.clone(), listen, &config.warehouse);
        thread::Builder::new()
            .name("tell".to_owned())
            .spawn(move || tell(&tally, &mut publisher, &stop_seen, &teller_stop))
            .map_err(PipelineError::Thread)?
    };
    let settings = settings(config, once);
    let dead_room = &tally.figures.dead_room;
    dead_room.limit(config.dead_max_bytes);
    dead_room.count_when_due(&layout, &stop)?;
    let keeper =
        Keeper::start(layout.clone(), keep_settings(config, &settings), Arc::clone(&tally), stop.clone())
            .map_err(PipelineError::Thread)?;
    let ended = pipeline::run(settings, layout, warehouse, Arc::clone(&tally), stop);
    if once {
        keeper.finish();
    } else {
        drop(keeper);
    }
    drop(finished);
    let _ = teller.join();
    let ended = ended?;
    let totals = tally.totals();
    summarise("ended", &totals, &Totals::default(), started.elapsed());
    let exit = if ended.left > 0 {
        if tally.figures.dead_room.room() == Room::Full {
            let dead_bytes = tally.figures.dead_room.bytes();
            tracing::error!(
                dead_bytes,
                "dead/ holds as much as dead_max_bytes allows, so no more messages were claimed: irispool dead list"
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

/// Serves metrics and health until the process ends. Gives the address, with the port that the system chose for 0.
fn serve(
    config: &Config,
    address: SocketAddr,
    tally: &Arc<Tally>,
    warehouse: &Arc<dyn Warehouse>,
) -> Result<SocketAddr, ListenError> {
    let failed = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let endpoint = Endpoint::new(config.clone(), Arc::clone(tally), Arc::clone(warehouse));
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
            io::ErrorKind::PermissionDenied => {
                "ports under 1024 are for root: choose a higher one".to_owned()
            }
            _ => "name an address of this machine: 127.0.0.1:9464 for itself only".to_owned(),
        })
    }
}

fn keep_settings(config: &Config, settings: &Settings) -> KeepSettings {
    KeepSettings {
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
            config::SchemaPolicy::Evolve => Mode::Evolve,
            config::SchemaPolicy::Rescue => Mode::Rescue,
            config::SchemaPolicy::Strict => Mode::Strict,
        },
        keep: match config.keep {
            config::Keep::None => Keep::None,
            config::Keep::Done => Keep::Done,
            config::Keep::Archive => Keep::Archive,
        },
        max_file_bytes: config.max_file_bytes,
        in_flight_bytes: config.in_flight_bytes,
        batch_rows: config.batch_rows as u64,
        flush_interval: config.flush_interval(),
        scan_interval: config.scan_interval,
        claim_files: config.claim_files as u64,
        write_age: config.write_age,
        readers: config.readers,
        settlers: config.settlers,
        stop_timeout: config.stop_timeout,
    }
}

/// Until `stop` is disconnected: moves the progress bar, publishes how things are for `irispool status`, and logs a summary a minute while there is work.
fn tell(tally: &Tally, publisher: &mut Publisher, asked: &Stop, stop: &Receiver<()>) {
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
        let turned_ms = tally.figures.turned_at_ms();
        if !is_ready && turned_ms > 0 {
            is_ready = true;
            service.ready();
        }
        if !is_stopping && asked.requested() {
            is_stopping = true;
            service.stopping();
        }
        if is_ready && now_ms() - turned_ms < ROUND_AGE_MAX.as_millis() as i64 {
            service.well();
        }
        if Instant::now() >= next_news {
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
        seconds = format!("{seconds:.1}"),
        files_per_second = (files as f64 / seconds) as u64,
        "{what}"
    );
}
