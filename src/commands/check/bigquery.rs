//! Checks a BigQuery warehouse: credentials, network, dataset, permissions and tables.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::units::short_duration;
use super::access::{MAKE_FILES, may};
use super::disk::of_room;
use super::line::{CheckLine, bad, failed, good, unknown, warning};
use super::tables::{of_catalog, of_left_alone};
use crate::bq_dataset::BqDataset;
use crate::config::{Config, MethodSetting};
use crate::exit::Explain;
use crate::spool::now_ms;
use crate::warehouse::bigquery::{Allowed, BigQuery, Environment, NO_PROJECT, Options};

/// How long one request may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A clock that is this far off is a warning. The `Date` header has whole seconds and takes time to arrive.
const CLOCK_WARN: Duration = Duration::from_secs(10);

/// A service account signs the current time, and Google rejects a signature from a time that is further off.
const CLOCK_BAD: Duration = Duration::from_secs(5 * 60);

pub(super) fn check(config: &Config, bq_dataset: &BqDataset) -> Vec<CheckLine> {
    let options = Options {
        patience: Duration::ZERO,
        call_timeout: CALL_TIMEOUT,
        environment: Environment::of_process(),
        ..Options::default()
    };
    let warehouse = match BigQuery::open(bq_dataset.clone(), options) {
        Ok(warehouse) => warehouse,
        Err(error) => return vec![failed("credentials", &error)],
    };
    // Credentials without a file, such as a metadata server's, exist only if the server answers.
    let assumed = warehouse.credentials_are_assumed().then(|| warehouse.sign_in());
    let mut lines = vec![match &assumed {
        Some(Err(error)) => failed("credentials", error),
        Some(Ok(_)) | None => good("credentials", warehouse.credentials()),
    }];
    match warehouse.server_time() {
        Ok(server_ms) => {
            lines.push(good("network", format!("{} answers", warehouse.address())));
            lines.extend(server_ms.map(of_clock));
        }
        Err(error) => {
            let hint = "check the network; HTTPS_PROXY sets a proxy";
            lines.push(bad("network", error.to_string(), hint));
            return lines;
        }
    }
    if let Some(Err(_)) = assumed {
        return lines;
    }
    match warehouse.sign_in() {
        Ok(true) => lines.push(good("token", "Google issued one")),
        Ok(false) => lines.push(good("token", "none is needed")),
        Err(error) => {
            lines.push(failed("token", &error));
            return lines;
        }
    }
    match warehouse.ask_location() {
        Ok(location) => {
            let location = location.map_or(String::new(), |location| format!(" in {location}"));
            lines.push(good("dataset", format!("{} exists{location}", warehouse.bq_dataset())));
        }
        Err(error) => {
            lines.push(failed("dataset", &error));
            // Without the project, every other check would fail in the same way.
            if error.hint().is_some_and(|hint| hint.contains(NO_PROJECT)) {
                return lines;
            }
        }
    }
    let names = warehouse.names().ok().flatten();
    lines.extend(of_permissions(&warehouse, names.as_ref()));
    if config.method != MethodSetting::Stream {
        lines.push(of_temporary(config));
    }
    if config.method != MethodSetting::Load {
        let what = "irispool cannot ask whether the project has a billing account, which streaming needs";
        lines.push(unknown("billing", what, "if it has none, set method = \"load\""));
    }
    if let Some(names) = &names {
        lines.extend(of_tables(&warehouse, names));
    }
    lines
}

/// The folder in which the rows of a load job are collected.
fn of_temporary(config: &Config) -> CheckLine {
    let folder = std::env::temp_dir();
    match may(&folder, MAKE_FILES) {
        Ok(()) => of_room("load job room", &folder, config.status_disk_critical),
        Err(error) => bad(
            "load job room",
            format!("this user may not create files in {}: {error}", folder.display()),
            "the rows of load jobs are collected there: give this user write access, or set TMPDIR",
        ),
    }
}

fn of_clock(server_ms: i64) -> CheckLine {
    let off_ms = now_ms() - server_ms;
    let off = Duration::from_millis(off_ms.unsigned_abs());
    let way = if off_ms < 0 { "behind" } else { "ahead of" };
    let what = format!("this machine's clock is {} {way} the server's", short_duration(off));
    if off > CLOCK_BAD {
        bad(
            "server clock",
            what,
            "set the clock: Google rejects signatures from another time, and rows carry the time",
        )
    } else if off > CLOCK_WARN {
        warning("server clock", what, "set the clock: rows carry the time at which their file was written")
    } else {
        good("server clock", "this machine's clock agrees with the server's")
    }
}

fn of_permissions(warehouse: &BigQuery, names: Option<&BTreeSet<String>>) -> Vec<CheckLine> {
    let lines = warehouse.permissions(names).into_iter().map(|permission| {
        let (name, does) = (permission.name, permission.does);
        match permission.answer {
            Allowed::Yes => good("permission", format!("{name} {does}")),
            Allowed::No { hint } => bad("permission", format!("{name}, which {does}, is not granted"), hint),
            Allowed::Unknown { why } => {
                let what = format!("{name}, which {does}, cannot be tested: {why}");
                unknown(
                    "permission",
                    what,
                    "roles/bigquery.dataEditor and roles/bigquery.jobUser include all of them",
                )
            }
        }
    });
    lines.collect()
}

fn of_tables(warehouse: &BigQuery, names: &BTreeSet<String>) -> Vec<CheckLine> {
    let mut lines = vec![of_catalog(names)];
    match warehouse.unusable_tables(names) {
        Ok(tables) => lines.extend(tables.into_iter().map(|table| bad("table", table.why, table.hint))),
        Err(error) => lines.push(failed("table", &error)),
    }
    match warehouse.left_alone() {
        Ok(left) => lines.extend(of_left_alone(left)),
        Err(error) => lines.push(failed("views", &error)),
    }
    lines
}
