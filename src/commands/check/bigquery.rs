//! BigQuery: credentials, network, dataset, permissions, tables.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::units::short_duration;
use super::access::{MAKE_FILES, may};
use super::disk::of_room;
use super::line::{CheckLine, bad, failed, good, unknown, warning};
use super::tables::{of_catalog, of_left_alone};
use crate::config::{Config, Method};
use crate::exit::Explain;
use crate::spool::now_ms;
use crate::warehouse::bigquery::{Allowed, BigQuery, Environment, NO_PROJECT, Options};

/// How long one request may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A clock that is so far off is worth a word; a `Date` header has whole seconds, and took its way.
const CLOCK_WARN: Duration = Duration::from_secs(10);

/// A service account signs with the time, and Google takes no signature of another time.
const CLOCK_BAD: Duration = Duration::from_secs(5 * 60);

pub(super) fn check(config: &Config) -> Vec<CheckLine> {
    let options = Options {
        patience: Duration::ZERO,
        call_timeout: CALL_TIMEOUT,
        environment: Environment::of_process(),
        ..Options::default()
    };
    let warehouse = match BigQuery::open(&config.warehouse.to_string(), options) {
        Ok(warehouse) => warehouse,
        Err(error) => return vec![failed("credentials", &error)],
    };
    // What lies nowhere is only there when it answers.
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
            let hint = "is the network up? A proxy is taken from HTTPS_PROXY";
            lines.push(bad("network", error.to_string(), hint));
            return lines;
        }
    }
    if let Some(Err(_)) = assumed {
        return lines;
    }
    match warehouse.sign_in() {
        Ok(true) => lines.push(good("token", "Google gives one")),
        Ok(false) => lines.push(good("token", "none is asked for")),
        Err(error) => {
            lines.push(failed("token", &error));
            return lines;
        }
    }
    match warehouse.ask_location() {
        Ok(location) => {
            let location = location.map_or(String::new(), |location| format!(", in {location}"));
            lines.push(good("dataset", format!("{} is there{location}", warehouse.place())));
        }
        Err(error) => {
            lines.push(failed("dataset", &error));
            // Of a project that is not there nothing else can be asked, and each line would say the same.
            if error.hint().is_some_and(|hint| hint.contains(NO_PROJECT)) {
                return lines;
            }
        }
    }
    let names = warehouse.names().ok().flatten();
    lines.extend(of_permissions(&warehouse, names.as_ref()));
    if config.method != Method::Stream {
        lines.push(of_temporary(config));
    }
    if config.method != Method::Load {
        let what = "whether the project has a billing account can't be asked, and streaming needs one";
        lines.push(unknown("billing", what, "without one: method = \"load\""));
    }
    if let Some(names) = &names {
        lines.extend(of_tables(&warehouse, names));
    }
    lines
}

/// Where the rows of a load job are gathered.
fn of_temporary(config: &Config) -> CheckLine {
    let folder = std::env::temp_dir();
    match may(&folder, MAKE_FILES) {
        Ok(()) => of_room("load job room", &folder, config.status_disk_critical),
        Err(error) => bad(
            "load job room",
            format!("this user may not make files in {}: {error}", folder.display()),
            "the rows of load jobs are gathered there: give this user the right to, or set TMPDIR",
        ),
    }
}

fn of_clock(server_ms: i64) -> CheckLine {
    let off_ms = now_ms() - server_ms;
    let off = Duration::from_millis(off_ms.unsigned_abs());
    let way = if off_ms < 0 { "behind" } else { "ahead of" };
    let what = format!("this machine's clock is {} {way} the server's", short_duration(off));
    if off > CLOCK_BAD {
        bad("server clock", what, "set it: Google refuses signatures of another time, and rows carry it")
    } else if off > CLOCK_WARN {
        warning("server clock", what, "set it: rows carry the time at which their file was written")
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
                let what = format!("{name}, which {does}, can't be tested: {why}");
                unknown(
                    "permission",
                    what,
                    "roles/bigquery.dataEditor and roles/bigquery.jobUser have all of them",
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
