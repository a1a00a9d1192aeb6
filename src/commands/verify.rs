//! `irispool verify`: compares Elexon's archive with what is here.

use std::collections::BTreeSet;

use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::args::{NotThere, refuse_unknown, spool_of};
use super::table::{Align, columns, named};
use super::terminal::say;
use super::units::{count, counted};
use crate::catalog;
use crate::completeness::{DayVerdict, DeliveredNames, Verified, VerifiedDays, Verify, VerifyRequest};
use crate::config::{Config, WarehouseSpec};
use crate::exit::{Exit, Explain, Failure};
use crate::observe::{StepsBar, plain};
use crate::source::elexon_archive::{ArchiveOptions, ArchiveUrl, ElexonArchive, SentNames};
use crate::warehouse::sqlite::SqliteReader;

/// How many days are verified if no day is named. IRIS itself keeps messages for as long.
const DAYS_BY_DEFAULT: i32 = 3;

/// The arguments of `irispool verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Only this dataset; can be given more than once
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<String>,
    /// Only this day, UTC; the default is the last three days
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, conflicts_with_all = ["since", "until"])]
    pub day: Option<Date>,
    /// This day and later
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub since: Option<Date>,
    /// This day and earlier
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, requires = "since")]
    pub until: Option<Date>,
    /// Look again at days that were found complete before
    #[arg(long)]
    pub again: bool,
    /// Print the answer as one JSON object
    #[arg(long)]
    pub json: bool,
}

fn day(text: &str) -> Result<Date, String> {
    let is_form = text.len() == "YYYY-MM-DD".len() && text.bytes().filter(|byte| *byte == b'-').count() == 2;
    let date = is_form.then(|| text.parse().ok()).flatten();
    date.ok_or_else(|| "a day such as 2025-10-28".to_owned())
}

#[derive(Debug, thiserror::Error)]
enum CannotVerify {
    #[error("--since {since} is later than --until {until}")]
    NoDays { since: Date, until: Date },
    #[error("{day} has not begun yet (UTC)")]
    Future { day: Date },
    #[error("verify needs a list of the delivered messages, which irispool does not have for {warehouse}")]
    BigQuery { warehouse: String },
}

impl Explain for CannotVerify {
    fn hint(&self) -> Option<String> {
        match self {
            CannotVerify::NoDays { .. } => Some("name the earlier day with --since".to_owned()),
            CannotVerify::Future { .. } => None,
            CannotVerify::BigQuery { .. } => Some(
                "verify works only with SQLite so far: BigQuery has no ledger of messages, and irispool does not keep one \
                 in the spool yet"
                    .to_owned(),
            ),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            CannotVerify::NoDays { .. } | CannotVerify::Future { .. } => Exit::Usage,
            CannotVerify::BigQuery { .. } => Exit::Unknown,
        }
    }
}

/// `irispool verify`.
///
/// # Errors
/// If the archive, the ledger or the spool cannot be read, or there is nothing to verify.
pub(super) fn run(config: &Config, args: &VerifyArgs) -> Result<Exit, Failure> {
    let verified = verify(config, args)?;
    if args.json {
        say(&format!("{}\n", serde_json::json!(verified)))?;
    } else {
        say(&screen(&verified))?;
    }
    Ok(if verified.complete { Exit::Done } else { Exit::Warning })
}

fn verify(config: &Config, args: &VerifyArgs) -> Result<Verified, Failure> {
    let (since, until) = days(args)?;
    let WarehouseSpec::Sqlite(database) = &config.warehouse else {
        return Err(CannotVerify::BigQuery { warehouse: config.warehouse.to_string() }.into());
    };
    let layout = spool_of(config)?;
    let reader = SqliteReader::open(database, config.busy_timeout)?;
    let delivered = DeliveredNames(&reader);
    refuse_mistyped(&args.datasets, &delivered)?;
    let archive = ElexonArchive::new(ArchiveOptions {
        requests_per_second: config.archive_requests_per_second,
        ..ArchiveOptions::at(ArchiveUrl::new(&config.archive_url))
    });
    let request = VerifyRequest {
        datasets: args.datasets.iter().map(|name| catalog::dataset_name(name)).collect(),
        since,
        until,
        again: args.again,
    };
    let mut verified_days = VerifiedDays::read(&layout, &config.warehouse.to_string())?;
    let bar = StepsBar::new("days of datasets");
    let verify = Verify { sent: SentNames(&archive), delivered, layout: &layout };
    Ok(verify.run(&request, &mut verified_days, &mut |done, total| bar.set(done, total))?)
}

/// The first and the last day to verify.
fn days(args: &VerifyArgs) -> Result<(Date, Date), CannotVerify> {
    let today = jiff::tz::TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let first_by_default = today.saturating_sub((DAYS_BY_DEFAULT - 1).days());
    let since = args.day.or(args.since).unwrap_or(first_by_default);
    let until = args.day.or(args.until).unwrap_or(today);
    match since {
        since if since > today => Err(CannotVerify::Future { day: since }),
        since if since > until => Err(CannotVerify::NoDays { since, until }),
        since => Ok((since, until)),
    }
}

/// Refuses a dataset that neither the catalog nor the ledger knows. The ledger is asked only if it must be.
fn refuse_mistyped(datasets: &[String], delivered: &DeliveredNames<'_>) -> Result<(), Failure> {
    let Err(NotThere::Dataset { .. }) = refuse_unknown(datasets, &[]) else { return Ok(()) };
    let known = delivered.datasets().map_err(crate::completeness::VerifyError::from)?;
    refuse_unknown(datasets, &known.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(())
}

fn screen(verified: &Verified) -> String {
    let mut text = String::new();
    let is_news = |day: &&DayVerdict| day.missing + day.dead + day.waiting > 0;
    let lines: Vec<Vec<String>> = verified.days.iter().filter(is_news).map(line).collect();
    if !lines.is_empty() {
        let titles =
            ["SENT", "HERE", "WAITING", "DEAD", "MISSING", "UNSENT"].map(|title| (title, Align::Right));
        let header = [("DATASET", Align::Left), ("DAY", Align::Left)].into_iter().chain(titles);
        text.push_str(&columns(&header.collect::<Vec<_>>(), &lines));
        text.push('\n');
    }
    let missing: Vec<String> = verified.days.iter().flat_map(|day| day.missing_ids.iter().cloned()).collect();
    if !missing.is_empty() {
        text.push_str(&format!(
            "missing ({}):\n{}\n",
            counted(missing.len() as u64, "message"),
            named(&missing)
        ));
    }
    let not_judged: Vec<String> = verified
        .not_judged
        .iter()
        .map(|left| {
            let day = left.day.map(|day| format!(" {day}")).unwrap_or_default();
            format!("{}{day}: {}", left.dataset, left.why)
        })
        .collect();
    if !not_judged.is_empty() {
        text.push_str(&format!("not judged:\n{}\n", named(&not_judged)));
    }
    text.push_str(&summary(verified));
    text
}

fn line(day: &DayVerdict) -> Vec<String> {
    let counts = [day.sent, day.here, day.waiting, day.dead, day.missing, day.unsent];
    [plain(&day.dataset).into_owned(), day.day.to_string()].into_iter().chain(counts.map(count)).collect()
}

fn summary(verified: &Verified) -> String {
    let sum = |of: fn(&DayVerdict) -> u64| verified.days.iter().map(of).sum::<u64>();
    let datasets: BTreeSet<&str> = verified.days.iter().map(|day| &*day.dataset).collect();
    let word = if verified.complete { "complete" } else { "not complete" };
    let sent = counted(sum(|day| day.sent), "message");
    let datasets = counted(datasets.len() as u64, "dataset");
    let days: BTreeSet<Date> = verified.days.iter().map(|day| day.day).collect();
    let days = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first < last => format!(" from {first} to {last}"),
        (Some(day), _) => format!(" on {day}"),
        _ => String::new(),
    };
    let mut text =
        format!("{word}: Elexon sent {sent} of {datasets}{days}: {} here", count(sum(|day| day.here)));
    let others: [(u64, &str); 3] = [
        (sum(|day| day.waiting), "waiting"),
        (sum(|day| day.dead), "dead"),
        (sum(|day| day.missing), "missing"),
    ];
    for (number, what) in others.into_iter().filter(|(number, _)| *number > 0) {
        text.push_str(&format!(", {} {what}", count(number)));
    }
    let unsent = sum(|day| day.unsent);
    if unsent > 0 {
        text.push_str(&format!("\n{} here and not in the archive", counted(unsent, "more message")));
    }
    text.push_str(&format!("\njudged until {:.0}\n", verified.judged_until));
    if sum(|day| day.dead) > 0 {
        text.push_str("why messages are dead: irispool dead list\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn a_day_is_written_as_in_iso_8601() {
        assert_eq!(day("2025-10-28").unwrap().to_string(), "2025-10-28");
        for wrong in ["", "20251028", "2025-10-28T00:00", "2025-13-01", "28-10-2025", "today"] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }
}
