//! Goes through datasets and days, and compares Elexon's archive with what is here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::spool_names::SpoolNames;
use super::{
    DayVerdict, DeliveredNames, NameState, NotJudged, Verified, VerifiedDays, VerifyError, VerifyRequest,
};
use crate::catalog::dataset_name;
use crate::source::elexon_archive::{SentNames, Stems};
use crate::spool::Layout;

/// What was sent later than this is not judged: the archive is some minutes behind IRIS, and so is the client.
const NOT_JUDGED: SignedDuration = SignedDuration::from_mins(15);

/// Elexon may upload messages of a day this many days late. After that, a day that is complete stays complete.
const SETTLED_AFTER_DAYS: i32 = 3;

/// A dataset whose names have more stems than this has names that irispool does not understand.
const STEMS_MAX: usize = 20;

/// What a verification needs.
pub struct Verify<'a> {
    /// What Elexon has sent.
    pub sent: SentNames<'a>,
    /// The ledger.
    pub delivered: DeliveredNames<'a>,
    /// The spool.
    pub layout: &'a Layout,
}

/// A verification that is under way.
struct VerifyRun<'a> {
    verify: &'a Verify<'a>,
    spool: SpoolNames,
    /// The archive's folders, by dataset. They are listed when the first day needs them.
    folders: Option<BTreeMap<String, Vec<String>>>,
    until: Timestamp,
    found: Vec<DayVerdict>,
    not_judged: Vec<NotJudged>,
}

impl Verify<'_> {
    /// Looks at each dataset and day. It tells `progress` how many of them are done, and of how many.
    ///
    /// # Errors
    /// If the archive, the ledger or the spool cannot be read, or nothing can be judged. Days that were found complete
    /// until then are noted.
    pub fn run(
        &self,
        request: &VerifyRequest,
        verified_days: &mut VerifiedDays,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Verified, VerifyError> {
        let now = Timestamp::now();
        let today = day_of(now);
        let spool = SpoolNames::of(self.layout)?;
        let mut datasets: BTreeSet<String> = request.datasets.iter().cloned().collect();
        if datasets.is_empty() {
            datasets.extend(self.delivered.datasets()?);
            datasets.extend(spool.datasets().map(str::to_owned));
        }
        if datasets.is_empty() {
            return Err(VerifyError::NoDataset);
        }
        let last = request.until.min(today);
        let days: Vec<Date> = request.since.series(1.day()).take_while(|day| *day <= last).collect();
        let is_settled = |day: Date| day < today.saturating_sub(SETTLED_AFTER_DAYS.days());
        let mut run = VerifyRun {
            verify: self,
            spool,
            folders: None,
            until: now - NOT_JUDGED,
            found: Vec::new(),
            not_judged: Vec::new(),
        };
        let total = (datasets.len() * days.len()) as u64;
        let mut done = 0;
        for dataset in &datasets {
            let mut of_dataset = DatasetLook::default();
            let earliest = self.delivered.earliest(dataset)?;
            let pruned_before = self.delivered.pruned_before(dataset)?;
            for day in &days {
                let found_before = verified_days.get(dataset, *day).filter(|_| !request.again);
                if let Some(why) = forgotten(*day, earliest, pruned_before) {
                    run.leave(dataset, Some(*day), why);
                } else if let Some(verdict) = found_before {
                    run.found.push(verdict);
                } else if let Some(verdict) = run.day(dataset, &mut of_dataset, *day, pruned_before)? {
                    let is_final = verdict.is_complete() && verdict.waiting == 0 && is_settled(*day);
                    if is_final && let Err(error) = verified_days.add(&verdict) {
                        tracing::warn!(%error, "cannot note in the spool that a day is complete");
                    }
                    run.found.push(verdict);
                }
                done += 1;
                progress(done, total);
            }
        }
        run.end()
    }
}

/// What is known of one dataset while its days are looked at.
#[derive(Default)]
struct DatasetLook {
    /// None until a day needs them.
    stems: Option<Vec<Stems>>,
    /// Whether the spool was listed once more because something seemed to be missing.
    is_spool_fresh: bool,
}

impl VerifyRun<'_> {
    fn leave(&mut self, dataset: &str, day: Option<Date>, why: String) {
        self.not_judged.push(NotJudged { dataset: dataset.to_owned(), day, why });
    }

    /// The verdict on a day, if it can be judged.
    fn day(
        &mut self,
        dataset: &str,
        look: &mut DatasetLook,
        day: Date,
        pruned_before: Option<Timestamp>,
    ) -> Result<Option<DayVerdict>, VerifyError> {
        if look.stems.is_none() {
            look.stems = Some(self.stems(dataset)?);
        }
        let stems = look.stems.as_deref().unwrap_or_default();
        let mut sent = BTreeSet::new();
        for folder in stems {
            for stem in &folder.stems {
                let blobs = self.verify.sent.day(&folder.folder, stem, day)?;
                sent.extend(blobs.iter().map(|blob| blob.message_id().to_owned()));
            }
        }
        let stems: BTreeSet<&str> =
            stems.iter().flat_map(|folder| folder.stems.iter().map(String::as_str)).collect();
        if stems.is_empty() {
            return Ok(None);
        }
        let until = self.until;
        let verdict_of = |known: &BTreeMap<String, NameState>| {
            let sent = sent.iter().map(String::as_str);
            DayVerdict::of(dataset, day, sent, known, pruned_before, until)
        };
        let (mut verdict, mut forgotten) = verdict_of(&self.known(dataset, &stems, day)?);
        if verdict.missing > 0 && !look.is_spool_fresh {
            // A message that came after the spool was listed may not have been delivered when the ledger was read.
            self.spool = SpoolNames::of(self.verify.layout)?;
            look.is_spool_fresh = true;
            (verdict, forgotten) = verdict_of(&self.known(dataset, &stems, day)?);
        }
        if verdict.missing > 0 && self.has_names_of_old_clients(dataset, &stems, day)? {
            let why =
                "an old client named messages of this day by its own clock, so the names cannot be compared";
            self.leave(dataset, Some(day), why.to_owned());
            return Ok(None);
        }
        if let Some(before) = pruned_before.filter(|_| forgotten > 0) {
            let why = format!("irispool prune has deleted what was loaded before {before:.0}");
            self.leave(dataset, Some(day), why);
        }
        Ok(Some(verdict))
    }

    /// The messages of a day that are here, wait or are dead.
    fn known(
        &self,
        dataset: &str,
        stems: &BTreeSet<&str>,
        day: Date,
    ) -> Result<BTreeMap<String, NameState>, VerifyError> {
        let mut known = BTreeMap::new();
        for stem in stems {
            let prefix = format!("{stem}_{}", day.strftime("%Y%m%d"));
            known.extend(self.verify.delivered.beginning_with(dataset, &prefix)?);
            for (name, state) in self.spool.beginning_with(dataset, &prefix) {
                // A message that is in the warehouse may come again. A letter of it has something that is not there.
                let entry = known.entry(name.to_owned()).or_insert(state);
                if state == NameState::Dead {
                    *entry = state;
                }
            }
        }
        Ok(known)
    }

    /// Whether messages of a day have the names that Elexon's clients made from their own clock until May 2024.
    fn has_names_of_old_clients(
        &self,
        dataset: &str,
        stems: &BTreeSet<&str>,
        day: Date,
    ) -> Result<bool, VerifyError> {
        for stem in stems {
            for form in ["%y%m%dT", "%Y%m%dT", "%Y-%m-%dT"] {
                let prefix = format!("{stem}_{}", day.strftime(form));
                if self.verify.delivered.has_beginning_with(dataset, &prefix)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The stems of a dataset's names in each of its folders. There are none if the names cannot be judged.
    fn stems(&mut self, dataset: &str) -> Result<Vec<Stems>, VerifyError> {
        if self.folders.is_none() {
            let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for folder in self.verify.sent.folders()? {
                folders.entry(dataset_name(&folder)).or_default().push(folder);
            }
            self.folders = Some(folders);
        }
        let folders = self.folders.as_ref().and_then(|folders| folders.get(dataset)).cloned();
        let mut all = Vec::new();
        for folder in folders.unwrap_or_default() {
            let stems = self.verify.sent.stems(&folder)?;
            if stems.stems.len() > STEMS_MAX {
                let why = format!("the archive's names of {folder} have forms that irispool does not know");
                self.leave(dataset, None, why);
                return Ok(Vec::new());
            }
            if stems.others > 0 {
                let names =
                    if stems.others == 1 { "name in the archive has" } else { "names in the archive have" };
                let why = format!("{} {names} no time that irispool knows", stems.others);
                self.leave(dataset, None, why);
            }
            all.push(stems);
        }
        if all.iter().all(|folder| folder.stems.is_empty()) {
            self.leave(dataset, None, "the archive has no messages of it".to_owned());
        }
        Ok(all)
    }

    fn end(self) -> Result<Verified, VerifyError> {
        if let (true, Some(first)) = (self.found.is_empty(), self.not_judged.first()) {
            let day = first.day.map(|day| format!(" on {day}")).unwrap_or_default();
            return Err(VerifyError::NothingJudged { why: format!("{}{day}: {}", first.dataset, first.why) });
        }
        Ok(Verified {
            complete: self.found.iter().all(DayVerdict::is_complete),
            days: self.found,
            judged_until: self.until,
            not_judged: self.not_judged,
        })
    }
}

/// Why a whole day cannot be judged: the ledger has forgotten it, or never knew it.
fn forgotten(day: Date, earliest: Option<Timestamp>, pruned_before: Option<Timestamp>) -> Option<String> {
    if let Some(before) = pruned_before.filter(|before| day < day_of(*before)) {
        return Some(format!("irispool prune has deleted what was loaded before {before:.0}"));
    }
    let earliest = earliest.map(day_of).filter(|earliest| day < *earliest)?;
    Some(format!("the warehouse has no message of it from before {earliest}"))
}

fn day_of(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}
